"""An adaptive item in an exam, as pages: each attempt is a form, and the score is that of the whole way.

What an option is called is read from the page; which one is right is read from the bank, as no candidate can.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from engine.sitting import Phase
from item_bank.qti import processing
from item_bank.solution import keys_of
from tests.item_bank.chests import chests
from tests.item_bank.samples import full_metadata, resource, write_package
from tests.web.lines import Window, happened, history, state_of
from tests.web.site import BLUEPRINT, Browser, Site, login, plan
from web.acts import perform

HERE = "q01"


def sat(calm: Site, tmp_path: Path) -> Site:
    """Ada sits an exam of one question, which is adaptive."""
    folder = write_package(tmp_path / "way", {"chests": chests()}, resource("chests", full_metadata(domain="CHESTS")))
    house = calm.house
    mary, rosalind = login(house, "mary"), login(house, "rosalind")
    drafted = perform(house, login(house, "emmy"), "bank.import", {"path": str(folder)})["drafted"]
    assert ["chests"] == drafted
    perform(house, mary, "bank.approve", {"items": drafted})
    perform(house, rosalind, "bank.approve", {"items": drafted})
    stated = {name: list(values) for name, values in keys_of(house.bank.show(mary.person, "chests")).items()}
    perform(house, rosalind, "bank.keys", {"keys": {"chests": stated}})
    perform(house, mary, "bank.activate", {"items": drafted})
    rows = [{"name": "r1", "section": "s1", "domain": "CHESTS", "count": 1}]
    planned = perform(house, mary, "exam.plan", plan(blueprint={**BLUEPRINT, "name": "chests", "rows": rows}))["exam"]
    sitting = perform(house, mary, "exam.book", {"exam": planned, "candidate": "ada"})["sitting"]
    perform(house, mary, "exam.open", {"exam": planned})
    running = replace(calm, exam=planned, sitting=sitting)
    running.running()
    return running


@pytest.fixture
def exam(calm: Site, tmp_path: Path) -> Site:
    return sat(calm, tmp_path)


@pytest.fixture
def ada(exam: Site) -> Browser:
    return exam.candidate()


def rope(exam: Site) -> str:
    """Where it is in this sitting's clone."""
    seed = exam.house.exams.seat_seed(exam.house.exams.exam(exam.exam), exam.sitting)
    held = processing.begin(exam.house.bank.show(exam.person("mary"), "chests"), seed).values["ROPE"]
    assert held is not None
    return str(held.item)


def page(exam: Site, ada: Browser) -> str:
    answer = ada.get(f"/sit/{exam.sitting}/item/{HERE}")
    assert 200 == answer.status_code
    return answer.text


def option(html: str, words: str) -> tuple[str, str]:
    """The name and the value of the control beside these words."""
    found = re.search(rf'name="(response\.[A-Z]+)" type="radio" value="([^"]+)"><span[^>]*>{re.escape(words)}<', html)
    assert found, words
    return found[1], found[2]


def attempt(exam: Site, ada: Browser, words: str = "", button: str = "", number: int = 0) -> str:
    """Without a script: choose, press, and see where it leads."""
    html = page(exam, ada)
    told = {"attempt": button, "number": str(number or re.findall(r'name="number" value="(\d+)"', html)[0])}
    if words:
        name, value = option(html, words)
        told[name] = value
    answer = ada.post(f"/sit/{exam.sitting}/item/{HERE}", told)
    assert (303, f"/sit/{exam.sitting}/item/{HERE}?attempted=1") == (answer.status_code, answer.headers["location"])
    return ada.get(answer.headers["location"]).text


def test_without_a_script_an_adaptive_item_is_answered_to_its_end_and_scored(exam: Site, ada: Browser) -> None:
    place = rope(exam)
    first = page(exam, ada)
    assert "Submit this answer" in first
    assert not [word for word in ("is opened", "I stay", "twice in three", "rope was") if word in first]
    assert "twice in three" in attempt(exam, ada, button="HINT")
    opened = attempt(exam, ada, f"Chest {place}")
    assert re.search("Chest [ABC] is opened", opened)
    assert "rope was" not in opened
    told = attempt(exam, ada, "I stay")
    assert f"The rope was in chest {place}" in told
    assert re.search(r"<fieldset[^>]* disabled>", told)
    assert "This question is finished" in told
    assert [kind for kind in happened(exam) if kind == "AttemptEnded"] == ["AttemptEnded"] * 3

    assert 303 == ada.post(f"/sit/{exam.sitting}/item/{HERE}", {"go": "review"}).status_code  # going on says nothing
    exam.house.delivery.submit(exam.person("ada"), exam.sitting, 0, 0)
    exam.house.delivery.score(exam.sitting)
    score = state_of(exam).score
    assert score is not None
    assert (3.0, 4.0) == (score.items[0].score, score.items[0].max_score)


def test_a_reload_and_another_device_show_the_same_page(exam: Site, ada: Browser) -> None:
    def question(html: str) -> str:
        return html[html.index('<form method="post"') : html.index("item-tools")].replace(csrf(html), "")

    def csrf(html: str) -> str:
        return str(re.findall(r'name="csrf" value="([^"]+)"', html)[0])

    attempt(exam, ada, f"Chest {rope(exam)}")
    shown = question(page(exam, ada))
    assert "I stay" in shown
    assert shown == question(page(exam, ada))
    assert shown == question(page(exam, exam.candidate()))


def test_the_same_form_sent_twice_ends_one_attempt(exam: Site, ada: Browser) -> None:
    for _ in range(2):
        attempt(exam, ada, button="HINT", number=1)
    assert 1 == len(state_of(exam).attempts[HERE])


def test_with_a_line_the_rows_go_first(exam: Site, ada: Browser) -> None:
    """What a script does: the answer by the Line, then the form with the last number it sent."""
    window = Window(exam, ada)
    writer = window.hello()["writer"]
    name, value = option(page(exam, ada), "Chest A")
    told = {"attempt": "", "number": "1", "writer": str(writer), "last_seq": "1"}
    to = f"/sit/{exam.sitting}/item/{HERE}/attempt"
    early = ada.post(to, told)
    assert (409, True) == (early.status_code, "UNSENT_ANSWERS" in early.text)
    assert "response.CHEST" == name
    window.row(1, HERE, f'{{"CHEST":["{value}"]}}')
    assert 1 == window.hear("ack")["acked"]
    assert 303 == ada.post(to, told).status_code
    [made] = state_of(exam).attempts[HERE]
    assert {"CHEST": (value,)} == made.responses
    window.row(2, HERE, f'{{"CHEST":["{value}"]}}')
    assert "RESPONSE_INVALID" == window.hear("refused")["code"]  # the page asks for something else by now
    window.close()


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"number": "x"}, "INPUT_INVALID"),
        ({"number": "2"}, "INPUT_INVALID"),
        ({"number": "1", "attempt": "NONE"}, "RESPONSE_INVALID"),
        ({"number": "1", "writer": "9", "last_seq": "1"}, "INPUT_INVALID"),
        ({"number": "1", "attempt": "H" * 201}, "INPUT_INVALID"),
    ],
)
def test_what_is_no_attempt_is_refused_and_changes_nothing(
    told: dict[str, str], code: str, exam: Site, ada: Browser
) -> None:
    answer = ada.post(f"/sit/{exam.sitting}/item/{HERE}/attempt", told)
    assert (True, {}) == (code in answer.text, state_of(exam).attempts)
    assert 303 == ada.post(f"/sit/{exam.sitting}/item/{HERE}/attempt", {"number": "1"}).status_code


def test_nobody_ends_another_candidates_attempt(exam: Site, ada: Browser) -> None:
    assert 404 == ada.post(f"/sit/sit-nobody/item/{HERE}/attempt", {"number": "1"}).status_code
    assert Phase.RUNNING == state_of(exam).phase


def test_no_outcome_of_an_attempt_stands_in_the_journal(exam: Site, ada: Browser) -> None:
    attempt(exam, ada, f"Chest {rope(exam)}")
    attempt(exam, ada, "I stay")
    told = [str(one.event) for one in history(exam) if one.kind == "AttemptEnded"]
    assert 2 == len(told)
    assert not re.search("SCORE|ROPE|STAGE|OPENED|Chest|stay", " ".join(told))
