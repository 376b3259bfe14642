"""Custody of items over HTTP, with sittings under way: leaks, wrong keys, locked windows, what is found of the bank."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Refused
from engine.form import Seat
from engine.sitting import Phase
from engine.sources import epoch_ms
from item_bank.item import plain_text
from tests.item_bank.samples import choice_interaction, full_metadata, item_xml, resource, write_package
from tests.web.site import Site, plan
from tests.web.site import site as opened
from tests.web.test_acts import done, refused

REASON = "It was seen on a public page"


def place(site: Site, at: int = 0) -> Any:
    form = site.house.delivery.sitting(site.sitting).form
    assert form is not None
    return form.items[at]


def names(site: Site) -> set[str]:
    form = site.house.delivery.sitting(site.sitting).form
    assert form is not None
    return {one.ref.item for one in form.items}


# -- quarantine ---------------------------------------------------------------------------------------


def test_a_leaked_item_leaves_every_form_that_has_not_started(site: Site) -> None:
    item = place(site).ref.item
    out = done(site, "mary", "bank.compromise", {"items": [item], "reason": REASON})
    assert (True, [], [], []) == (site.sitting in out["redrawn"], out["not_redrawn"], out["running"], out["over"])
    assert item not in names(site)
    assert 3 == len(names(site))
    told = done(site, "mary", "bank.exposure", {"item": item})
    assert ([], [], []) == (told["waiting"], told["running"], told["over"])
    site.scored()  # with its other form, from check-in to the score


def test_a_running_sitting_keeps_its_form_and_is_listed_for_a_person(site: Site) -> None:
    item = place(site).ref.item
    site.running()
    out = done(site, "mary", "bank.compromise", {"items": [item], "reason": REASON})
    assert ([site.sitting], True) == (out["running"], item in names(site))
    with pytest.raises(Refused, match="NOT_NOW"):
        site.house.exams.redraw(site.person("mary"), site.sitting, REASON)


def test_a_form_that_cannot_be_drawn_any_more_is_told_and_drawn_when_it_can(site: Site) -> None:
    items = [one["item"] for one in done(site, "rosalind", "bank.list", {"phase": "ACTIVE"})]
    spared = [item for item in items if item not in names(site)][:1]
    gone = [item for item in items if item not in spared]
    out = done(site, "mary", "bank.compromise", {"items": gone, "reason": REASON})
    assert {"BLUEPRINT_INFEASIBLE"} == {one["code"] for one in out["not_redrawn"]}
    assert out["not_redrawn"] == done(site, "mary", "bank.redraw", {"items": gone, "reason": REASON})["not_redrawn"]
    assert (403, "ROLE_MISSING") == refused(site, "grace", "bank.redraw", {"items": gone, "reason": REASON})


# -- corrections --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "points", "possible"),
    [("rekey", 2.0, 3.0), ("drop", 2.0, 2.0), ("credit", 3.0, 3.0), ("accept", 3.0, 3.0)],
)
def test_a_wrong_key_is_corrected_by_two_people_and_the_old_score_stays(
    action: str, points: float, possible: float, site: Site
) -> None:
    site.scored()
    before = site.house.delivery.sitting(site.sitting)
    item = place(site).ref.item
    shown = done(site, "mary", "bank.show", {"item": item})
    right, wrong = shown["key"][0], next(one["option"] for one in shown["options"] if one["option"] not in shown["key"])
    keys = {"rekey": [{"RESPONSE": [wrong]}], "accept": [{"RESPONSE": [wrong]}, {"RESPONSE": [right]}]}.get(action, [])
    told = {"item": item, "action": action, "keys": keys, "reason": "two of the options are right"}
    assert (403, "ROLE_MISSING") == refused(site, "grace", "bank.propose-correction", told)
    proposed = done(site, "rosalind", "bank.propose-correction", told)
    assert [site.sitting] == proposed["over"]
    assert (403, "SOD_SECOND_PERSON") == refused(site, "rosalind", "bank.confirm-correction", {"item": item})
    confirmed = done(site, "mary", "bank.confirm-correction", {"item": item})
    [one] = confirmed["rescored"]
    assert (site.sitting, points, possible) == (one["sitting"], one["points"], one["max_points"])
    assert (3.0, 3.0, True) == (one["points_before"], one["max_points_before"], one["passed_before"])
    assert before == site.house.delivery.sitting(site.sitting)
    [row] = done(site, "mary", "bank.rescores", {"item": item})
    assert (confirmed["correction"], points) == (row["correction"], row["points"])
    assert [] == done(site, "mary", "bank.rescore", {"item": item})["rescored"]  # nobody was scored since
    assert "KEY_CORRECTED" == site.house.bank.life(item).latest.phase.value


def test_a_sitting_scored_after_the_correction_is_added_when_asked(site: Site) -> None:
    site.running()
    item = place(site).ref.item
    told = {"item": item, "action": "drop", "keys": [], "reason": "no option is right"}
    assert [site.sitting] == done(site, "rosalind", "bank.propose-correction", told)["running"]
    assert [site.sitting] == done(site, "mary", "bank.confirm-correction", {"item": item})["waiting"]
    site.answered()
    site.house.delivery.submit(site.person("ada"), site.sitting, 0, 0)
    site.house.delivery.score(site.sitting)
    [one] = done(site, "mary", "bank.rescore", {"item": item})["rescored"]
    assert (2.0, 3.0) == (one["max_points"], one["max_points_before"])


def test_a_correction_that_is_rejected_puts_the_item_back_into_use(site: Site) -> None:
    item = place(site).ref.item
    told = {"item": item, "action": "drop", "keys": [], "reason": "no option is right"}
    done(site, "rosalind", "bank.propose-correction", told)
    assert (409, "NOT_NOW") == refused(site, "mary", "bank.rescore", {"item": item})
    back = {"item": item, "reason": "the standard says so"}
    assert "ACTIVE" == done(site, "mary", "bank.reject-correction", back)["phase"]
    for wrong in ({"action": "rekey"}, {"keys": [{}], "action": "rekey"}, {"keys": [{"X": ["A"]}], "action": "rekey"}):
        assert (400, "INPUT_INVALID") == refused(site, "rosalind", "bank.propose-correction", told | wrong)
    assert (400, "INPUT_INVALID") == refused(site, "rosalind", "bank.propose-correction", told | {"keys": "A"})


# -- windows under k-of-n custody ---------------------------------------------------------------------

HOLDERS = ["mary", "rosalind", "katherine"]


def locked(site: Site) -> dict[str, str]:
    """The exam's items under lock; the shares by holder, taken."""
    told = {"exam": site.exam, "holders": HOLDERS, "need": 2}
    assert 8 == done(site, "mary", "keys.lock-window", told)["items"]
    return {who: done(site, who, "keys.take-share", {"exam": site.exam})["share"] for who in HOLDERS}


def look(site: Site) -> str:
    ref = place(site).ref
    seat = Seat(site.sitting, bytes(32))
    try:
        return site.house.bank.for_candidate(ref, seat).html[:1]
    except Refused as refused_:
        return refused_.code


def give(site: Site, who: str, share: str) -> Any:
    return done(site, who, "keys.give-share", {"exam": site.exam, "share": share})


def test_enough_holders_open_the_window_and_it_closes_by_itself(site: Site) -> None:
    shares = locked(site)
    assert "VAULT_LOCKED" == look(site)
    assert (423, "VAULT_LOCKED")[1] == refused(site, "rosalind", "bank.show", {"item": place(site).ref.item})[1]
    assert give(site, "mary", shares["mary"])["open_until"] is None
    assert "VAULT_LOCKED" == look(site)
    assert give(site, "katherine", shares["katherine"])["open_until"] is not None
    assert "<" == look(site)
    site.wait(11 * 3_600_000)  # the window closed at 18:00 UTC, and twice the time limit has passed
    assert "VAULT_LOCKED" == look(site)
    assert done(site, "mary", "keys.window", {"exam": site.exam})["open_until"] is None
    assert [] == list(site.house.settings.keys.glob("window-*.passing"))
    give(site, "rosalind", shares["rosalind"])  # for an appeal, much later
    assert give(site, "mary", shares["mary"])["open_until"] is not None
    assert "<" == look(site)


def test_a_whole_sitting_runs_in_an_opened_window_and_a_restart_does_not_close_it(
    founded: Path, tmp_path: Path, sources: Any
) -> None:
    import shutil

    folder = tmp_path / "again"
    shutil.copytree(founded, folder)
    with opened(folder, sources) as site:
        shares = locked(site)
        give(site, "mary", shares["mary"])
        give(site, "rosalind", shares["rosalind"])
        everything = b"".join(path.read_bytes() for path in (folder / "data").iterdir() if path.is_file())
        secret = base64.b32decode("".join(shares["mary"].split("-")[3:]).upper() + "====")
        assert secret not in everything and shares["mary"].encode() not in everything
    with opened(folder, sources) as site:
        site.scored()
        assert Phase.SEALED is site.house.delivery.sitting(site.sitting).phase
        done(site, "mary", "keys.close-window", {"exam": site.exam})
        assert "VAULT_LOCKED" == look(site)
    with opened(folder, sources) as site:
        assert "VAULT_LOCKED" == look(site)
        for who in ("rosalind", "katherine"):
            give(site, who, shares[who])
        assert {"exam": site.exam, "items": 8} == done(site, "mary", "keys.unlock-window", {"exam": site.exam})
        assert "<" == look(site)


def test_each_refusal_of_a_window_has_its_lawful_twin(site: Site) -> None:
    told = {"exam": site.exam, "holders": HOLDERS, "need": 2}
    assert "ROLE_MISSING" == refused(site, "rosalind", "keys.lock-window", told)[1]
    assert "INPUT_INVALID" == refused(site, "mary", "keys.lock-window", told | {"holders": ["mary", "mary"]})[1]
    assert "SOD_RELATION" == refused(site, "mary", "keys.lock-window", told | {"holders": ["mary", "linus"]})[1]
    assert "NOT_OWN_PERSONNEL" == refused(site, "mary", "keys.lock-window", told | {"holders": ["mary", "ada"]})[1]
    assert "NOT_FOUND" == refused(site, "mary", "keys.lock-window", told | {"exam": "exam-none"})[1]
    shares = locked(site)
    assert "NOT_NOW" == refused(site, "mary", "keys.lock-window", told)[1]
    assert "NOT_FOUND" == refused(site, "joan", "keys.take-share", {"exam": site.exam})[1]
    assert "TERMINAL_STATE" == refused(site, "mary", "keys.take-share", {"exam": site.exam})[1]
    mine = {"exam": site.exam, "share": shares["mary"]}
    assert "INPUT_INVALID" == refused(site, "rosalind", "keys.give-share", mine)[1]
    assert "NOT_FOUND" == refused(site, "joan", "keys.give-share", mine)[1]
    assert "NOT_NOW" == refused(site, "mary", "keys.close-window", {"exam": site.exam})[1]
    assert "VAULT_LOCKED" == refused(site, "mary", "keys.unlock-window", {"exam": site.exam})[1]
    assert "ROLE_MISSING" == refused(site, "joan", "keys.window", {"exam": site.exam})[1]
    assert 1 == len(give(site, "mary", shares["mary"])["given"])
    assert 1 == len(give(site, "mary", shares["mary"])["given"])  # the same share twice is one share
    assert give(site, "rosalind", shares["rosalind"])["open_until"] is not None
    assert "ROLE_MISSING" == refused(site, "joan", "keys.close-window", {"exam": site.exam})[1]


def test_a_window_is_not_opened_long_before_the_exam(site: Site) -> None:
    shares = locked(site)
    early = done(site, "mary", "exam.plan", _later(site))["exam"]
    done(site, "mary", "keys.unlock-window", _opened(site, shares))
    told = {"exam": early, "holders": HOLDERS, "need": 2}
    done(site, "mary", "keys.lock-window", told)
    share = done(site, "mary", "keys.take-share", {"exam": early})["share"]
    assert "OUTSIDE_WINDOW" == refused(site, "mary", "keys.give-share", {"exam": early, "share": share})[1]
    site.wait(7 * 86_400_000)
    assert 1 == len(done(site, "mary", "keys.give-share", {"exam": early, "share": share})["given"])


def _later(site: Site) -> dict[str, Any]:
    del site
    return plan(opens="2026-03-09T10:00", closes="2026-03-09T20:00")


def _opened(site: Site, shares: dict[str, str]) -> dict[str, str]:
    for who in ("mary", "rosalind"):
        give(site, who, shares[who])
    return {"exam": site.exam}


def test_the_items_key_is_replaced_under_locked_and_open_items_alike(site: Site) -> None:
    shares = locked(site)
    assert len(site.house.bank.list_items()) == site.house.bank.rotate_keys()
    assert "VAULT_LOCKED" == look(site)
    _opened(site, shares)
    assert "<" == look(site)


# -- looking ------------------------------------------------------------------------------------------


def test_items_are_found_by_their_words_and_pages_follow_each_other(site: Site) -> None:
    item = site.house.bank.show(site.person("mary"), place(site).ref.item)
    words = plain_text(item.body, options=False)
    found = done(site, "rosalind", "bank.search", {"words": words.upper()})
    assert [item.identifier] == [one["item"] for one in found]
    assert [] == done(site, "rosalind", "bank.search", {"words": f"{words} zyzzyva"})
    first = done(site, "rosalind", "bank.search", {"most": 3, "domain": "PRACTICE"})
    rest = done(site, "rosalind", "bank.search", {"most": 100, "after": first[-1]["item"]})
    assert [one["item"] for one in done(site, "mary", "bank.list", {})] == [one["item"] for one in (*first, *rest)]
    assert "ROLE_MISSING" == refused(site, "grace", "bank.search", {})[1]


def test_a_found_file_names_the_item_and_the_sitting_that_saw_it(site: Site) -> None:
    site.running()
    seen, unseen = place(site, 0), place(site, 1)
    site.house.delivery.item(site.person("ada"), site.sitting, seen.position)
    texts = [
        plain_text(site.house.bank.show(site.person("mary"), one.ref.item).body, options=False)
        for one in (seen, unseen)
    ]
    dump = base64.b64encode(f"<html><td>{texts[0]}</td><td>{texts[1]}</td>".encode()).decode()
    leaks = {one["item"]: one for one in done(site, "mary", "bank.leak-check", {"found": dump})}
    assert ([site.sitting], []) == (leaks[seen.ref.item]["sittings"], leaks[unseen.ref.item]["sittings"])
    clean = base64.b64encode(b"Nothing of ours stands in here, whoever reads it").decode()
    assert [] == done(site, "mary", "bank.leak-check", {"found": clean})
    assert "ROLE_MISSING" == refused(site, "grace", "bank.leak-check", {"found": clean})[1]
    assert "INPUT_INVALID" == refused(site, "mary", "bank.leak-check", {"found": "!"})[1]


# -- writing ------------------------------------------------------------------------------------------


def imported(site: Site, folder: Path, name: str = "new-1", *, language: str = "en", body: str = "A new item.") -> None:
    data = item_xml(identifier=name, body=f"<p>{body}</p>", interaction=choice_interaction())
    data = data.replace(b'xml:lang="en"', f'xml:lang="{language}"'.encode())
    path = write_package(folder / name, {name: data}, resource(name, full_metadata()))
    site.house.bank.import_package(site.person("emmy"), path)


def test_an_import_during_a_running_sitting_disturbs_nobody(site: Site, tmp_path: Path) -> None:
    site.running()
    imported(site, tmp_path)
    site.answered()
    assert "DRAFT" == site.house.bank.life("new-1").latest.phase.value
    site.house.delivery.submit(site.person("ada"), site.sitting, 0, 0)
    assert Phase.SEALED is site.house.delivery.score(site.sitting).phase


def test_a_writer_with_a_second_account_is_still_the_writer(site: Site, tmp_path: Path) -> None:
    imported(site, tmp_path)
    done(site, "linus", "people.add-account", {"person": "emmy", "login": "emmy-two"})
    done(site, "linus", "people.password", {"login": "emmy-two", "password": "correct horse battery"})
    done(site, "linus", "people.grant", {"person": "emmy-two", "role": "reviewer"})
    told = {"items": ["new-1"], "check": ""}
    for account in ("emmy", "emmy-two"):
        assert (403, "SOD_ITEM_AUTHOR") == refused(site, account, "bank.approve", told)
    assert {"approved": 1} == done(site, "rosalind", "bank.approve", told)


def test_whoever_wrote_an_item_of_the_exam_cannot_sit_it(site: Site, tmp_path: Path) -> None:
    """Noor holds no role here, but a package names her as author: of another area first, then of the exam's own."""
    for name, domain, code in (("else-1", "D1", ""), ("own-1", "PRACTICE", "SOD_ITEM_EXPOSED")):
        data = item_xml(identifier=name, interaction=choice_interaction())
        path = write_package(tmp_path / name, {name: data}, resource(name, full_metadata(domain=domain, author="noor")))
        site.house.bank.import_package(site.person("emmy"), path)
        exam = done(site, "mary", "exam.plan", plan())["exam"]
        told = {"exam": exam, "candidate": "noor"}
        assert code == (refused(site, "mary", "exam.book", told)[1] if code else "")
        if not code:
            assert done(site, "mary", "exam.book", told)["sitting"]
    bank, noor, seen_ms = site.house.bank, site.person("noor"), epoch_ms(site.clock.now())
    with site.house.database.reading() as connection:
        blueprint = site.house.exams.exam(exam).blueprint
        assert bank.seen_by(connection, noor, blueprint, seen_ms)
        assert not bank.seen_by(connection, noor, blueprint, seen_ms + 1)  # once the cool-off is over
        assert not bank.seen_by(connection, site.person("ada"), blueprint, 0)


def test_items_in_clear_leave_by_two_people_and_once(site: Site) -> None:
    item = place(site).ref.item
    told = {"items": [item], "reason": "printed for an appeal"}
    assert "ROLE_MISSING" == refused(site, "rosalind", "bank.ask-export", told)[1]
    release = {"release": done(site, "mary", "bank.ask-export", told)["release"]}
    assert "SOD_SECOND_PERSON" == refused(site, "mary", "bank.approve-export", release)[1]
    assert "SOD_SECOND_PERSON" == refused(site, "mary", "bank.export-plain", release)[1]
    done(site, "linus", "people.grant", {"person": "rosalind", "role": "bank-manager"})
    assert [item] == done(site, "rosalind", "bank.approve-export", release)["items"]
    assert "TERMINAL_STATE" == refused(site, "rosalind", "bank.approve-export", release)[1]
    assert "NOT_FOUND" == refused(site, "rosalind", "bank.export-plain", release)[1]  # whoever asked gets it
    package = base64.b64decode(done(site, "mary", "bank.export-plain", release)["package"])
    assert b"PK" == package[:2]
    assert "TERMINAL_STATE" == refused(site, "mary", "bank.export-plain", release)[1]
    assert "NOT_FOUND" == refused(site, "mary", "bank.approve-export", {"release": "rel-none"})[1]
    for recipient in ("xyz", "00"):
        assert "INPUT_INVALID" == refused(site, "mary", "bank.export", {**told, "recipient": recipient})[1]
    assert "INPUT_INVALID" == refused(site, "mary", "bank.export", {**told, "recipient": "00" * 32})[1]
    assert "INPUT_INVALID" == refused(site, "mary", "bank.ask-export", {**told, "reason": " "})[1]


def test_a_checklist_is_gone_through_point_by_point(site: Site, tmp_path: Path) -> None:
    imported(site, tmp_path)
    told = {"item": "new-1", "check": "bias", "points": ["no-stereotypes"]}
    assert "ITEM_INVALID" == refused(site, "rosalind", "bank.review", told)[1]
    told["points"] = ["no-stereotypes", "no-group-knowledge", "no-offence"]
    assert "IN_REVIEW" == done(site, "rosalind", "bank.review", told)["phase"]


def test_comments_are_read_by_who_may_see_the_item_and_lie_sealed(site: Site, tmp_path: Path) -> None:
    imported(site, tmp_path)
    said = "The second option Quagga1883 is right too"
    assert 1 == done(site, "rosalind", "bank.comment", {"item": "new-1", "text": said})["comment"]
    assert 2 == done(site, "emmy", "bank.comment", {"item": "new-1", "text": "Mended"})["comment"]
    told = done(site, "emmy", "bank.comments", {"item": "new-1"})
    assert [("Rosalind Frey", said), ("Emmy Noren", "Mended")] == [(one["person"], one["text"]) for one in told]
    assert "ROLE_MISSING" == refused(site, "grace", "bank.comments", {"item": "new-1"})[1]
    everything = b"".join(path.read_bytes() for path in site.house.settings.data.rglob("*") if path.is_file())
    assert b"Quagga1883" not in everything


def test_a_translation_follows_its_source_and_is_shown_as_stale(site: Site, tmp_path: Path) -> None:
    imported(site, tmp_path)
    imported(site, tmp_path, "new-1-fi", language="fi", body="Uusi tehtävä.")
    assert 1 == done(site, "emmy", "bank.translate", {"item": "new-1-fi", "of": "new-1"})["revision"]
    for name in ("new-1", "new-1-fi"):
        make_active(site, name)
    listed = {one["item"]: one for one in done(site, "mary", "bank.search", {"domain": "D1"})}
    assert ("new-1/1", False) == (listed["new-1-fi"]["translates"], listed["new-1-fi"]["stale"])
    (tmp_path / "next").mkdir()
    imported(site, tmp_path / "next", body="A mended item.")
    make_active(site, "new-1")
    [stale] = done(site, "mary", "bank.search", {"language": "fi"})
    assert (True, "ACTIVE") == (stale["stale"], stale["phase"])


def make_active(site: Site, name: str) -> None:
    for who in ("mary", "rosalind"):
        done(site, who, "bank.approve", {"items": [name]})
    done(site, "rosalind", "bank.keys", {"keys": {name: {"RESPONSE": ["A"]}}})
    done(site, "mary", "bank.activate", {"items": [name]})


def test_whoever_has_opened_an_item_with_its_key_does_not_state_it(site: Site, tmp_path: Path) -> None:
    imported(site, tmp_path)
    for who in ("mary", "rosalind"):
        done(site, who, "bank.approve", {"items": ["new-1"]})
    done(site, "mary", "bank.show", {"item": "new-1"})
    told = {"keys": {"new-1": ["A"]}}
    assert "SOD_SECOND_PERSON" == refused(site, "mary", "bank.keys", told)[1]
    assert ["new-1"] == done(site, "rosalind", "bank.keys", told)["agreed"]
