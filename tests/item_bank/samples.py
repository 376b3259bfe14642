"""Small QTI items for the tests of the bank, built by filling in one template."""

from __future__ import annotations

from pathlib import Path

QTI = 'xmlns="http://www.imsglobal.org/xsd/imsqtiasi_v3p0"'
MATCH = "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/match_correct"
MAP = "http://www.imsglobal.org/question/qti_v3p0/rptemplates/map_response.xml"
METADATA = 'xmlns:iv="https://invigil.example/ns/item-metadata"'

RESPONSE = (
    '<qti-response-declaration identifier="RESPONSE" cardinality="single" base-type="identifier">'
    "<qti-correct-response><qti-value>A</qti-value></qti-correct-response></qti-response-declaration>"
)
SCORE = '<qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float"/>'
CHOICES = (
    '<qti-simple-choice identifier="A">One</qti-simple-choice>'
    '<qti-simple-choice identifier="B">Two</qti-simple-choice>'
    '<qti-simple-choice identifier="C">Three</qti-simple-choice>'
)


def choice_interaction(choices: str = CHOICES, attributes: str = 'max-choices="1"') -> str:
    return f'<qti-choice-interaction response-identifier="RESPONSE" {attributes}>{choices}</qti-choice-interaction>'


def item_xml(
    *,
    identifier: str = "q-1",
    attributes: str = "",
    response: str = RESPONSE,
    outcomes: str = SCORE,
    body: str = "",
    interaction: str = "",
    after: str = "",
    processing: str = f'<qti-response-processing template="{MATCH}"/>',
) -> bytes:
    """An item that is taken as it stands; each part can be replaced by what a test is about."""
    return (
        f'<qti-assessment-item {QTI} identifier="{identifier}" title="A title" xml:lang="en" '
        f'time-dependent="false" {attributes}>{response}{outcomes}'
        f"<qti-item-body>{body}{interaction or choice_interaction()}</qti-item-body>{after}{processing}"
        "</qti-assessment-item>"
    ).encode()


def manifest(resources: str, head: str = "") -> str:
    return (
        f'<manifest xmlns="http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1" {METADATA} identifier="m">'
        f"<metadata><schema>QTI Package</schema><schemaversion>3.0.1</schemaversion>{head}</metadata>"
        f"<organizations/><resources>{resources}</resources></manifest>"
    )


def resource(identifier: str, metadata: str = "", href: str = "", kind: str = "imsqti_item_xmlv3p0") -> str:
    href = href or f"items/{identifier}.xml"
    return (
        f'<resource identifier="{identifier}" type="{kind}" href="{href}">'
        f'<metadata>{metadata}</metadata><file href="{href}"/></resource>'
    )


def full_metadata(domain: str = "D1", author: str = "emmy", enemies: str = "", level: str = "apply") -> str:
    return (
        f"<iv:domain>{domain}</iv:domain><iv:cognitive-level>{level}</iv:cognitive-level><iv:author>{author}</iv:author>"
        f"<iv:difficulty>0.75</iv:difficulty><iv:enemies>{enemies}</iv:enemies>"
        "<iv:rationale>Because one is less than two.</iv:rationale>"
    )


def write_package(folder: Path, items: dict[str, bytes], resources: str, head: str = "") -> Path:
    """A package folder: a manifest and its item files by identifier."""
    (folder / "items").mkdir(parents=True)
    for identifier, data in items.items():
        (folder / "items" / f"{identifier}.xml").write_bytes(data)
    (folder / "imsmanifest.xml").write_text(manifest(resources, head), encoding="utf-8")
    return folder
