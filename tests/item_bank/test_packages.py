"""The two packages of the demo bank: whole, keyed, balanced, and right where a key can be calculated."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from lxml import etree

from item_bank.qti.package import read_package

PACKAGES = Path(__file__).resolve().parents[2] / "item_bank" / "packages"
EXAM, PRACTICE = "electrical_safety", "practice"
QTI = "{http://www.imsglobal.org/xsd/imsqtiasi_v3p0}"
CP = "{http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1}"
IV = "{https://invigil.example/ns/item-metadata}"
LEAST_PER_DOMAIN = {"D1": 28, "D2": 26, "D3": 26, "D4": 18, "D5": 14, "D6": 16}

#: What the key of a calculated item must say, worked out from the numbers in its stem.
CALCULATED = {
    "EST-D1-005": f"{5 * 47e-6 * 100e3:.1f} s",
    "EST-D1-006": f"{math.comb(5, 2)}",
    "EST-D1-014": f"{(8 / 10) ** 2 * 1:.2f} s",
    "EST-D1-018": f"{0.5 * 2200e-6 * 560**2:.0f} J",
    "EST-D2-004": f"{230 / 160:.2f} Ω",
    "EST-D2-006": f"{min((size for size, amps in {1.5: 18, 2.5: 25, 4: 33, 6: 42}.items() if amps * 0.7 >= 20)):g} mm²",
    "EST-D2-007": f"{math.floor(50 / 0.3)} Ω",
    "EST-D2-008": f"{min(size for size in (2.5, 4, 6, 10) if size >= math.sqrt(800**2 * 0.4) / 115):g} mm²",
    "EST-D2-009": f"{0.011 * 16 * 35:.2f} V",
    "EST-D2-012": f"{120 * 0.25:.0f} V",
    "EST-D2-021": f"{next(rating for rating in (20, 25, 32, 40) if 27 <= rating <= 36)} A",
    "EST-D2-022": f"{0.3 * 30 / 1.5:.0f}",
    "EST-D3-002": f"{500 / 0.0004 / 1e6:.2f} MΩ",
    "EST-D3-005": f"{230 / (0.35 + 0.62):.0f} A",
    "EST-D3-007": f"{1 / (1 / 6 + 1 / 3 + 1 / 2):.1f} MΩ",
    "EST-D3-008": f"{0.48 - 0.15:.2f} Ω",
    "EST-D3-009": f"{0.0175 * 60 / 2.5:.2f} Ω",
    "EST-D3-016": f"{0.3 + 0.1 * (20 - 5) / 7.5:.1f} Ω",
    "EST-D3-023": f"± {round(0.015 * 230.0 + 3 * 0.1 + 1e-9, 1)} V",
    "EST-D4-001": f"{230 / (1000 + 4000) * 1000:.0f} mA",
    "EST-D4-007": f"{12 * (45 / 90) ** 2:.0f} J/cm²",
    "EST-D4-017": f"{25**2 * 0.2:.0f} W",
    "EST-D5-002": f"{30 / 110 * 60:.0f} s",
    "EST-D6-008": "Keep the interval" if 2 <= 9 / 240 * 100 <= 4 else "another course",
}


@dataclass(frozen=True, slots=True)
class Found:
    """One item as its file and the manifest show it."""

    identifier: str
    path: Path
    stem: str
    options: dict[str, str]
    fixed: int
    keys: tuple[str, ...]
    most: int
    template: str
    mapping: dict[str, float]
    bounds: tuple[str | None, str | None]
    told: dict[str, str]

    @property
    def single(self) -> bool:
        return self.most == 1

    @property
    def key_text(self) -> str:
        return self.options[self.keys[0]]


@cache
def found(package: str) -> tuple[Found, ...]:
    manifest = etree.parse(PACKAGES / package / "imsmanifest.xml").getroot()
    return tuple(_one(package, resource) for resource in manifest.iter(f"{CP}resource"))


def _one(package: str, resource: etree._Element) -> Found:
    path = PACKAGES / package / resource.get("href", "")
    root = etree.parse(path).getroot()
    body, interaction = _only(root, "qti-item-body"), _only(root, "qti-choice-interaction")
    stem = [*body.iter(f"{QTI}p"), *body.iter(f"{QTI}td"), _only(root, "qti-prompt")]
    choices = list(interaction.iter(f"{QTI}qti-simple-choice"))
    mapping = next(root.iter(f"{QTI}qti-mapping"), None)
    entries = [] if mapping is None else list(mapping)
    correct = _only(root, "qti-correct-response")
    assert resource.get("identifier") == root.get("identifier") == path.stem
    return Found(
        identifier=path.stem,
        path=path,
        stem=" ".join(_text(part) for part in stem),
        options={choice.get("identifier", ""): _text(choice) for choice in choices},
        fixed=sum(choice.get("fixed") == "true" for choice in choices),
        keys=tuple(_text(value) for value in correct),
        most=int(interaction.get("max-choices", "1")),
        template=_only(root, "qti-response-processing").get("template", "").rpartition("/")[2],
        mapping={entry.get("map-key", ""): float(entry.get("mapped-value", "nan")) for entry in entries},
        bounds=(None, None) if mapping is None else (mapping.get("lower-bound"), mapping.get("upper-bound")),
        told={
            str(element.tag).removeprefix(IV): element.text or ""
            for element in resource.iterfind(f"{CP}metadata/{IV}*")
        },
    )


def _only(root: etree._Element, name: str) -> etree._Element:
    (element,) = root.iter(f"{QTI}{name}")
    return element


def _text(element: etree._Element) -> str:
    return " ".join("".join(str(text) for text in element.itertext()).split())


def by_identifier() -> dict[str, Found]:
    return {item.identifier: item for item in found(EXAM)}


@pytest.mark.parametrize("package", [EXAM, PRACTICE])
def test_the_importer_takes_every_item_with_what_the_manifest_tells(package: str) -> None:
    read = read_package(PACKAGES / package)
    told = {item.identifier: (item.told["domain"], float(item.told["difficulty"])) for item in found(package)}
    taken = {entry.item.identifier: entry.item.metadata for entry in read.entries}
    assert read.refusals == ()
    assert {name: (known.domain, known.difficulty) for name, known in taken.items()} == told


@pytest.mark.parametrize("package", [EXAM, PRACTICE])
def test_manifest_and_folder_name_the_same_files(package: str) -> None:
    listed = [item.path for item in found(package)]
    on_disk = sorted((PACKAGES / package).rglob("*.xml"))
    assert sorted([*listed, PACKAGES / package / "imsmanifest.xml"]) == on_disk


def test_each_domain_has_the_items_its_blueprint_needs() -> None:
    counts = Counter(item.told["domain"] for item in found(EXAM))
    assert set(counts) == set(LEAST_PER_DOMAIN)
    assert {domain: counts[domain] for domain, least in LEAST_PER_DOMAIN.items() if counts[domain] < least} == {}


def test_every_item_says_what_the_bank_must_know() -> None:
    words = {"domain", "cognitive-level", "author", "difficulty", "enemies", "rationale"}
    for item in (*found(EXAM), *found(PRACTICE)):
        assert set(item.told) == words, item.identifier
        assert item.told["cognitive-level"] in {"remember", "apply", "analyse"}, item.identifier
        assert item.told["author"] in {"emmy", "hedy"}, item.identifier
        assert 0.25 < float(item.told["difficulty"]) < 1, item.identifier
        assert item.told["rationale"], item.identifier


def test_no_identifier_and_no_stem_stands_twice() -> None:
    items = (*found(EXAM), *found(PRACTICE))
    assert [name for name, times in Counter(item.identifier for item in items).items() if times > 1] == []
    assert [stem for stem, times in Counter(item.stem.casefold() for item in items).items() if times > 1] == []


def test_every_key_is_among_options_that_differ() -> None:
    for item in (*found(EXAM), *found(PRACTICE)):
        assert set(item.keys) <= set(item.options), item.identifier
        assert len(set(item.options.values())) == len(item.options) == (4 if item.single else 5), item.identifier
        assert len(item.keys) == item.most or item.template == "map_response", item.identifier
        assert item.fixed in {0, 1, len(item.options)}, item.identifier


def test_no_option_points_to_the_other_options() -> None:
    phrases = ("all of the above", "none of the above", "both a and b")
    texts = [text.casefold() for item in found(EXAM) for text in item.options.values()]
    assert [text for text in texts if any(phrase in text for phrase in phrases)] == []


def test_the_bank_mixes_single_multiple_and_partial_credit_items() -> None:
    kinds = Counter((item.template, item.single) for item in found(EXAM))
    assert kinds == {("match_correct", True): 107, ("match_correct", False): 15, ("map_response", False): 8}


def test_partial_credit_reaches_one_mark_with_all_keys_and_never_falls_below_none() -> None:
    for item in (item for item in (*found(EXAM), *found(PRACTICE)) if item.template == "map_response"):
        assert item.bounds == ("0", "1"), item.identifier
        assert sum(item.mapping[key] for key in item.keys) == 1.0, item.identifier
        assert set(item.mapping) == set(item.options), item.identifier
        assert all(item.mapping[option] < 0 for option in set(item.options) - set(item.keys)), item.identifier


@pytest.mark.parametrize("kept_in_order", [False, True])
def test_the_position_of_the_key_gives_nothing_away(kept_in_order: bool) -> None:
    """Held for all items together, and for those whose options are never shuffled, where it counts most."""
    single = [item for item in found(EXAM) if item.single and (item.fixed == 4 or not kept_in_order)]
    positions = Counter(list(item.options).index(item.keys[0]) for item in single)
    assert len(positions) == 4
    assert max(positions.values()) <= 0.40 * len(single)
    assert min(positions.values()) >= 0.15 * len(single)


def test_the_length_of_the_key_gives_nothing_away() -> None:
    single = [item for item in found(EXAM) if item.single]
    longest = [item for item in single if _stands_out(item, 1)]
    shortest = [item for item in single if _stands_out(item, -1)]
    assert len(longest) < 0.45 * len(single)
    assert len(shortest) < 0.45 * len(single)


def test_enemies_are_known_and_enemies_of_each_other() -> None:
    foes = {item.identifier: set(item.told["enemies"].split()) for item in found(EXAM)}
    assert [(one, other) for one in foes for other in foes[one] if one not in foes.get(other, set())] == []
    assert [one for one in foes if one in foes[one]] == []
    assert sum(len(others) for others in foes.values()) // 2 >= 10


@pytest.mark.parametrize("identifier", CALCULATED)
def test_a_calculated_key_follows_from_the_numbers_of_its_stem(identifier: str) -> None:
    assert by_identifier()[identifier].key_text == CALCULATED[identifier]


def _stands_out(item: Found, direction: int) -> bool:
    """Whether the key is longer (1) or shorter (-1) than every other option."""
    key = len(item.key_text) * direction
    return all(key > len(text) * direction for option, text in item.options.items() if option not in item.keys)
