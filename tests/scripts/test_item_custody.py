"""The life of an item by commands: who may, what is told, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from item_bank.qti.package import read_package
from tests.bodies import Body
from tests.item_bank.samples import full_metadata, item_xml, resource, write_package
from tests.scripts.shell import Shell

NAMES = ("new-1", "new-2")


@pytest.fixture
def at(shell: Shell, own_body: Body) -> Shell:
    return shell.enter(own_body)


@pytest.fixture
def drafted(at: Shell, tmp_path: Path) -> Shell:
    """Two items by Emmy, a translation among them."""
    items = {name: item_xml(identifier=name, body=f"<p>Prove the circuit dead, {name}.</p>") for name in NAMES}
    items["new-1-fi"] = item_xml(identifier="new-1-fi", body="<p>Totea virtapiiri.</p>").replace(b'"en"', b'"fi"')
    package = write_package(tmp_path / "package", items, "".join(resource(name, full_metadata()) for name in items))
    at.sign_in("emmy")
    assert 3 == len(at.json("bank", "import", str(package))["drafted"])
    return at


def activated(at: Shell, *names: str) -> None:
    for who in ("mary", "grace"):
        at.sign_in(who)
        at.json("bank", "approve", *names)
    (at.folder / "keys.json").write_text(json.dumps({name: {"RESPONSE": ["A"]} for name in names}))
    assert [*names] == at.json("bank", "key", "--file", "keys.json")["agreed"]
    at.sign_in("mary")
    assert len(names) == at.json("bank", "activate", *names)["activated"]


def test_a_checklist_is_shown_and_then_gone_through(drafted: Shell) -> None:
    drafted.sign_in("mary")
    points = drafted.json("bank", "review", "new-1", "--check", "bias", code=1)["points"]
    words = [word for one in points for word in ("--hold", one["point"])]
    assert "ITEM_INVALID" == drafted.refused("bank", "review", "new-1", "--check", "bias", *words[2:])
    assert "IN_REVIEW" == drafted.json("bank", "review", "new-1", "--check", "bias", *words)["phase"]
    assert "access" == drafted.json("bank", "review", "new-1", "--check", "access", "--all-hold")["check"]
    assert "INPUT_INVALID" == drafted.refused("bank", "review", "new-1", "--check", "style")
    drafted.sign_in("emmy")
    assert "ROLE_MISSING" == drafted.refused("bank", "review", "new-1", "--check", "content", "--all-hold")


def test_comments_and_translations(drafted: Shell) -> None:
    assert 1 == drafted.json("bank", "comment", "new-1", "Mind the second option")["comment"]
    [said] = drafted.json("bank", "comment", "new-1")["comments"]
    assert "Mind the second option" == said["text"]
    assert 1 == drafted.json("bank", "translate", "new-1-fi", "--of", "new-1")["revision"]
    assert "INPUT_INVALID" == drafted.refused("bank", "translate", "new-2", "--of", "new-1")


def test_what_is_tried_out_is_calibrated_and_watched(drafted: Shell) -> None:
    for who in ("mary", "grace"):
        drafted.sign_in(who)
        drafted.json("bank", "approve", "new-1")
    drafted.sign_in("mary")
    assert 1 == drafted.json("bank", "pilot", "new-1", "--plan", "forms of May, unscored")["piloted"]
    few = ("--sample", "12", "--facility", "0.6", "--discrimination", "0.3")
    assert "ITEM_INVALID" == drafted.refused("bank", "calibrate", "new-1", *few)
    enough = ("--sample", "120", "--facility", "0.6", "--discrimination", "0.3")
    assert "CALIBRATED" == drafted.json("bank", "calibrate", "new-1", *enough)["phase"]
    for act, told in (("watch", "watched"), ("suspend", "suspended"), ("resume", "resumed")):
        assert 1 == drafted.json("bank", act, "EST-D1-001", "--reason", "more seen than others")[told]


def test_a_wrong_key_by_commands(drafted: Shell) -> None:
    activated(drafted, "new-1")
    drafted.sign_in("grace")
    wrong = ("--action", "rekey", "--reason", "B is right")
    assert "INPUT_INVALID" == drafted.refused("bank", "correct", "new-1", *wrong, "--key", "B")
    drafted.json("bank", "correct", "new-1", *wrong, "--key", "RESPONSE=B")
    assert "SOD_SECOND_PERSON" == drafted.refused("bank", "confirm-correction", "new-1")
    drafted.sign_in("mary")
    assert [] == drafted.json("bank", "confirm-correction", "new-1")["rescored"]
    assert [] == drafted.json("bank", "rescore", "new-1")["rescored"]
    assert "NOT_NOW" == drafted.refused("bank", "reject-correction", "new-1", "--reason", "A is right")


def test_items_are_found_and_a_found_file_names_them(drafted: Shell) -> None:
    found = drafted.json("bank", "search", "circuit", "dead", "prove", "--phase", "draft")["items"]
    assert ["new-1", "new-2"] == [one["item"] for one in found]
    assert 0 == drafted.json("bank", "search", "zyzzyva")["count"]
    assert 0 == drafted("bank", "search", "circuit").code
    (drafted.folder / "found.html").write_text("<p>They asked: <b>Prove the circuit dead, new-2.</b></p>")
    drafted.sign_in("mary")
    leaks = drafted.json("bank", "leak-check", "found.html", code=1)["leaks"]
    assert "new-2" == leaks[0]["item"]
    assert {} == dict(drafted.json("bank", "exposure", "EST-D1-001")["near_duplicates"])
    assert "NOT_FOUND" == drafted.refused("bank", "leak-check", "nowhere.txt")
    assert 0 == drafted.json("bank", "reindex")["indexed"]


def test_a_package_leaves_sealed_or_with_a_second_person(drafted: Shell) -> None:
    drafted.sign_in("mary")
    drafted.json("bank", "recipient", "partner")
    assert "INPUT_INVALID" == drafted.refused("bank", "recipient", "partner")
    sealed = ("bank", "export", "out.sealed", "new-1", "--to", "partner.pub", "--reason", "a pool we share")
    drafted.json(*sealed)
    assert "INPUT_INVALID" == drafted.refused(*sealed)  # never over another file
    assert b"circuit" not in (drafted.folder / "out.sealed").read_bytes()
    drafted.json("bank", "unseal", "out.sealed", "--key", "partner.key", "--out", "out.zip")
    assert ["new-1"] == [one.item.identifier for one in read_package(drafted.folder / "out.zip").entries]
    drafted.json("bank", "recipient", "other")
    assert "INPUT_INVALID" == drafted.refused("bank", "unseal", "out.sealed", "--key", "other.key", "--out", "b.zip")
    asked = str(drafted.json("bank", "ask-export", "new-2", "--reason", "printed for an appeal")["release"])
    plain = ("bank", "export", "plain.zip", "--release", asked)
    assert "SOD_SECOND_PERSON" == drafted.refused("bank", "approve-export", asked)
    assert "SOD_SECOND_PERSON" == drafted.refused(*plain)
    assert 2 == drafted("bank", "export", "plain.zip").code


def test_the_items_key_is_replaced_and_everything_opens(drafted: Shell) -> None:
    before = (drafted.folder / "keys" / "items.key").read_bytes() if (drafted.folder / "keys").is_dir() else b""
    assert drafted.json("keys", "rotate")["revisions"]
    drafted.sign_in("emmy")
    assert "new-1" == drafted.json("bank", "show", "new-1")["item"]
    if before:
        assert before != (drafted.folder / "keys" / "items.key").read_bytes()


def test_an_exams_questions_are_locked_and_opened_by_commands(at: Shell) -> None:
    at.sign_in("mary")
    exam = str(at.json("exam", "status")["exams"][0]["exam"])
    told = at.json("keys", "share", exam, "--holder", "mary", "--holder", "grace", "--need", "2")
    assert (2, None) == (told["need"], told["open_until"])
    shares = {}
    for who in ("mary", "grace"):
        at.sign_in(who)
        shares[who] = str(at.json("keys", "take", exam)["share"])
        assert "TERMINAL_STATE" == at.refused("keys", "take", exam)
    assert 2 == at.json("keys", "window", exam)["need"]
    at.sign_in("mary")
    assert "VAULT_LOCKED" == at.refused("bank", "preview", "EST-D1-001")
    assert "NOT_NOW" == at.refused("keys", "close", exam)
    assert "VAULT_LOCKED" == at.refused("keys", "unlock", exam)
