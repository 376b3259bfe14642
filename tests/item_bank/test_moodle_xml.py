"""Moodle XML read: each type of question, its scores, and what is refused by name."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from item_bank import moodle_xml
from item_bank.item import Item
from item_bank.qti import marks
from item_bank.qti.reader import is_valid
from item_bank.reading import Reading, Taken
from item_bank.refusal import Notes
from tests.item_bank.qti.test_media import png

PNG = png(4, 3)


def quiz(kind: str, inside: str, text: str = "<p>Q?</p>") -> Reading:
    body = (
        f'<quiz><question type="{kind}"><name><text>One</text></name><questiontext format="html">'
        f"<text><![CDATA[{text}]]></text></questiontext>{inside}</question></quiz>"
    )
    return moodle_xml.read(body.encode(), "q.xml")


def taken(reading: Reading) -> Taken:
    assert [] == reading.refusals
    [one] = reading.taken
    notes = Notes("q.xml")
    assert (True, []) == (is_valid(one.item.root, notes), notes.refusals)
    return one


def answer(fraction: str, text: str, more: str = "") -> str:
    return f'<answer fraction="{fraction}"><text>{text}</text>{more}</answer>'


def score(item: Item, *said: str) -> float:
    return marks.score(item, {"RESPONSE": said}).score


def test_a_choice_of_one_brings_its_grade_and_may_cost() -> None:
    told = answer("100", "a", "<feedback><text>Good</text></feedback>") + answer("-50", "b")
    item = taken(quiz("multichoice", f"<defaultgrade>2</defaultgrade><single>true</single>{told}")).item
    assert [2.0, -1.0, 0.0] == [score(item, "A"), score(item, "B"), score(item)]
    assert ["Good"] == [one.text for one in item.root.elements("qti-modal-feedback")]


def test_several_answers_together_never_bring_less_than_nothing() -> None:
    told = "".join(
        answer(share, name) for share, name in (("33.33333", "a"), ("33.33333", "b"), ("33.33333", "c"), ("-100", "d"))
    )
    item = taken(quiz("multichoice", f"<single>false</single>{told}")).item
    assert [1.0, 0.0] == [score(item, "A", "B", "C"), score(item, "A", "D")]


def test_how_the_whole_went_has_its_feedback() -> None:
    said = "<correctfeedback><text>Yes</text></correctfeedback><incorrectfeedback><text>No</text></incorrectfeedback>"
    item = taken(quiz("multichoice", said + answer("100", "a") + answer("0", "b"))).item
    names = {one.get("identifier"): one.text for one in item.root.elements("qti-modal-feedback")}
    assert {"right": "Yes", "wrong": "No"} == names


def test_true_and_false() -> None:
    item = taken(quiz("truefalse", answer("0", "true") + answer("100", "false"))).item
    assert [0.0, 1.0] == [score(item, "true"), score(item, "false")]


def test_a_short_answer_counts_capitals_where_it_says_so() -> None:
    item = taken(quiz("shortanswer", "<usecase>1</usecase>" + answer("100", "Paris") + answer("50", "Par*"))).item
    assert [1.0, 0.5, 0.0] == [score(item, text) for text in ("Paris", "Parma", "paris")]


def test_a_number_has_its_tolerance() -> None:
    told = answer("100", "50", "<tolerance>0.5</tolerance>") + answer("10", "*")
    item = taken(quiz("numerical", told)).item
    assert [1.0, 1.0, 0.1] == [score(item, text) for text in ("50", "50.5", "51")]


def test_pairs_are_matched() -> None:
    pair = "<subquestion><text>{}</text><answer><text>{}</text></answer></subquestion>"
    told = pair.format("cat", "animal") + pair.format("rose", "plant") + pair.format("", "stone")
    item = taken(quiz("matching", f"<defaultgrade>3</defaultgrade>{told}")).item
    assert [3.0, 1.5] == [score(item, "S1 T1", "S2 T2"), score(item, "S1 T1")]


def test_an_essay_has_its_grader_information_and_one_file() -> None:
    told = (
        "<responseformat>plain</responseformat><attachments>1</attachments>"
        "<attachmentsrequired>1</attachmentsrequired>"
        "<graderinfo><text>Look for three reasons</text></graderinfo>"
        "<responsetemplate><text>I think</text></responsetemplate>"
    )
    item = taken(quiz("essay", told)).item
    assert ["Look for three reasons"] == [one.text for one in item.root.descendants("qti-rubric-block")]
    assert 1 == len(list(item.root.descendants("qti-upload-interaction")))


def test_a_cloze_question_is_one_item_of_several_fields() -> None:
    text = "<p>{1:SHORTANSWER:=Paris~%50%Lyon#Nearly} has {2:NUMERICAL:=2:0.1} and {1:MCS:=a~b}.</p>"
    item = taken(quiz("cloze", "", text)).item
    said = {"RESPONSE_1": ("paris",), "RESPONSE_2": ("2.05",), "RESPONSE_3": ("A",)}
    assert [4.0, 3.5] == [marks.score(item, said | first).score for first in ({}, {"RESPONSE_1": ("Lyon",)})]


def test_the_fields_of_a_cloze_question_share_its_grade() -> None:
    item = taken(quiz("cloze", "<defaultgrade>1</defaultgrade>", "{1:SA:=a} {3:SAC:=b}")).item
    assert [0.25, 0.75] == [
        marks.score(item, {"RESPONSE_1": (first,), "RESPONSE_2": (second,)}).score
        for first, second in (("A", "B"), ("x", "b"))
    ]


def test_gaps_are_filled_by_picking_or_dragging() -> None:
    words = "".join(
        f"<selectoption><text>{word}</text><group>{group}</group></selectoption>"
        for word, group in (("a", 1), ("b", 1), ("c", 2))
    )
    picked = taken(quiz("gapselect", words, "<p>[[1]] and [[3]]</p>")).item
    assert 1.0 == marks.score(picked, {"RESPONSE_1": ("W1",), "RESPONSE_2": ("W3",)}).score
    boxes = "".join(
        f"<dragbox><text>{word}</text><group>1</group>{more}</dragbox>"
        for word, more in (("a", "<infinite/>"), ("b", ""))
    )
    dragged = taken(quiz("ddwtos", boxes, "<p>[[1]] and [[2]] and [[1]]</p>")).item
    assert [1.0, 1 / 3] == [score(dragged, "W1 G1", "W2 G2", "W1 G3"), score(dragged, "W1 G1")]


def test_words_of_several_groups_are_picked_not_dragged() -> None:
    boxes = "".join(
        f"<dragbox><text>{word}</text><group>{group}</group></dragbox>" for word, group in (("a", 1), ("b", 2))
    )
    reading = quiz("ddwtos", boxes, "<p>[[1]] [[2]]</p>")
    assert 2 == len(list(taken(reading).item.root.descendants("qti-inline-choice-interaction")))
    assert ("dragbox", "mapped") in {(one.construct, one.fate) for one in reading.told}


def test_an_order_is_scored_whole_or_place_by_place() -> None:
    told = answer("1", "first") + answer("2", "second") + answer("3", "third")
    whole = taken(quiz("ordering", f"<gradingtype>-1</gradingtype>{told}")).item
    placed = taken(quiz("ordering", f"<gradingtype>0</gradingtype>{told}")).item
    assert [1.0, 0.0, 1.0, 1 / 3] == [score(one, *said) for one in (whole, placed) for said in ("ABC", "ACB")]


def pictured(data: bytes) -> Reading:
    inside = base64.b64encode(data).decode()
    text = (
        '<quiz><question type="description"><name><text>P</text></name><questiontext format="html"><text><![CDATA['
        '<p><img src="@@PLUGINFILE@@/a%20b.png" alt="A"></p>]]></text>'
        f'<file name="a b.png" path="/" encoding="base64">{inside}</file>'
        "</questiontext></question></quiz>"
    )
    return moodle_xml.read(text.encode(), "q.xml")


def test_a_picture_comes_with_its_question() -> None:
    one = taken(pictured(PNG))
    assert ({"a%20b.png": PNG}, ["image/png"]) == (one.files, [each.media_type for each in one.item.resources])


def test_a_picture_of_too_many_pixels_refuses_its_question() -> None:
    reading = pictured(png(60_000, 60_000))
    assert ([], ["img"]) == (reading.taken, [one.element for one in reading.refusals])


def test_tags_hints_and_numbers_stay_with_the_author() -> None:
    inside = (
        "<idnumber>77</idnumber><tags><tag><text>red</text></tag></tags><hint><text>Think</text></hint><penalty>0.3</penalty>"
        + answer("100", "true")
        + answer("0", "false")
    )
    reading = quiz("truefalse", inside)
    item = taken(reading).item
    assert "id-77" == item.identifier
    assert ["Tags", "red", "Hint", "Think", "Identifier number", "77"] == [
        one.text for one in item.root.descendants("dt", "dd")
    ]
    assert ("penalty", "mapped") in {(one.construct, one.fate) for one in reading.told}


@pytest.mark.parametrize(
    ("kind", "inside", "element", "reason"),
    [
        ("calculated", "", "question", "'calculated' have no place"),
        ("multichoice", answer("100", "a"), "answer", "at least two options"),
        ("multichoice", answer("0", "a") + answer("0", "b"), "answer", "brings points"),
        ("multichoice", "<single>0</single>" + answer("50", "a") + answer("0", "b"), "answer", "0.5 of 1.0 points"),
        ("multichoice", "<odd/>" + answer("100", "a") + answer("0", "b"), "odd", "not known in a question of the type"),
        ("multichoice", answer("x", "a") + answer("100", "b") + answer("0", "c"), "answer", "no number from"),
        ("multichoice", "<defaultgrade>x</defaultgrade>", "defaultgrade", "no number"),
        ("truefalse", answer("100", "true"), "answer", "each stand once"),
        ("shortanswer", answer("100", "a") + answer("0", "A"), "answer", "stands twice"),
        ("shortanswer", answer("0", "a"), "answer", "no answer brings points"),
        ("numerical", answer("100", "abc"), "answer", "is no number"),
        ("numerical", "<units><unit><unit_name>m</unit_name></unit></units>" + answer("100", "1"), "units", "unit"),
        ("essay", "<attachments>-1</attachments>", "attachments", "at most one file"),
        ("essay", "<maxwordlimit>10</maxwordlimit>", "maxwordlimit", "no place"),
        (
            "ordering",
            "<gradingtype>5</gradingtype>" + answer("1", "a") + answer("2", "b"),
            "gradingtype",
            "scored here",
        ),
        ("ordering", "<selecttype>1</selecttype>" + answer("1", "a") + answer("2", "b"), "selecttype", "at random"),
        ("ordering", answer("1", "a"), "answer", "nothing to order"),
        ("matching", "", "subquestion", "nothing to match"),
        ("matching", "<subquestion><text>a</text></subquestion>", "subquestion", "no answer"),
        ("cloze", "", "cloze", "holds no field"),
        ("gapselect", "", "questiontext", "names one of the words"),
        (
            "truefalse",
            "<name/><defaultgrade>0</defaultgrade>" + answer("100", "true") + answer("0", "false"),
            "answer",
            "each",
        ),
    ],
)
def test_a_fault_is_named(kind: str, inside: str, element: str, reason: str) -> None:
    reading = quiz(kind, inside)
    first = reading.refusals[0]
    assert ([], element, True) == (reading.taken, first.element, reason in first.reason), first


@pytest.mark.parametrize(
    ("text", "element", "reason"),
    [
        ("{1:MULTIRESPONSE:=a~b}", "MULTIRESPONSE", "no place inside a line"),
        ("{1:SA:=a", "cloze", "never closed"),
        ("{1:NM:=abc}", "NUMERICAL", "is no number"),
        ("{1:SA:a}", "SA", "no answer of the field"),
        ("{0:SA:=a}", "cloze", "no field has a weight"),
        ("{1:SA:%150%a}", "%", "between -100 and 100"),
    ],
)
def test_a_fault_in_a_cloze_text_is_named(text: str, element: str, reason: str) -> None:
    first = quiz("cloze", "", text).refusals[0]
    assert (element, True) == (first.element, reason in first.reason), first


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<quiz", "not well-formed"),
        (b"<other/>", "its root is <quiz>"),
        (b"<quiz><x/></quiz>", "not known beside questions"),
        (b"<quiz/>", "no question"),
        (b'<!DOCTYPE quiz [<!ENTITY a "b">]><quiz/>', "document type"),
    ],
)
def test_a_file_that_is_none_is_refused(data: bytes, reason: str) -> None:
    assert [True] == [reason in one.reason for one in moodle_xml.read(data, "q.xml").refusals]


def test_the_public_files_are_imported_or_refused_for_their_attachments(shared_data: Path) -> None:
    files = sorted((shared_data / "qti" / "moodle-xml").rglob("*.xml"))
    readings = [moodle_xml.read(file.read_bytes(), file.name) for file in files]
    assert (6, 4) == (len(files), sum(len(one.taken) for one in readings))
    assert {"attachments"} == {one.element for reading in readings for one in reading.refusals}
