"""Small QTI items for the tests of the bank, built by filling in one template."""

from __future__ import annotations

from pathlib import Path

from item_bank.item import Attributes, Element, Item, Metadata
from item_bank.item import Node as Plain
from item_bank.qti.choice import Choice, ChoiceInteraction, ChoiceItem, Declaration, Node, Shown

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


def composed(choice: ChoiceItem, metadata: Metadata | None = None) -> Item:
    """The item whose view is ``choice``."""
    declarations = tuple(_declaration(one) for one in choice.declarations)
    outcomes = tuple(
        Element("qti-outcome-declaration", _told(("identifier", one.variable), ("base-type", "float")))
        for one in choice.outcomes
    )
    body = Element("qti-item-body", choice.body_attributes, tuple(_plain(node) for node in choice.body))
    processing = Element("qti-response-processing", (("template", MATCH.replace("match_correct", choice.template)),))
    root = Element(
        "qti-assessment-item",
        _told(("identifier", choice.identifier), ("title", "A title"), ("xml:lang", choice.language)),
        (*declarations, *outcomes, body, processing),
    )
    return Item(root, metadata=metadata or Metadata())


def _plain(node: Node) -> Plain:
    if isinstance(node, str):
        return node
    if isinstance(node, Shown):
        return node.element
    if not isinstance(node, ChoiceInteraction):
        return Element(node.name, node.attributes, tuple(_plain(child) for child in node.children))
    prompt = Element("qti-prompt", node.prompt_attributes, tuple(_plain(child) for child in node.prompt))
    told = _told(
        ("response-identifier", node.variable),
        ("min-choices", str(node.min_choices)),
        ("max-choices", str(node.max_choices)),
        ("shuffle", str(node.shuffle).lower()),
        ("orientation", node.orientation),
    )
    choices = tuple(_choice(one) for one in node.choices)
    return Element("qti-choice-interaction", told + node.attributes, (prompt, *choices) if node.prompt else choices)


def _choice(choice: Choice) -> Element:
    told = _told(("identifier", choice.identifier), ("fixed", str(choice.fixed).lower()))
    return Element("qti-simple-choice", told + choice.attributes, tuple(_plain(node) for node in choice.content))


def _declaration(declaration: Declaration) -> Element:
    values = tuple(Element("qti-value", (), (value,)) for value in declaration.correct)
    parts = [Element("qti-correct-response", (), values)] if values else []
    mapping = declaration.mapping
    if mapping is not None:
        bounds = _told(("lower-bound", _number(mapping.lower)), ("upper-bound", _number(mapping.upper)))
        told = (("default-value", str(mapping.default)), *bounds)
        entries = tuple(
            Element("qti-map-entry", (("map-key", key), ("mapped-value", str(value)))) for key, value in mapping.entries
        )
        parts.append(Element("qti-mapping", told, entries))
    cardinality = "multiple" if declaration.multiple else "single"
    return Element(
        "qti-response-declaration",
        _told(("identifier", declaration.variable), ("cardinality", cardinality), ("base-type", "identifier")),
        tuple(parts),
    )


def _number(value: float | None) -> str:
    return "" if value is None else str(value)


def _told(*attributes: tuple[str, str]) -> Attributes:
    return tuple(sorted((name, value) for name, value in attributes if value))
