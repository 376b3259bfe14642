"""A candidate's pages before and after the exam, and the minute in which everybody signs in."""

from __future__ import annotations

import threading

import httpx

from engine.admission import SITTING_TEXTS, USE_TEXT
from engine.sitting import Phase
from tests.web.lines import Window, jpeg, state_of
from tests.web.site import PASSWORD, Site
from web.security import COOKIE
from web.texts import text_digest


def test_from_booking_to_waiting_everything_works_as_plain_forms(calm: Site) -> None:
    ada, at = calm.candidate(), f"/sit/{calm.sitting}"
    assert "Spring exam" in ada.get("/me").text
    assert "You can practise for Spring exam" in ada.get("/me").text
    assert f"{at}/check-in" in ada.get("/me").text
    assert 200 == ada.get(f"{at}/check-in").status_code
    assert Phase.CHECK_IN is state_of(calm).phase
    assert f"{at}/check-in" == ada.get(f"{at}/waiting").headers["location"]
    for text in (*SITTING_TEXTS, USE_TEXT):
        signed = ada.post(f"{at}/sign", {"text": text, "agree": "yes", "digest": text_digest(text)})
        assert 303 == signed.status_code
    assert {*SITTING_TEXTS, USE_TEXT} == set(state_of(calm).signed)
    assert 303 == _show(calm, jpeg(1280, 960)).status_code
    assert f"{at}/waiting" == ada.post(f"{at}/ready").headers["location"]
    waiting = ada.get(f"{at}/waiting")
    assert (200, "no-store") == (waiting.status_code, waiting.headers["cache-control"])


def test_a_text_that_was_not_read_is_not_signed(calm: Site) -> None:
    ada, path = calm.candidate(), f"/sit/{calm.sitting}/sign"
    ada.get(f"/sit/{calm.sitting}/check-in")
    text = SITTING_TEXTS[0]
    lawful = {"text": text, "agree": "yes", "digest": text_digest(text)}
    for changed in ({"digest": "ab" * 32}, {"agree": ""}, {"text": "another"}):
        assert 409 == ada.post(path, lawful | changed).status_code
    assert {} == state_of(calm).signed
    assert 303 == ada.post(path, lawful).status_code


def test_a_candidate_chooses_to_be_watched_by_a_person_only_and_may_take_it_back(calm: Site) -> None:
    ada, at = calm.candidate(), f"/sit/{calm.sitting}"
    assert "Be watched by a person only" in ada.get(f"{at}/check-in").text
    assert f"{at}/check-in" == ada.post(f"{at}/watched-by", {"route": "person"}).headers["location"]
    assert "person" == state_of(calm).route
    assert "Let automatic checks help" in ada.get(f"{at}/check-in").text
    assert 409 == ada.post(f"{at}/watched-by", {"route": "nobody"}).status_code
    assert 404 == calm.signed_in("grace").post(f"{at}/watched-by", {"route": "assisted"}).status_code
    assert "person" == state_of(calm).route
    assert 303 == ada.post(f"{at}/watched-by", {"route": "assisted"}).status_code
    assert "assisted" == state_of(calm).route


def test_after_the_start_the_choice_stands(calm: Site) -> None:
    calm.running()
    told = calm.candidate().post(f"/sit/{calm.sitting}/watched-by", {"route": "person"})
    assert told.status_code in {303, 409}
    assert "assisted" == state_of(calm).route


def test_an_identity_picture_is_a_large_jpeg_of_bounded_size(calm: Site) -> None:
    ada = calm.candidate()
    ada.get(f"/sit/{calm.sitting}/check-in")
    for data in (b"", b"\x89PNG", jpeg(640, 480), jpeg(30_000, 30_000), jpeg(1280, 960)[:-3]):
        assert _show(calm, data).status_code in {400, 409, 413}
    assert 413 == _show(calm, jpeg(1280, 960) + bytes(6_300_000)).status_code
    assert state_of(calm).identity.still_sha256 is None
    assert 303 == _show(calm, jpeg(1280, 960)).status_code
    assert state_of(calm).identity.still_sha256 is not None


def test_a_form_without_a_length_or_of_another_login_is_refused(calm: Site) -> None:
    ada, path = calm.candidate(), f"/sit/{calm.sitting}/ready"
    assert 409 == ada.post_bare(path, {"csrf": "x"}).status_code
    assert 413 == ada.post(path, {"more": "x" * 300_000}).status_code
    headers = {"host": ada.host, "cookie": f"invigil_login={ada.token}", "origin": f"http://{ada.host}"}
    headers["content-type"] = "application/x-www-form-urlencoded"
    assert 413 == calm.client.post(path, content=iter([b"csrf=x"]), headers=headers).status_code


def test_a_herd_at_the_sign_in_is_bounded_and_answers_are_saved_meanwhile(calm: Site) -> None:
    calm.running()
    calm.present()
    window = Window(calm)
    window.hello()
    statuses: list[int] = []
    signed: list[bool] = []

    def knock(number: int) -> None:
        with_right = number % 10 == 0
        form = {
            "account": "grace" if with_right else f"nobody{number % 7}",
            "password": PASSWORD if with_right else "x",
        }
        answer = calm.browser("grace").post("/sign-in/staff", form)
        statuses.append(answer.status_code)
        signed.append(COOKIE in answer.cookies)

    herd = [threading.Thread(target=knock, args=(number,)) for number in range(1, 61)]
    for thread in herd:
        thread.start()
    for seq in range(1, 9):
        window.answer(seq, "q01")
        assert seq == window.hear("ack")["acked"]
    for thread in herd:
        thread.join()
    assert {303, 401, 429} == set(statuses)
    assert 60 == len(statuses)
    assert sum(signed) <= 5
    assert Phase.RUNNING is state_of(calm).phase


def test_codes_nobody_has_open_nothing_and_a_flood_of_them_is_bounded(calm: Site) -> None:
    nobody = calm.browser("ada")
    tried = [nobody.post("/sign-in/candidate", {"code": f"XXXX-{number:04}"}).status_code for number in range(8)]
    assert [401] * 8 == tried


def _show(site: Site, data: bytes) -> httpx.Response:
    ada = site.candidate()
    headers = {"host": ada.host, "cookie": f"invigil_login={ada.token}", "origin": f"http://{ada.host}"}
    return site.client.post(
        f"/sit/{site.sitting}/identity",
        data={"csrf": ada.form_token()},
        files={"still": ("still.jpg", data, "image/jpeg")},
        headers=headers,
    )
