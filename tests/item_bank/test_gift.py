"""GIFT read and written: every kind of question, its scores, its faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from item_bank import gift, gift_writing
from item_bank.item import Item, Metadata
from item_bank.qti import marks
from item_bank.qti.reader import is_valid
from item_bank.recognising import question_of, settled
from item_bank.refusal import Notes
from item_bank.sheet import Unwritten


def read(text: str) -> list[Item]:
    reading = gift.read(text.encode(), "q.gift")
    assert [] == reading.refusals
    for one in reading.taken:
        notes = Notes("q.gift")
        assert (True, []) == (is_valid(one.item.root, notes), notes.refusals)
    return [one.item for one in reading.taken]


def refused(text: str) -> list[tuple[int, str, str]]:
    reading = gift.read(text.encode(), "q.gift")
    assert [] == reading.taken
    return [(one.line, one.element, one.reason) for one in reading.refusals]


def score(item: Item, *answer: str) -> float:
    return marks.score(item, {"RESPONSE": answer}).score


def test_a_choice_scores_its_right_option() -> None:
    [item] = read("::Tomb:: Who lies in Grant's tomb?{~Grant ~Jefferson =no one}")
    assert ("Tomb", [0.0, 0.0, 1.0, 0.0]) == (item.title, [score(item, name) for name in "ABC"] + [score(item)])


def test_a_wrong_option_may_bring_a_part() -> None:
    [item] = read("Near?{=yes ~%50%nearly ~%-25%no}")
    assert [1.0, 0.5, -0.25] == [score(item, name) for name in "ABC"]


def test_three_rounded_thirds_are_exactly_one() -> None:
    [item] = read("Continents{~%33.33333%Africa ~%33.33333%Asia ~%-100%China ~%33.33333%Antarctica}")
    assert [1.0, 0.0, 2 / 3] == [score(item, *names) for names in (("A", "B", "D"), ("A", "B", "C", "D"), ("A", "B"))]
    assert 1.0 == marks.max_score(item)


def test_capital_letters_make_no_difference_to_a_short_answer() -> None:
    [item] = read("Best animal?{=Frog =%50%Cat =%10%*}")
    assert [1.0, 0.5, 0.1, 0.0] == [score(item, *answer) for answer in (["FROG"], ["cat"], ["dog"], [])]


def test_a_star_in_an_answer_stands_for_any_text() -> None:
    [item] = read("Colour?{=green*yellow =%50%gr(een)*}")
    assert [1.0, 0.5, 0.0] == [score(item, text) for text in ("Green and YELLOW", "gr(een) x", "agreen yellow")]


def test_numbers_have_tolerances_ranges_and_parts() -> None:
    [item] = read("Pi?{#=3.1416:0.001#Well done =%50%3..4 =%10%*}")
    assert [1.0, 1.0, 0.5, 0.1, 0.0] == [score(item, *said) for said in (["3.1416"], ["3.1410"], ["4"], ["5"], [])]
    [range_] = read("Give a number{#1..5}")
    assert [1.0, 1.0, 0.0] == [score(range_, text) for text in ("1", "5", "5.01")]


def test_true_and_false_have_their_feedback_the_wrong_one_first() -> None:
    [item] = read("Buried?{FALSE#said to true#said to false}")
    texts = {one.get("identifier"): one.text for one in item.root.elements("qti-modal-feedback")}
    assert ({"true": "said to true", "false": "said to false"}, 1.0) == (texts, score(item, "false"))


def test_pairs_are_matched_and_a_left_side_may_be_missing() -> None:
    [item] = read("Match{=cat -> animal =rose -> plant =dog -> animal = -> stone}")
    choices = [[one.text for one in part.elements()] for part in item.root.descendants("qti-simple-match-set")]
    assert [["cat", "rose", "dog"], ["animal", "plant", "stone"]] == choices
    assert [1.0, 2 / 3] == [
        score(item, "S1 T1", "S2 T2", "S3 T1"),
        score(item, "S1 T1", "S2 T2", "S3 T3"),
    ]


def test_a_missing_word_stands_in_its_line() -> None:
    [item] = read("Two plus two equals {=four =4} exactly.")
    [paragraph] = [one for one in item.body if not isinstance(one, str)]
    assert ["Two plus two equals ", "qti-text-entry-interaction", " exactly."] == [
        one if isinstance(one, str) else one.name for one in paragraph.children
    ]
    [picked] = read("It is {=blue ~red} today.")
    assert 1 == len(list(picked.root.descendants("qti-inline-choice-interaction")))


def test_essays_and_descriptions_are_taken() -> None:
    essay, description = read("Why?{}\n\nRead this first.")
    assert [1, 0] == [len(list(one.root.descendants("qti-extended-text-interaction"))) for one in (essay, description)]


def test_category_comments_tags_and_number_stay_as_notes_of_the_author() -> None:
    [item] = read("$CATEGORY: $course$/Top\n\n// [id:393] seen twice\n// [tag:red] [tag:blue]\nWhy?{T}")
    [rubric] = item.root.descendants("qti-rubric-block")
    assert ("id-393", "author") == (item.identifier, rubric.get("view"))
    assert ["Category", "$course$/Top", "Comment", "seen twice", "Tags", "red, blue"] == [
        one.text for one in rubric.descendants("dt", "dd")
    ]


def test_every_construct_is_told() -> None:
    reading = gift.read(b"// note\n::T::[html]<p>Q</p>{=a#good ~b ####all}", "q.gift")
    told = [(one.line, one.construct, one.fate) for one in reading.told]
    assert (1, "comment", "kept") in told
    assert {"title", "question", "####", "#", "choice", "identifier"} - {name for _, name, _ in told} <= {"identifier"}


def test_formats_are_kept_apart() -> None:
    html, markdown, plain, moodle = read(
        "[html]<p>a <b>b</b></p>{T}\n\n[markdown]a *b*\\n\\n- c{T}\n\n[plain]a <b>{T}\n\n[moodle]a <b>b</b>\\nc{T}"
    )
    firsts = [one.body[0] for one in (html, markdown, plain, moodle)]
    names = [[inner.name for inner in one.descendants()] for one in firsts if not isinstance(one, str)]
    assert [["b"], ["em"], [], ["b", "br"]] == names


def test_escaped_letters_are_the_letters() -> None:
    [item] = read("Which?{~ \\~ \\# ~ \\{x\\} = a\\:b\\=c ~\\\\}")
    assert ["~ #", "{x}", "a:b=c", "\\"] == [one.text for one in item.root.descendants("qti-simple-choice")]


@pytest.mark.parametrize(
    ("text", "element", "reason"),
    [
        ("Q{=a =b ~c}", "=", "a short answer and a choice"),
        ("Q{~a ~b}", "{", "no answer brings points"),
        ("Q{~%50%a ~%25%b}", "%", "add up to 75.00%"),
        ("Q{~%150%a =b}", "%", "a weight lies between"),
        ("Q{=a =A}", "=", "the same answer stands twice"),
        ("Q{=* =a}", "=*", "put it last"),
        ("Q{=%50%a}", "{", "no answer brings all points"),
        ("Q{#abc}", "#", "'abc' is no number"),
        ("Q{#5..1}", "#", "'5..1' is no number"),
        ("Q{#=%50%5}", "{#", "no number brings all"),
        ("Q{=a -> }", "->", "matching has at least two pairs"),
        ("Q{=a ->  =b -> c}", "->", "nothing stands after the arrow"),
        ("Q{= -> c = -> d}", "->", "no pair has a left side"),
        ("Q{abc}", "{", "an answer begins with = or ~"),
        ("Q{= ~b}", "=", "the answer is empty"),
        ("Q{=}", "=", "the answer is empty"),
        ("Q{=a", "{", "never closed"),
        ("Q a}", "}", "never opened"),
        ("Q{=a} and {=b}", "{", "one pair of braces"),
        ("::T Q{T}", "::", "no second pair"),
        ("Q{T#a#b#c}", "#", "two feedbacks"),
        ('[html]<a href\\="x">Q</a>{T}', "a", "links would lead"),
        ("$UNIT: x\n\nQ{T}x{", "$UNIT", "only the command"),
        ("$CATEGORY: x", "file", "no question"),
        ("", "file", "no question"),
        ("\ue100", "file", "private use"),
    ],
)
def test_a_fault_is_named(text: str, element: str, reason: str) -> None:
    [first, *_] = refused(text)
    assert (element, True) == (first[1], reason in first[2]), first


def test_the_same_question_twice_is_refused_and_another_of_that_name_told_apart() -> None:
    reading = gift.read(b"::T::a{T}\n\n::T::b{T}\n\n::T::b{T}", "q.gift")
    assert ["T", "T-"] == [one.item.identifier[:2] for one in reading.taken]
    assert [5] == [one.line for one in reading.refusals]


def test_the_public_files_are_imported_or_refused_for_their_links(shared_data: Path) -> None:
    files = sorted((shared_data / "qti" / "gift").glob("*.gift"))
    readings = {file.name: gift.read(file.read_bytes(), file.name) for file in files}
    refusals = {(name, one.element) for name, reading in readings.items() for one in reading.refusals}
    assert {
        ("markdown.gift", "question"),
        ("mcHTMLComment.gift", "a"),
        ("numerical1.gift", "a"),
        ("categorySpecialCharacter.gift", "file"),
    } == refusals
    assert (26, 40) == (len(readings), sum(len(one.taken) for one in readings.values()))
    for reading in readings.values():
        for one in reading.taken:
            notes = Notes(reading.file)
            assert (True, []) == (is_valid(one.item.root, notes), notes.refusals)
            again = gift.read(gift_writing.write(one.item).encode(), "again.gift").taken
            assert [settled(one.item.root)] == [settled(each.item.root) for each in again]


@pytest.mark.parametrize(
    "text",
    [
        "::A::Near?{=yes ~%50%nearly#so ~%-25%no}",
        "::A::Which?{~ \\~ \\# ~ \\{x\\} = a\\:b\\=c ~\\\\#\\\\n}",
        "::A::[html]<p>Is it</p><ul><li>a</li></ul>{T#no#yes####<p>all</p>}",
        "::A::Best?{=Frog =%50%C*t =%10%*}",
        "::A::Pi?{#=3.1416:0.001#Well =%50%3..4 =%10%*}",
        "::A::Match{=cat -> animal =rose -> plant = -> stone}",
        "::A::It is {=blue ~red} today.",
        "::A::It is {=blue =red} today.",
        "::A::Why?{}",
        "::A::Just a text.",
        "// [id:B7] [tag:x] [tag:y]\n$CATEGORY: c/d\n::A::C{~%33.33333%a ~%33.33333%b ~%33.33333%c ~%-50%d}",
    ],
)
def test_what_is_written_is_read_back_the_same(text: str) -> None:
    [item] = read(text)
    assert [settled(item.root)] == [settled(one.root) for one in read(gift_writing.write(item))]


def test_what_gift_cannot_say_is_refused_by_name() -> None:
    [item] = read("::A::Q{T}")
    known = Item(item.root, metadata=Metadata("D1"))
    with pytest.raises(Unwritten, match="metadata"):
        gift_writing.write(known)
    assert "::A::" in gift_writing.write(known, bare=True)


def test_a_question_is_recognised_only_when_it_composes_to_the_same_item() -> None:
    [item] = read("::A::Q{=a ~b}")
    assert not isinstance(question_of(item), str)
    from dataclasses import replace

    changed = Item(replace(item.root, children=(*item.root.children, item.root.children[0])))
    assert "the item says otherwise" in str(question_of(changed))


def test_a_writer_that_forgets_to_escape_is_caught_by_its_own_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    [item] = read("::A::[html]<p>a\\=b</p>{~ c\\~d = \\{e\\}}")
    assert "c\\~d" in gift_writing.write(item)
    monkeypatch.setattr(gift_writing, "_escaped", lambda text: text)
    with pytest.raises(Unwritten, match="GIFT would"):
        gift_writing.write(item)
