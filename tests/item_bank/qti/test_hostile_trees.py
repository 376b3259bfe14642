"""Readers take what strangers make up: any bytes, and any tree of QTI's own words. They accept or refuse, no more."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InvigilError
from item_bank.cases import scored
from item_bank.item import Element, Item, decode, encode
from item_bank.qti import grammar, media, upgrade, upgrade_names
from item_bank.qti.companions import address_in
from item_bank.qti.package import read_package
from item_bank.qti.reader import is_valid, read_source
from item_bank.refusal import Notes

WORDS = """A RESPONSE SCORE 0 1 -1 1e999 NaN true single multiple ordered record identifier float integer point
directedPair 0,0,9 rect poly map_response %.2f ( [a- https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/map_response.xml"""
VALUES = st.sampled_from(["", "A B", *WORDS.split()])
NAMES = sorted(grammar.RULES)
ATTRIBUTES = sorted({name for rule in grammar.RULES.values() for name in rule.attributes})


def attributes(names: list[str]) -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    found = st.dictionaries(st.sampled_from(names), VALUES, max_size=4) if names else st.just(dict[str, str]())
    return found.map(lambda told: tuple(sorted(told.items())))


@st.composite
def trees(draw: st.DrawFn, depth: int = 4) -> Element:
    """A tree that mostly keeps the grammar: children and attributes that may stand there, now and then others."""
    name = draw(st.sampled_from(NAMES)) if depth < 4 else "qti-assessment-item"
    return grown(draw, name, depth)


def grown(draw: st.DrawFn, name: str, depth: int) -> Element:
    rule = grammar.RULES[name]
    own = draw(attributes(sorted(rule.attributes)))
    needed = {one: draw(VALUES) for one in sorted(rule.required) if draw(st.booleans())}
    told = tuple(sorted({**dict(own), **needed}.items()))
    if depth == 0:
        return Element(name, told, (draw(VALUES),))
    may = [one for one in sorted(rule.counts) if one in grammar.RULES] or NAMES
    inside = draw(st.lists(st.sampled_from(may), max_size=3))
    stranger = draw(st.lists(st.sampled_from(NAMES), max_size=1)) if draw(st.integers(0, 9)) == 0 else []
    return Element(name, told, tuple(grown(draw, one, depth - 1) for one in (*inside, *stranger)))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(trees())
def test_a_tree_of_qti_words_is_valid_and_scores_or_is_refused(root: Element) -> None:
    item = Item(root)
    assert item == decode(encode(item))
    if is_valid(root, Notes("q.xml")):
        try:
            scored(item, [], 0)
        except InvigilError as refused:
            assert str(refused)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.builds(Element, st.sampled_from(sorted(upgrade_names.ELEMENTS)), attributes(ATTRIBUTES)),
        lambda inner: st.builds(
            Element,
            st.sampled_from(["infoControl", "p", "xi:include", "{urn:x}y", *sorted(upgrade_names.ELEMENTS)]),
            attributes(["showHide", "title", "id", "template", "xsi:schemaLocation", "label"]),
            st.lists(inner | VALUES, max_size=4).map(tuple),
        ),
        max_leaves=12,
    )
)
def test_any_tree_of_qti_2_words_is_upgraded_with_every_part_told(root: Element) -> None:
    notes = Notes("q.xml", most=10_000)
    done = upgrade.upgrade(root, notes)
    every = (root, *root.descendants())
    assert len(every) + sum(len(one.attributes) for one in every) == len(done.changes)
    refused = {one.name for one in done.changes if one.fate == "refused"}
    assert bool(notes.refusals) == bool(refused)


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["a.svg", "a.css", "a.png", ""]))
def test_any_bytes_are_a_kind_of_file_or_unfit(data: bytes, name: str) -> None:
    marks = (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBP", b"<svg ", b"WEBVTT")
    for mark in marks:
        assert isinstance(media.kind(mark + data, name), str | media.Unfit)


@settings(max_examples=120, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"<", b"<?xml", b"<a>", b"<!DOCTYPE ", b"\xff\xfe", b"<assessmentItem "]),
)
def test_any_bytes_are_a_source_or_refused(data: bytes, before: bytes) -> None:
    notes = Notes("q.xml")
    assert (read_source(before + data, notes) is None) == bool(notes.refusals)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["q.zip", "q.xml"]))
def test_any_bytes_are_a_package_or_refused(data: bytes, name: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(b"PK\x05\x06" + data if name == "q.zip" else data)
        try:
            read_package(path if name == "q.zip" else path.parent)
        except InvigilError as refused:
            assert str(refused)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_no_address_leads_out_of_the_package(address: str) -> None:
    name = address_in("items/deep/q.xml", address)
    assert name is None or not ({"", ".", ".."} & set(name.split("/")) or "\\" in name or name.startswith("/"))
