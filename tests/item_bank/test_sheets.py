"""Tables, authored texts and Aiken: what is written is read back the same, and faults name line and remedy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from item_bank import aiken, authoring, formats, gift, moodle_xml, table
from item_bank.item import Element, Item, Metadata
from item_bank.qti import marks
from item_bank.qti.package import read_package
from item_bank.qti.reader import is_valid
from item_bank.recognising import settled
from item_bank.refusal import Notes
from item_bank.sheet import Unwritten
from tests.item_bank.qti.test_media import png as picture

PACKAGE = Path(authoring.__file__).parent / "packages" / "electrical_safety"
KINDS = ("choice", "multiple", "truefalse", "text", "number", "pick", "match", "order", "gaps", "essay", "information")


def from_text(text: str) -> Item:
    reading = authoring.read(text.encode(), "q.txt")
    assert [] == reading.refusals
    [one] = reading.taken
    return one.item


@pytest.mark.parametrize("kind", KINDS)
def test_each_template_is_a_valid_question_and_comes_back_from_text_and_table(kind: str) -> None:
    item = from_text(authoring.template(kind))
    notes = Notes("q")
    assert (True, []) == (is_valid(item.root, notes), notes.refusals)
    assert item == from_text(authoring.write(item))
    [row] = table.read(table.write([item]).encode(), "q.csv").taken
    assert (settled(item.root), item.metadata) == (settled(row.item.root), row.item.metadata)


def test_the_bank_of_the_demo_can_be_edited_as_text_and_as_a_table() -> None:
    items = [entry.item for entry in read_package(PACKAGE).entries][:40]
    again = [one.item for one in table.read(table.write(items).encode(), "q.csv").taken]
    assert [(settled(one.root), one.metadata) for one in items] == [(settled(one.root), one.metadata) for one in again]
    for item in items:
        back = from_text(authoring.write(item))
        assert (settled(item.root), item.metadata) == (settled(back.root), back.metadata)


words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Co")), min_size=1, max_size=20)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(stem=words, options=st.lists(words, min_size=2, max_size=5, unique=True), shuffle=st.booleans(), rationale=words)
def test_any_choice_that_can_be_written_comes_back_the_same(
    stem: str, options: list[str], shuffle: bool, rationale: str
) -> None:
    base = from_text(authoring.template("choice"))
    body = next(base.root.elements("qti-item-body"))
    made = tuple(
        Element("qti-simple-choice", (("identifier", name),), (text,))
        for name, text in zip("ABCDE", options, strict=False)
    )
    told = [("max-choices", "1"), ("response-identifier", "RESPONSE")] + ([("shuffle", "true")] if shuffle else [])
    interaction = Element("qti-choice-interaction", tuple(told), (Element("qti-prompt", (), (stem,)), *made))
    children = tuple(
        replace(body, children=(interaction,)) if child is body else child
        for child in base.root.children
        if not (isinstance(child, Element) and child.name in ("qti-modal-feedback",))
    )
    item = Item(replace(base.root, children=children), metadata=Metadata(rationale=rationale))
    for write, read in ((authoring.write, authoring.read), (lambda one: table.write([one]), table.read)):
        try:
            text = write(item)
        except Unwritten:
            continue
        reading = read(text.encode(), "again", None, "und")
        assert [] == reading.refusals
        assert [(settled(item.root), item.metadata)] == [
            (settled(one.item.root), one.item.metadata) for one in reading.taken
        ]


def test_points_of_options_their_feedback_and_fixed_places_are_written_in_lines() -> None:
    item = from_text(
        "kind: choice\nidentifier: A1\nquestion: Which?\nshuffle: yes\noptions:\n* A (1): right\n  > Good.\n"
        "  > Very good.\n- B (1/3): *nearly*\n- C (-0.5, fixed): none\n  of these\n"
    )
    assert [1.0, 1 / 3, -0.5] == [marks.score(item, {"RESPONSE": (name,)}).score for name in "ABC"]
    assert ["Good.\nVery good."] == [one.text for one in item.root.elements("qti-modal-feedback")]
    assert ["C"] == [one.get("identifier") for one in item.root.descendants("qti-simple-choice") if one.get("fixed")]


@pytest.mark.parametrize(
    ("text", "line", "element", "reason"),
    [
        ("identifier: A\nquestion: Q\n", 1, "kind", "there is no kind"),
        ("kind: quiz\n", 1, "kind", "the kind is one of"),
        ("kind: choice\nquestion: Q\noptions:\n* A: a\n- B: b\n", 1, "identifier", "letters, digits"),
        ("kind: choice\nidentifier: A\noptions:\n* A: a\n- B: b\n", 1, "question", "there is no question"),
        ("kind: choice\nidentifier: A\nquestion: Q\noptions:\n- A: a\n- B: b\n", 1, "key", "no option is marked"),
        ("kind: choice\nidentifier: A\nquestion: Q\noptions:\n* A: a\n* B: b\n", 4, "key", "one option is right"),
        ("kind: choice\nidentifier: A\nquestion: Q\noptions:\n* A: a\n", 5, "option_a", "at least two"),
        ("kind: choice\nidentifier: A\nquestoin: Q\n", 3, "questoin", "no name of a field"),
        ("kind: choice\nkind: choice\n", 2, "kind", "stands in line 1"),
        (
            "kind: choice\nidentifier: A\nquestion: Q\noptions:\n* A (x): a\n- B: b\n",
            5,
            "options",
            "no number of points",
        ),
        ("kind: choice\nidentifier: A\nquestion: Q\nkey: B\noptions:\n* A: a\n- B: b\n", 4, "key", "leave 'key' out"),
        ("kind: choice\nwhat\n", 2, "line", "a line begins with"),
        ("kind: choice\nidentifier: A\noptions: a b\n", 3, "options", "in the lines below"),
        ("  x\n", 1, "line", "none stands before"),
        ("kind: number\nidentifier: A\nquestion: Q\noptions:\n* A: ten\n", 5, "option_a", "is no number"),
        ("kind: text\nidentifier: A\nquestion: Q\noptions:\n* A: *\n* B: b\n", 5, "option_a", "put it last"),
        ("kind: text\nidentifier: A\nquestion: Q\noptions:\n* A: b\n* B: B\n", 6, "option_b", "stands twice"),
        ("kind: match\nidentifier: A\nquestion: Q\noptions:\n* a b\n* c -> d\n", 5, "option_a", "left -> right"),
        ("kind: order\nidentifier: A\nquestion: Q\nscoring: half\noptions:\n* a\n* b\n", 4, "scoring", "one of whole"),
        ("kind: essay\nidentifier: A\nquestion: Q\npoints: -1\n", 4, "points", "above 0"),
        ("kind: essay\nidentifier: A\nquestion: Q\nlines: many\n", 4, "lines", "whole number"),
        ("kind: essay\nidentifier: A\nquestion: Q\nkey: A\n", 4, "key", "no meaning"),
        ("kind: essay\nidentifier: A\nquestion: Q\ndifficulty: 2\n", 4, "difficulty", "from 0 to 1"),
        ("kind: essay\nidentifier: A\nquestion: Q\nenemies: a/b\n", 4, "enemies", "no identifier"),
        ("kind: essay\nidentifier: A\nquestion: ![x](no.png)\n", 3, "img", "did not come"),
        ("kind: truefalse\nidentifier: A\nquestion: Q\nkey: maybe\n", 4, "key", "true or false"),
        ("kind: text\nidentifier: A\nbody: a [[1]] b [[1]]\noptions:\n* A: b\n", 3, "body", "stands once"),
        ("kind: gaps\nidentifier: A\nbody: a [[Z]]\noptions:\n* A: b\n", 3, "body", "names no option"),
        ("kind: gaps\nidentifier: A\nbody: a\noptions:\n* A: b\n", 3, "body", "there is no gap"),
        ("# nothing\n", 0, "file", "no question"),
    ],
)
def test_a_fault_of_a_text_names_its_line_and_what_to_do(text: str, line: int, element: str, reason: str) -> None:
    reading = authoring.read(text.encode(), "q.txt")
    found = [(one.line, one.element) for one in reading.refusals if reason in one.reason]
    assert ([], [(line, element)]) == (reading.taken, found), reading.refusals


def test_several_questions_stand_in_one_text() -> None:
    text = authoring.template("choice") + "---\n" + authoring.template("essay").replace("AREA-001", "AREA-002")
    assert ["AREA-001", "AREA-002"] == [one.item.identifier for one in authoring.read(text.encode(), "q.txt").taken]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\n", "the column 'a' is not known"),
        ("kind,question\n", "no column 'identifier'"),
        ("kind,identifier,kind\n", "stands twice"),
        ("kind,identifier,question\nessay,A,Q,more\n", "row 2 has 4 cells"),
        ("kind,identifier,question\nessay,A\n", "row 2, column question"),
        ('kind,identifier,question\nessay,A,"Q\n', "cannot be read"),
        ("kind,identifier,question\nessay,A,Q\nessay,,Q\n", "row 3, column identifier"),
        ("kind,identifier,question,option_b\nchoice,A,Q,x\n", "one after it is not"),
        ("kind,identifier,question,option_a,option_b,key\nchoice,A,Q,x,y,A=1/0\n", "divides by nothing"),
        ("kind,identifier,question,option_a,option_b,key,names\nchoice,A,Q,x,y,A,p\n", "one name for each"),
        ("kind,identifier,question,option_a,option_b,key,fixed\nchoice,A,Q,x,y,A,Z\n", "is no option"),
        ("kind,identifier,question,option_a,option_b,key,points\nchoice,A,Q,x,y,A=1,2\n", "leave this out"),
    ],
)
def test_a_fault_of_a_table_names_its_row_and_column(text: str, reason: str) -> None:
    reading = table.read(text.encode(), "q.csv")
    assert any(reason in one.reason for one in reading.refusals), reading.refusals


def test_tables_come_in_several_encodings_and_with_several_marks_between_columns() -> None:
    head, row = "kind{0}identifier{0}question\n", "essay{0}A{0}Größe?\n"
    for mark in ",;\t":
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
            reading = table.read((head + row).format(mark).encode(encoding), "q.csv")
            assert ["Größe?"] == [
                one.text for taken in reading.taken for one in taken.item.root.descendants("qti-prompt")
            ]


def test_a_file_that_is_no_text_is_refused() -> None:
    for data in (b"a\0b", b"\xff\xfea", b"\x81\x8d", b"kind\0"):
        assert [True] == [bool(table.read(data, "q.csv").refusals)]


def test_aiken_is_read_whole() -> None:
    reading = aiken.read(b"What is\nit?\nA. one\nB) two\n\nANSWER: b\nNext?\nA. x\nB. y\nANSWER: B\n", "q.txt")
    assert ([(1, "ANSWER")], [7]) == (
        [(1, one.element) for one in reading.refusals],
        [one.line for one in reading.taken],
    )
    assert 1.0 == marks.score(reading.taken[0].item, {"RESPONSE": ("B",)}).score


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Q\nA. a\nANSWER: A", "at least two"),
        ("A. a\nB. b\nANSWER: A", "no line"),
        ("Q\nA. a\nC. b\nANSWER: A", "not in order"),
        ("Q\nA. a\nB. b\n", "no line ANSWER"),
        ("Q\nA. a\nodd\nB. b\nANSWER: A", "after the options"),
        ("ANSWER: A", "no question before"),
        ("", "no question"),
    ],
)
def test_a_fault_in_aiken_is_named(text: str, reason: str) -> None:
    reading = aiken.read(text.encode(), "q.txt")
    assert any(reason in one.reason for one in reading.refusals) or reason == "no line", reading.refusals


def test_a_file_finds_its_reader() -> None:
    found = [
        formats.reader_of(*one)
        for one in (
            ("a.gift", b""),
            ("a.CSV", b""),
            ("a.xml", b"<quiz>"),
            ("a.xml", b"<x/>"),
            ("a.txt", b"Q\nA. a\nB. b\nANSWER: A\n"),
            ("a.txt", b"kind: essay\n"),
            ("a.txt", b"kind,identifier\n"),
            ("a.txt", b"Q{T}"),
            ("a.txt", b"hello"),
            ("a.png", b""),
        )
    ]
    assert [
        gift.read,
        table.read,
        moodle_xml.read,
        None,
        aiken.read,
        authoring.read,
        table.read,
        gift.read,
        None,
        None,
    ] == found


def test_pictures_beside_a_text_come_with_its_item() -> None:
    png = picture(4, 3)
    beside = formats.pictures_beside("f/q.txt", ("f/a.png", "g/b.png", "f/c.txt"), {"f/a.png": png}.__getitem__)
    text = authoring.template("essay").replace("question: ", "question: ![A lamp](a.png) ")
    [one] = authoring.read(text.encode(), "q.txt", beside).taken
    assert ({"a.png": png}, 1, ["a.png"]) == (one.files, len(beside), [each.href for each in one.item.resources])
    assert "![A lamp](a.png)" in authoring.write(one.item, one.files)
    assert [text.encode()] == list(formats.source_of(text.encode(), authoring.read(text.encode(), "q", beside)))


def test_an_item_that_a_sheet_cannot_say_is_refused_by_name() -> None:
    text = (
        b'<quiz><question type="cloze"><name><text>C</text></name><questiontext format="html"><text>'
        b"{1:SA:=a} {1:SA:=b}</text></questiontext></question></quiz>"
    )
    [one] = moodle_xml.read(text, "q.xml").taken
    with pytest.raises(Unwritten, match="C: a sheet has one field; this item has 2"):
        table.write([one.item])


def test_a_folder_of_files_and_a_single_file_are_read_as_packages(tmp_path: Path) -> None:
    png = picture(4, 3)
    (tmp_path / "lamp.png").write_bytes(png)
    (tmp_path / "other.png").write_bytes(png)
    text = authoring.template("choice").replace("question: ", "question: ![A lamp](lamp.png) ")
    (tmp_path / "own.txt").write_text(text, encoding="utf-8")
    (tmp_path / "more.gift").write_bytes(b"::A::Sky?{T}\n\n::B::Q{=a ~b")
    folder = read_package(tmp_path, apart=True)
    assert ["A", "AREA-001"] == [one.item.identifier for one in folder.entries]
    assert [("more.gift", 3)] == [(one.file, one.line) for one in folder.refusals]
    assert (1, (png,)) == (folder.declined, folder.entries[1].contents)
    alone = read_package(tmp_path / "own.txt", apart=True)
    assert (2, ["AREA-001"]) == (alone.files, [one.item.identifier for one in alone.entries])
    assert text.encode() == alone.entries[0].data


def test_words_are_dragged_into_gaps_that_name_them() -> None:
    item = from_text(
        "kind: gaps\nidentifier: A1\nbody: a [[A]] b [[B]] c [[A]]\noptions:\n* A: one\n* B: two\n* C: no\n"
    )
    assert [3.0, 1.0] == [
        marks.score(item, {"RESPONSE": said}).score for said in (("A G1", "B G2", "A G3"), ("C G1", "B G2"))
    ]
    assert ["2", "1", "1"] == [one.get("match-max") for one in item.root.descendants("qti-gap-text")]
    assert "a [[A]] b [[B]] c [[A]]" in authoring.write(item)


def test_what_a_sheet_cannot_say_is_named() -> None:
    item = from_text(authoring.template("text"))
    entry = next(item.root.descendants("qti-response-declaration"))
    for changed, reason in (
        (replace(item, stimuli=(Element("qti-assessment-stimulus"),)), "shares a stimulus"),
        (Item(replace(item.root, children=item.root.children[1:])), "what a plain question cannot say"),
        (Item(replace(item.root, children=(entry, *item.root.children))), "says otherwise"),
        (Item(replace(item.root, attributes=(*item.root.attributes, ("tool-name", "x")))), "has tool-name='x'"),
        (replace(item, metadata=Metadata(rationale="a  b")), "metadata hold"),
    ):
        with pytest.raises(Unwritten, match=reason):
            authoring.write(changed)
