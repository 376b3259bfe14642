"""Safe Exam Browser: the file and its key, and a sitting that another browser cannot open, lose or stop for good."""

from __future__ import annotations

import base64
import gzip
import hashlib
import plistlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.conduct import EXAM_BROWSER
from engine.errors import Refused
from engine.policy import Policy
from engine.sitting import Phase
from engine.sources import later
from engine.writer import Act
from tests.engine.builders import chose
from tests.web.lines import Window, state_of
from tests.web.site import Browser, Site, login, plan
from web.acts import perform
from web.exam_browser import HEADER, config_key, file_of, request_hash, seb_json, settings_of

#: The names at the top of the example in the documentation of the Config Key, in the order in which it has them.
PUBLISHED_ORDER = (
    *("additionalResources", "allowAirPlay", "allowBrowsingBackForward", "allowDictation", "allowDisplayMirroring"),
    *("allowDownUploads", "allowedDisplayBuiltin", "allowedDisplaysMaxNumber", "allowFlashFullscreen", "allowWlan"),
    *("blacklistURLFilter", "blockPopUpWindows", "browserURLSalt", "browserUserAgent", "browserUserAgentMac"),
    *("exitKey1", "exitKey2", "forceAppFolderInstall", "hashedQuitPassword", "hookKeys", "ignoreExitKeys"),
    *("sebServicePolicy", "startURL", "taskBarHeight", "touchOptimized", "URLFilterEnable"),
    *("URLFilterEnableContentFilter", "urlFilterRegex", "URLFilterRules", "urlFilterTrustedContent", "zoomMode"),
)


# -- the file and its key -----------------------------------------------------------------------------


def test_the_key_is_taken_of_seb_json_in_the_published_order_without_escapes() -> None:
    shuffled = dict.fromkeys(sorted(PUBLISHED_ORDER), 0)
    assert seb_json(shuffled) == "{" + ",".join(f'"{name}":0' for name in PUBLISHED_ORDER) + "}"
    assert seb_json({"rule": "^.*?:\\/\\/x", "inner": {"b": [], "A": True}}) == (
        '{"inner":{"A":true,"b":[]},"rule":"^.*?:\\/\\/x"}'
    )
    assert seb_json({"salt": b"\x7c\x0c", "at": datetime(2026, 3, 2, tzinfo=UTC)}) == (
        '{"at":"2026-03-02T00:00:00+00:00","salt":"fAw="}'
    )


def test_what_does_not_count_changes_no_key_and_everything_else_does() -> None:
    settings = settings_of("exam-1", "https://exam.example.org", Policy())
    key = config_key(settings)
    assert key == config_key({**settings, "originatorVersion": "another", "empty": {}})
    assert key == config_key(dict(reversed(settings.items())))
    for name in set(settings) - {"originatorVersion"}:
        assert key != config_key({**settings, name: "changed"})
    assert key != config_key(settings_of("exam-2", "https://exam.example.org", Policy()))


def test_the_file_is_the_settings_gzipped_twice_and_never_differs() -> None:
    settings = settings_of("exam-1", "https://exam.example.org", Policy())
    outer = gzip.decompress(file_of(settings))
    assert outer[:4] == b"plnd"
    assert plistlib.loads(gzip.decompress(outer[4:])) == settings
    assert file_of(settings) == file_of(settings)


def test_what_helps_people_stays_on() -> None:
    settings = settings_of("exam-1", "https://exam.example.org", Policy(clipboard=False))
    helping = ("allowDictation", "enableZoomPage", "enableZoomText", "insideSebEnableEaseOfAccess")
    assert all(settings[name] is True for name in helping)


# -- the exam day -------------------------------------------------------------------------------------


@pytest.fixture
def locked_down(calm: Site) -> Iterator[Site]:
    """An exam day in Safe Exam Browser, with Ada's sitting booked."""
    mary = login(calm.house, "mary")
    calm.exam = perform(calm.house, mary, "exam.plan", plan(exam_browser=True))["exam"]
    calm.sitting = perform(calm.house, mary, "exam.book", {"exam": calm.exam, "candidate": "ada"})["sitting"]
    perform(calm.house, mary, "exam.open", {"exam": calm.exam})
    yield calm


@pytest.fixture
def ada(locked_down: Site) -> Browser:
    people, mary, until = locked_down.house.people, locked_down.person("mary"), later(locked_down.clock.now(), 2**26)
    act = Act(lambda tx: people.issue_code(tx, mary, locked_down.person("ada"), locked_down.sitting, until))
    return Browser(locked_down, "ada", people.sign_in_with_code(locked_down.house.writer.run(act)))


@pytest.fixture
def running(locked_down: Site) -> Site:
    locked_down.running()
    locked_down.present()
    return locked_down


def key_of_day(site: Site) -> str:
    done: dict[str, Any] = perform(site.house, login(site.house, "mary"), "exam.seb", {"exam": site.exam})
    return str(done["config_key"])


def shown(site: Site, browser: Browser, path: str, *, key: str = "", of: str = "") -> dict[str, str]:
    """The header as Safe Exam Browser sends it with a request of ``path`` (or, replayed, ``of`` another one)."""
    url = f"http://{browser.host}{of or path}"
    return {HEADER.replace("-", "_"): hashlib.sha256(f"{url}{key or key_of_day(site)}".encode()).hexdigest()}


def item(site: Site) -> str:
    return f"/sit/{site.sitting}/item/q01"


def test_the_command_s_key_is_that_of_the_file_it_writes(locked_down: Site) -> None:
    done = locked_down.call("mary", "exam.seb", {"exam": locked_down.exam}).json()["done"]
    outer = gzip.decompress(base64.b64decode(done["file"]))
    settings = plistlib.loads(gzip.decompress(outer[4:]))
    assert done["config_key"] == config_key(settings)
    assert settings["quitURL"].endswith(f"/quit/{locked_down.exam}")


def test_only_an_administrator_gets_the_file_and_only_of_a_day_that_asks_for_it(locked_down: Site) -> None:
    assert locked_down.call("grace", "exam.seb", {"exam": locked_down.exam}).json()["refused"]["code"] == "ROLE_MISSING"
    plain = locked_down.house.exams.all()[0]["exam"]
    other = plain if plain != locked_down.exam else locked_down.house.exams.all()[1]["exam"]
    with pytest.raises(Refused) as caught:
        perform(locked_down.house, login(locked_down.house, "mary"), "exam.seb", {"exam": other})
    assert caught.value.code == "INPUT_INVALID"


def test_check_in_opens_with_the_right_key_and_is_refused_without(locked_down: Site, ada: Browser) -> None:
    path = f"/sit/{locked_down.sitting}/check-in"
    for wrong in ({}, shown(locked_down, ada, path, key="ab" * 32), shown(locked_down, ada, path, of="/me")):
        answer = ada.get(path, **wrong)
        assert (answer.status_code >= 400, "Safe Exam Browser" in answer.text) == (True, True)
    assert state_of(locked_down).phase is Phase.CREATED
    assert ada.get(path, **shown(locked_down, ada, path)).status_code == 200


def test_a_question_is_shown_with_the_right_key(running: Site, ada: Browser) -> None:
    answer = ada.get(item(running), **shown(running, ada, item(running)))
    assert (answer.status_code, "Question 1 of 3" in answer.text) == (200, True)
    assert state_of(running).phase is Phase.RUNNING
    assert state_of(running).incidents == {}


@pytest.mark.parametrize("kind", ["missing", "wrong", "replayed", "fragment of a right one"])
def test_without_it_the_sitting_is_locked_and_waits_for_a_person(running: Site, ada: Browser, kind: str) -> None:
    headers = {
        "missing": {},
        "wrong": shown(running, ada, item(running), key="ab" * 32),
        "replayed": shown(running, ada, item(running), of=f"/sit/{running.sitting}/review"),
        "fragment of a right one": {HEADER.replace("-", "_"): "ab"},
    }[kind]
    answer = ada.get(item(running), **headers)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sit/{running.sitting}/hidden")
    state = state_of(running)
    assert (state.phase, state.pause_reason) == (Phase.PAUSED_INCIDENT, EXAM_BROWSER)
    (told,) = state.incidents.values()
    words = "without Safe Exam Browser" if kind == "missing" else "with other settings"
    assert (told.kind, told.hint, words in told.text) == (EXAM_BROWSER, False, True)
    hidden = ada.get(f"/sit/{running.sitting}/hidden")
    assert "Your answers are kept and the clock stands still" in hidden.text
    right = ada.get(item(running), **shown(running, ada, item(running)))
    assert right.headers["location"].endswith("/hidden")  # a right key alone unlocks nothing
    grace = running.signed_in("grace").get(f"/proctor/sitting/{running.sitting}")
    assert words in grace.text


def test_a_locked_sitting_keeps_what_was_typed_and_goes_on_when_a_person_says_so(running: Site, ada: Browser) -> None:
    path, chosen = f"/sit/{running.sitting}/ticket", _chosen(running)
    window = Window(running, ada)
    window.hello()
    window.row(1, "q01", chosen)
    window.hear("ack")
    ada.get(item(running))
    window.row(2, "q01", "{}")  # typed before the page knew of the lock
    assert window.hear("ack")["acked"] == 2
    assert state_of(running).rows == 2
    running.house.delivery.resume(running.person("grace"), running.sitting, "checked", present=True)
    assert state_of(running).phase is Phase.RUNNING
    assert "Question 1 of 3" in ada.get(item(running)).text  # it was her decision, and it holds
    assert ada.post_bare(path, {}, x_csrf=ada.form_token(), accept="application/json").status_code == 200
    assert len(state_of(running).incidents) == 1


def test_a_ticket_for_the_line_is_given_out_with_the_right_key_only(running: Site, ada: Browser) -> None:
    path = f"/sit/{running.sitting}/ticket"
    asking = {"x_csrf": ada.form_token(), "accept": "application/json"}
    refused = ada.post_bare(path, {}, **asking)
    assert refused.json()["refused"]["code"] == "EXAM_BROWSER_NEEDED"
    replayed = ada.post_bare(path, {}, **asking, **shown(running, ada, path, of=item(running)))
    assert replayed.json()["refused"]["code"] == "EXAM_BROWSER_NEEDED"
    given = ada.post_bare(path, {}, **asking, **shown(running, ada, path))
    assert given.json()["ticket"]


def test_the_page_to_quit_is_linked_at_the_receipt_and_only_there(running: Site, ada: Browser) -> None:
    quitting = f"/quit/{running.exam}"
    for path in (item(running), f"/sit/{running.sitting}/review"):
        assert quitting not in ada.get(path, **shown(running, ada, path)).text
    running.answered()
    running.house.delivery.submit(running.person("ada"), running.sitting, 0, 0)
    receipt = ada.get(f"/sit/{running.sitting}/receipt")
    assert (receipt.status_code, quitting in receipt.text) == (200, True)
    assert quitting not in ada.get("/me").text
    assert ada.get(quitting).headers["location"] == "/me"


def test_an_exam_day_without_it_asks_for_nothing(calm: Site) -> None:
    calm.running()
    calm.present()
    ada = calm.candidate()
    assert "Question 1 of 3" in ada.get(item(calm)).text
    calm.answered()
    calm.house.delivery.submit(calm.person("ada"), calm.sitting, 0, 0)
    assert "/quit/" not in ada.get(f"/sit/{calm.sitting}/receipt").text


def test_a_hash_is_of_the_address_without_its_fragment() -> None:
    assert request_hash("https://e.org/a?b=1#c", "k") == hashlib.sha256(b"https://e.org/a?b=1k").hexdigest()
    assert request_hash("https://e.org/a?b=1", "k") != request_hash("https://e.org/a?b=2", "k")


def _chosen(site: Site) -> str:
    opened = site.house.delivery.item(site.person("ada"), site.sitting, "q01")
    return chose(sorted(opened.rules[0].options)[0])
