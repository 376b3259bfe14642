"""The running exam as pages and POSTs: around blocked sockets, without JavaScript, to the receipt."""

from __future__ import annotations

import re

import pytest

from engine.sitting import Phase
from item_bank.bank import key_of
from tests.engine.builders import chose
from tests.web.lines import Window, an_option, happened, noor, picked, post_rows, row_message, state_of
from tests.web.site import Browser, Site


@pytest.fixture
def running(calm: Site) -> Site:
    calm.running()
    calm.present()
    return calm


@pytest.fixture
def ada(running: Site) -> Browser:
    return running.candidate()


# -- rows by POST -------------------------------------------------------------------------------------


def test_rows_by_post_get_the_same_acknowledgements(running: Site, ada: Browser) -> None:
    told = post_rows(ada, running.sitting, 0).json()
    assert (1, 0, "RUNNING") == picked(told, "writer", "acked", "phase")
    rows = [row_message(seq, "q01", chose(an_option(running, "q01")), "answer", 1) for seq in (1, 2, 4)]
    told = post_rows(ada, running.sitting, 1, *rows).json()
    assert (2, len(happened(running)), []) == picked(told, "acked", "head", "refused")
    assert 2 == post_rows(ada, running.sitting, 1, *rows).json()["acked"]
    odd = [row_message(3, "q99", chose("a"), "answer", 1), row_message(5, "q01", chose("nothing"), "answer", 1)]
    told = post_rows(ada, running.sitting, 1, *odd).json()
    assert 5 == told["acked"]
    assert [("ITEM_NOT_ON_FORM", 3), ("RESPONSE_INVALID", 5)] == [picked(one, "code", "seq") for one in told["refused"]]


def test_a_line_goes_on_where_posts_began(running: Site, ada: Browser) -> None:
    post_rows(ada, running.sitting, 0)
    post_rows(ada, running.sitting, 1, row_message(1, "q01", "{}", "visit", 1))
    window = Window(running, ada)
    assert 1 == window.hello(1)["acked"]
    refused = post_rows(ada, running.sitting, 0)
    assert (409, "SUPERSEDED") == (refused.status_code, refused.json()["refused"]["code"])
    assert window.alive()


def test_a_post_after_a_silence_brings_rows_that_were_written_offline(running: Site, ada: Browser) -> None:
    post_rows(ada, running.sitting, 0)
    row = row_message(1, "q01", chose(an_option(running, "q01")), "answer", 1)
    running.wait(1_800_000)
    running.house.delivery.expire(running.sitting)
    assert [] == post_rows(ada, running.sitting, 1, row).json()["refused"]
    late = post_rows(ada, running.sitting, 1, row_message(2, "q02", "{}", "visit", 1)).json()
    assert ["TIME_OVER"] == [one["code"] for one in late["refused"]]
    assert (["q01"], []) == (list(state_of(running).given), list(state_of(running).given_in_time))


@pytest.mark.parametrize(
    ("writer", "rows", "status"),
    [(7, (), 400), (-1, (), 400), ("1", (), 400), (1, (7,), 400), (1, ({},) * 65, 400), (1, ({"seq": 1},), 400)],
)
def test_what_is_no_post_of_rows_is_refused(
    running: Site, ada: Browser, writer: object, rows: tuple[object, ...], status: int
) -> None:
    post_rows(ada, running.sitting, 0)
    assert status == post_rows(ada, running.sitting, writer, *rows).status_code
    assert "RowReceived" not in happened(running)


def test_a_post_needs_our_own_page_and_a_bounded_body(running: Site, ada: Browser) -> None:
    path = f"/sit/{running.sitting}/rows"
    assert 409 == ada.post_bare(path, {}).status_code
    headers = {"host": ada.host, "cookie": f"invigil_login={ada.token}", "origin": f"http://{ada.host}"}
    headers["x-csrf"] = ada.form_token()
    answers = [
        running.client.post(path, content=content, headers=headers) for content in (b"{", b"[]", b" " * 2_000_001)
    ]
    assert [400, 400, 413] == [answer.status_code for answer in answers]


# -- pages --------------------------------------------------------------------------------------------


def test_a_candidate_reaches_no_sitting_of_another_by_any_way(running: Site, ada: Browser) -> None:
    hers = noor(running)
    pages = ["item/q01", "review", "hidden", "phase", "check-in", "waiting", "receipt", "receipt.json", "result"]
    assert [404] * len(pages) == [ada.get(f"/sit/{hers}/{page}").status_code for page in pages]
    forms = ["item/q01", "problem", "submit", "sign", "ready", "identity", "ticket", "camera-ticket"]
    assert [404] * len(forms) == [
        ada.post(f"/sit/{hers}/{form}", x_csrf=ada.form_token()).status_code for form in forms
    ]
    assert 404 == post_rows(ada, hers, 0).status_code
    assert [] == list(state_of(running, hers).outboxes)


def test_every_page_of_the_exam_is_kept_by_nobody_and_runs_only_our_scripts(running: Site, ada: Browser) -> None:
    for page in (
        "/me",
        *(f"/sit/{running.sitting}/{name}" for name in ("item/q01", "review", "device-check", "phase")),
    ):
        answer = ada.get(page)
        assert (page, 200, "no-store") == (page, answer.status_code, answer.headers["cache-control"])
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]


def test_a_question_shows_neither_its_key_nor_its_name_in_the_bank(running: Site, ada: Browser) -> None:
    state = state_of(running)
    assert state.form is not None
    for place in state.form.items:
        page = ada.get(f"/sit/{running.sitting}/item/{place.position}").text
        shown = re.search(r"<article.*</article>", page, re.DOTALL)
        assert shown
        for secret in (place.ref.item, place.ref.digest, "correct", "mapping", "rationale"):
            assert secret not in shown[0]
        rules = running.house.delivery.item(state.candidate, running.sitting, place.position).rules
        authored = key_of(running.house.bank.show(running.person("mary"), place.ref.item))
        offered = set(re.findall(r'name="response.RESPONSE"[^>]*value="([^"]+)"', shown[0]))
        assert rules[0].options == offered
        assert not offered & set(authored)


def test_the_question_is_served_only_while_the_sitting_runs(running: Site, ada: Browser) -> None:
    path = f"/sit/{running.sitting}/item/q01"
    assert 200 == ada.get(path).status_code
    assert 409 == ada.get(f"/sit/{running.sitting}/item/q99").status_code
    running.house.delivery.pause(running.person("grace"), running.sitting, "technical")
    assert f"/sit/{running.sitting}/hidden" == ada.get(path).headers["location"]
    assert {"phase": "PAUSED_INCIDENT", "next": f"/sit/{running.sitting}/hidden"} == ada.get(
        f"/sit/{running.sitting}/phase"
    ).json()


def test_without_javascript_moving_on_saves(running: Site, ada: Browser) -> None:
    option = an_option(running, "q01")
    at = f"/sit/{running.sitting}"
    moved = ada.post(f"{at}/item/q01", {"response.RESPONSE": option, "flag": "on", "go": "next"})
    assert (303, f"{at}/item/q02") == (moved.status_code, moved.headers["location"])
    assert {"RESPONSE": (option,)} == state_of(running).given["q01"].responses
    assert ["q01"] == list(state_of(running).flagged)
    steps = {"previous": "q01", "stay": "q02", "q03": "q03"}
    for step, place in steps.items():
        assert f"{at}/item/{place}" == ada.post(f"{at}/item/q02", {"go": step}).headers["location"]
    assert f"{at}/review" == ada.post(f"{at}/item/q03", {"go": "review"}).headers["location"]
    bad = ada.post(f"{at}/item/q02", {"response.RESPONSE": "no-such-option", "go": "next"})
    assert (409, True) == (bad.status_code, "does not fit the question" in bad.text)
    assert 1 == len(state_of(running).outboxes)


def test_without_javascript_a_question_seen_again_keeps_its_answer(running: Site, ada: Browser) -> None:
    option, at = an_option(running, "q01"), f"/sit/{running.sitting}/item/q01"
    ada.post(at, {"response.RESPONSE": option, "go": "next"})
    shown = ada.get(at).text
    chosen = re.findall(r'<input checked [^>]*name="(response\.RESPONSE)"[^>]* value="([^"]*)"', shown)
    assert [("response.RESPONSE", option)] == chosen
    ada.post(at, {**dict(chosen), "go": "next"})
    assert {"RESPONSE": (option,)} == state_of(running).given["q01"].responses


def test_a_plain_page_never_drops_an_answer_silently_beside_a_live_window(running: Site, ada: Browser) -> None:
    window = Window(running, ada)
    window.hello()
    form = {"response.RESPONSE": an_option(running, "q01"), "go": "next"}
    answer = ada.post(f"/sit/{running.sitting}/item/q01", form)
    assert (409, True) == (answer.status_code, "Another window" in answer.text)
    window.close()


def test_a_plain_page_overtakes_a_window_that_is_away(running: Site, ada: Browser) -> None:
    post_rows(ada, running.sitting, 0)
    older, newer = (an_option(running, "q01", place=place) for place in (0, 1))
    post_rows(ada, running.sitting, 1, row_message(1, "q01", chose(older), "answer", 1))
    ada.post(f"/sit/{running.sitting}/item/q01", {"response.RESPONSE": newer, "go": "next"})
    assert (newer,) == state_of(running).given["q01"].responses["RESPONSE"]
    refused = post_rows(ada, running.sitting, 1, row_message(2, "q01", chose(older), "answer", 1))
    assert (409, "SUPERSEDED") == (refused.status_code, refused.json()["refused"]["code"])


def test_a_problem_with_a_question_is_reported(running: Site, ada: Browser) -> None:
    path = f"/sit/{running.sitting}/problem"
    assert 303 == ada.post(path, {"item": "q02", "text": "The picture is missing"}).status_code
    assert ("q02",) == state_of(running).problems
    assert [400, 400] == [ada.post(path, form).status_code for form in ({"item": "q02"}, {"item": "q99", "text": "x"})]


# -- handing in ---------------------------------------------------------------------------------------


def test_handing_in_waits_for_what_is_still_in_the_browser(running: Site, ada: Browser) -> None:
    post_rows(ada, running.sitting, 0)
    post_rows(ada, running.sitting, 1, row_message(1, "q01", "{}", "visit", 1))
    path = f"/sit/{running.sitting}/submit"
    early = ada.post(path, {"sure": "yes", "writer": "1", "last_seq": "2"})
    assert (409, True) == (early.status_code, "have not reached the server" in early.text)
    assert Phase.RUNNING is state_of(running).phase
    post_rows(ada, running.sitting, 1, row_message(2, "q01", "{}", "visit", 1))
    done = ada.post(path, {"sure": "yes", "writer": "1", "last_seq": "2"})
    assert (303, f"/sit/{running.sitting}/receipt") == (done.status_code, done.headers["location"])
    assert Phase.SEALED is state_of(running).phase


@pytest.mark.parametrize(
    "changed", [{"sure": ""}, {"writer": "x"}, {"writer": "9"}, {"last_seq": "-1"}, {"last_seq": "9" * 5_000}]
)
def test_handing_in_by_a_form_that_is_none_hands_in_nothing(
    running: Site, ada: Browser, changed: dict[str, str]
) -> None:
    answer = ada.post(f"/sit/{running.sitting}/submit", {"sure": "yes", "writer": "0", "last_seq": "0"} | changed)
    assert 409 == answer.status_code
    assert Phase.RUNNING is state_of(running).phase


def test_handing_in_twice_is_kind_and_both_lead_to_one_receipt(running: Site, ada: Browser) -> None:
    path = f"/sit/{running.sitting}/submit"
    answers = [ada.post(path, {"sure": "yes", "writer": "0", "last_seq": "0"}) for _ in range(2)]
    assert [f"/sit/{running.sitting}/receipt"] * 2 == [answer.headers["location"] for answer in answers]
    assert 1 == happened(running).count("SittingSubmitted")
    sealed = state_of(running).sealed
    assert sealed is not None
    assert sealed.code in ada.get(f"/sit/{running.sitting}/receipt").text
    running.wait(1_024)  # for the checkpoint that covers it
    told = ada.get(f"/sit/{running.sitting}/receipt.json").json()
    assert (sealed.receipt, sealed.code) == picked(told, "receipt", "code")
