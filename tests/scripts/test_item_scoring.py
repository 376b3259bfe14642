"""``invigil bank score`` and ``score-cases``: files of items, cases that agree and do not, public cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bodies import Body
from tests.scripts.shell import Shell
from tests.scripts.test_console import Spoken, run

NEW = """<qti-assessment-item xmlns="http://www.imsglobal.org/xsd/imsqtiasi_v3p0" identifier="ohm" title="Ohm">
  <qti-response-declaration identifier="RESPONSE" cardinality="single" base-type="identifier">
    <qti-correct-response><qti-value>A</qti-value></qti-correct-response>
  </qti-response-declaration>
  <qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float"/>
  <qti-response-processing template="https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/match_correct.xml"/>
</qti-assessment-item>"""
OLD = """<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="ohm" title="Ohm" adaptive="false">
  <responseDeclaration identifier="RESPONSE" cardinality="multiple" baseType="identifier">
    <mapping upperBound="2"><mapEntry mapKey="A" mappedValue="1.5"/><mapEntry mapKey="B" mappedValue="1"/></mapping>
  </responseDeclaration>
  <outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float"/>
  <responseProcessing template="http://www.imsglobal.org/question/qti_v2p1/rptemplates/map_response"/>
</assessmentItem>"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    items = tmp_path / "items"
    items.mkdir()
    (items / "new.xml").write_text(NEW, encoding="utf-8")
    (items / "old.xml").write_text(OLD, encoding="utf-8")
    (items / "broken.xml").write_text(NEW[:-5], encoding="utf-8")
    (items / "other.xml").write_text("<p/>", encoding="utf-8")
    (tmp_path / "outside.xml").write_text(NEW, encoding="utf-8")
    return items


def said(capsys: Spoken, *words: str) -> tuple[Any, dict[str, Any]]:
    code = run(*words, "--json")
    return code, json.loads(capsys.readouterr().out)


def cases(folder: Path, *lines: dict[str, Any]) -> str:
    file = folder / "cases.jsonl"
    file.write_text("\n".join(json.dumps({"id": f"c{n}", **line}) for n, line in enumerate(lines)), encoding="utf-8")
    return str(file)


def test_one_response_is_scored_from_a_file(folder: Path, capsys: Spoken) -> None:
    response = '{"RESPONSE": ["A", "B"]}'
    code, told = said(capsys, "bank", "score", str(folder / "old.xml"), "--response", response)
    assert (code, told["score"], told["max_score"]) == (0, 2.0, 2.0)
    code, told = said(capsys, "bank", "score", str(folder / "new.xml"))
    assert (code, told["score"], told["correct"]) == (0, 0.0, {"RESPONSE": "A"})
    assert run("bank", "score", str(folder / "new.xml"), "--response", '{"RESPONSE": "A"}') == 0
    assert "1 of 1" in capsys.readouterr().out


def test_an_item_of_the_bank_is_scored_by_who_may_look_at_it(shell: Shell, own_body: Body) -> None:
    at = shell.enter(own_body)
    at.sign_in("mary")
    item = at.json("bank", "list", "--phase", "active")["items"][0]["item"]
    key = at.json("bank", "score", item)["correct"]["RESPONSE"]
    told = at.json("bank", "score", item, "--response", json.dumps({"RESPONSE": key}))
    assert told["score"] == told["max_score"] > 0
    assert at.refused("bank", "score", "no-such-item") == "NOT_FOUND"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("new.xml", "--response", "A"), "INPUT_INVALID"),
        (("new.xml", "--response", "[]"), "INPUT_INVALID"),
        (("new.xml", "--response", '{"X": "A"}'), "RESPONSE_INVALID"),
        (("broken.xml",), "ITEM_INVALID"),
        (("other.xml",), "ITEM_INVALID"),
    ],
)
def test_what_cannot_be_scored_is_refused(folder: Path, capsys: Spoken, words: tuple[str, ...], code: str) -> None:
    exit_code, told = said(capsys, "bank", "score", str(folder / words[0]), *words[1:])
    assert (exit_code, told["code"]) == (1, code)


def test_a_file_of_cases_is_tried(folder: Path, capsys: Spoken) -> None:
    file = cases(
        folder,
        {"item": "new.xml", "response": {"RESPONSE": "A"}, "expected": {"SCORE": 1}},
        {"item": "old.xml", "response": {"RESPONSE": ["B"]}, "expected": {"SCORE": 1}},
        {"item": "../outside.xml", "response": {}, "expected": {}},
        {"item": "broken.xml", "response": {}, "expected": {}},
    )
    code, told = said(capsys, "bank", "score-cases", file, "--root", str(folder))
    assert (code, told["cases"], told["agree"], told["disagree"]) == (0, 4, 2, [])
    assert [(one["id"], one["item"]) for one in told["refused"]] == [("c2", "../outside.xml"), ("c3", "broken.xml")]
    assert "not well-formed" in told["refused"][1]["reason"]


def test_a_case_that_disagrees_is_a_no(folder: Path, capsys: Spoken) -> None:
    file = cases(folder, {"item": "new.xml", "response": {"RESPONSE": "A"}, "expected": {"SCORE": 2}})
    code, told = said(capsys, "bank", "score-cases", file, "--root", str(folder))
    assert code == 1
    [one] = told["disagree"]
    assert (one["variable"], one["expected"], one["found"]) == ("SCORE", 2, 1.0)


def test_progress_is_told_on_long_work(folder: Path, capsys: Spoken) -> None:
    line = {"item": "new.xml", "response": {"RESPONSE": "A"}, "expected": {"SCORE": 1}}
    assert run("bank", "score-cases", cases(folder, *[line] * 1_001), "--root", str(folder)) == 0
    spoken = capsys.readouterr()
    assert "1000 cases" in spoken.err
    assert "1001 of 1001 agree; 0 refused" in spoken.out


def test_files_and_folders_have_to_be_there(folder: Path, capsys: Spoken) -> None:
    assert (
        said(capsys, "bank", "score-cases", str(folder / "no.jsonl"), "--root", str(folder))[1]["code"] == "NOT_FOUND"
    )
    file = cases(folder)
    assert said(capsys, "bank", "score-cases", file, "--root", str(folder / "no"))[1]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(("file", "least"), [("oracle.jsonl", 500), ("oracle_sequences.jsonl", 4)])
def test_every_public_case_agrees_or_is_refused_by_name(
    shared_data: Path, capsys: Spoken, file: str, least: int
) -> None:
    folder = shared_data / "qti"
    code, told = said(capsys, "bank", "score-cases", str(folder / file), "--root", str(folder))
    assert (code, told["disagree"]) == (0, [])
    assert told["agree"] >= least
    assert told["agree"] + len(told["refused"]) == told["cases"]
    assert len(told["refused"]) <= 10
