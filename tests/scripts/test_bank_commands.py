"""From a package to an active item by commands, each step by whoever may take it; and what public examples give."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.bodies import Body
from tests.item_bank.samples import full_metadata, item_xml, resource, write_package
from tests.scripts.shell import Shell

NAMES = ("new-1", "new-2", "new-3")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    items = {name: item_xml(identifier=name, body=f"<p>This is {name}.</p>") for name in NAMES}
    return write_package(tmp_path / "package", items, "".join(resource(name, full_metadata()) for name in NAMES))


@pytest.fixture
def at(shell: Shell, own_body: Body) -> Shell:
    return shell.enter(own_body)


def phases(at: Shell) -> set[str]:
    items: list[dict[str, str]] = at.json("bank", "list")["items"]
    return {one["phase"] for one in items if one["item"] in NAMES}


def test_an_item_becomes_active_by_four_people_and_never_by_fewer(at: Shell, package: Path) -> None:
    at.sign_in("emmy")
    assert [*NAMES] == at.json("bank", "import", str(package))["drafted"]
    assert "ROLE_MISSING" == at.refused("bank", "approve", *NAMES)
    at.sign_in("mary")
    assert 3 == at.json("bank", "approve", "--all")["approved"]
    assert {"IN_REVIEW"} == phases(at)
    assert "SOD_SECOND_PERSON" == at.refused("bank", "approve", "--all")
    at.sign_in("grace")
    assert 3 == at.json("bank", "approve", "--all")["approved"]
    assert "ROLE_MISSING" == at.refused("bank", "activate", "--all")
    at.sign_in("mary")
    assert "SOD_SECOND_PERSON" == at.refused("bank", "activate", "--all")  # nobody has stated the key again
    at.sign_in("grace")
    told = at.json("bank", "key", "--all", stdin="Z\nA\n\na\nA\n", code=0)  # unknown, right; left; unknown, right
    assert (["new-1", "new-3"], [], ["new-2"]) == (told["agreed"], told["differ"], told["left"])
    (at.folder / "keys.json").write_text(json.dumps({"new-2": ["B"]}))
    assert ["new-2"] == at.json("bank", "key", "--file", "keys.json", code=1)["differ"]
    at.sign_in("mary")
    assert "ITEM_INVALID" == at.refused("bank", "activate", "--all")
    assert 2 == at.json("bank", "activate", "new-1", "new-3")["activated"]
    assert 1 == at.json("bank", "send-back", "new-2", "--reason", "the key is in doubt")["sent_back"]
    assert {"ACTIVE", "DRAFT"} == phases(at)


def test_the_question_is_asked_without_its_key(at: Shell, package: Path) -> None:
    at.sign_in("emmy")
    at.json("bank", "import", str(package))
    for person in ("mary", "grace"):
        at.sign_in(person)
        at.json("bank", "approve", *NAMES)
    ran = at("bank", "key", "new-1", stdin="\n")
    assert ["This is new-1.", "A: One", "C: Three"] == [
        word for word in ("This is new-1.", "A: One", "C: Three", "less than two") if word in ran.err
    ]


def test_items_are_taken_out_by_whoever_may(at: Shell) -> None:
    at.sign_in("grace")
    assert "ROLE_MISSING" == at.refused("bank", "retire", "EST-D1-001", "--reason", "old")
    at.sign_in("mary")
    assert 1 == at.json("bank", "retire", "EST-D1-001", "--reason", "old")["retired"]
    assert 1 == at.json("bank", "compromise", "EST-D1-002", "--reason", "seen in a forum")["compromised"]
    assert 2 == at("bank", "retire", "EST-D1-003").code  # without a reason


def test_a_look_is_for_the_writer_and_the_reviewers(at: Shell) -> None:
    at.sign_in("mary")
    shown = at.json("bank", "show", "EST-D1-001")
    assert ("ACTIVE", 1) == (shown["phase"], len(list(shown["key"])))
    history: list[dict[str, str]] = shown["history"]
    approved = [f"approved: {check}" for check in ("content", "bias", "access", "language")]
    assert ["drafted", *approved, "second key", "activated"] == [one["act"] for one in history]
    at.sign_in("barbara")
    assert "ROLE_MISSING" == at.refused("bank", "show", "EST-D1-001")


def test_a_preview_is_what_a_candidate_sees_in_a_file_for_one_reader(at: Shell) -> None:
    at.sign_in("mary")
    file = Path(str(at.json("bank", "preview", "EST-D1-001")["file"]))
    page = (at.folder / file).read_text()
    shown = at.json("bank", "show", "EST-D1-001")
    assert (True, False) == (str(shown["text"])[:40] in page, str(shown["rationale"])[:40] in page)
    assert 0o600 == stat.S_IMODE((at.folder / file).stat().st_mode)
    assert "INPUT_INVALID" == at.refused("bank", "preview", "EST-D1-001")  # never over another file
    assert "NOT_FOUND" == at.refused("bank", "preview", "EST-D1-001", "--out", "no/where.html")


@pytest.mark.parametrize(
    ("words", "text", "code"),
    [
        (["--file", "keys.json"], "not JSON", 1),
        (["--file", "keys.json"], '["new-1"]', 1),
        (["--file", "keys.json"], '{"new-1": "A"}', 1),
        (["--file", "nowhere.json"], "", 1),
        (["--file", "keys.json", "new-1"], "{}", 2),
        (["--all", "new-1"], "", 2),
        ([], "", 2),
        (["--all"], "", 1),  # nothing waits
    ],
)
def test_keys_that_cannot_be_read_are_refused(words: list[str], text: str, code: int, at: Shell) -> None:
    (at.folder / "keys.json").write_text(text)
    at.sign_in("grace")
    assert code == at("bank", "key", *words).code


# -- public examples ----------------------------------------------------------------------------------


def test_checking_keeps_nothing_and_needs_nobody(shell: Shell, package: Path, tmp_path: Path) -> None:
    assert [*NAMES] == shell.json("bank", "check", str(package))["takes"]
    (package / "items/new-2.xml").write_text("<no item")
    told = shell.json("bank", "check", str(package), code=1)
    [refused] = told["refused"]
    assert ["new-1", "new-3"] == told["takes"]
    assert ("items/new-2.xml", True) == (refused["file"], bool(refused["reason"]))
    (tmp_path / "empty").mkdir()
    assert [] == shell.json("bank", "check", str(tmp_path / "empty"), code=1)["takes"]


def test_public_items_are_taken_and_every_other_file_is_refused_by_name_and_reason(
    at: Shell, shared_data: Path
) -> None:
    folder = shared_data / "qti/1edtech-qti-examples/QTI3_BPIG_Examples/items"
    at.sign_in("emmy")
    told = at.json("bank", "import", str(folder), "--domain", "EXAMPLES", "--author", "emmy")
    assert {"beginnersguide007", "CatalogWithMultipleSupports", "math", "QTI3-associate"} <= set(told["drafted"])
    refused: list[dict[str, str]] = told["refused"]
    assert [] == [one for one in refused if not (one["file"] and one["reason"] and one["element"])]
    everything = {path.name for path in folder.rglob("*.xml")}
    assert len(everything) - len(told["drafted"]) == len({one["file"] for one in refused})
    assert (
        told["drafted"]
        == at.json("bank", "import", str(folder), "--domain", "EXAMPLES", "--author", "emmy")["unchanged"]
    )
