"""The invigilators' pages: only on the rota, only when present, and never alone when a sitting ends."""

from __future__ import annotations

import hashlib
import re

import pytest

from engine.conduct import PAUSE_REASONS
from engine.ending import TERMINATION_GROUNDS
from engine.events import IdentityShown
from engine.sitting import Phase, Sitting
from proctoring.review import StillOpened
from tests.web.site import Browser, Site
from web import words


def jpeg(width: int = 1280, height: int = 960, mark: bytes = b"") -> bytes:
    """The head of a JPEG that says how large it is; nothing here decodes it."""
    frame = b"\xff\xc0\x00\x11\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x03" + bytes(9)
    comment = b"\xff\xfe" + (2 + len(mark)).to_bytes(2, "big") + mark if mark else b""
    return b"\xff\xd8" + comment + frame + b"\xff\xda\x00\x02\xff\xd9"


def shown(site: Site, mark: bytes = b"") -> str:
    """Ada shows her picture; its digest."""
    picture = jpeg(mark=mark)
    digest = hashlib.sha256(picture).hexdigest()
    ada = site.person("ada")
    site.house.delivery.show_identity(ada, site.sitting, IdentityShown(digest, 1280, 960))
    site.app.state.desk.show_still(site.sitting, picture, site.clock.now())
    return digest


def state(site: Site) -> Sitting:
    return site.house.delivery.sitting(site.sitting)


def at(site: Site, act: str = "") -> str:
    return f"/proctor/sitting/{site.sitting}" + (f"/{act}" if act else "")


@pytest.fixture
def grace(site: Site) -> Browser:
    """Grace is on the rota and present."""
    site.present()
    return site.signed_in("grace")


def test_an_exam_is_there_for_its_rota_only(site: Site, grace: Browser) -> None:
    site.checked_in()
    paths = [f"/proctor/{site.exam}", f"/proctor/{site.exam}/check-in", at(site)]
    assert [200] * 3 == [grace.get(path).status_code for path in paths]
    for account in ("mary", "joan", "linus"):
        other = site.signed_in(account)
        assert [404] * 3 == [other.get(path).status_code for path in paths]
    assert [403] * 3 == [site.candidate().get(path).status_code for path in paths]
    assert "Spring exam" in grace.get("/proctor").text


def test_whoever_is_not_on_the_rota_acts_on_no_sitting(site: Site) -> None:
    site.running()
    acts = {
        "message": {"text": "Hello"},
        "pause": {"reason": "technical"},
        "minutes": {"minutes": "5", "reason": "interruption"},
        "end": {"reason": "unauthorised-aid", "note": "x"},
        "environment": {},
        "start": {},
    }
    mary = site.signed_in("mary")
    assert [404] * len(acts) == [mary.post(at(site, act), form).status_code for act, form in acts.items()]
    assert Phase.RUNNING is state(site).phase


def test_a_ticket_is_given_to_our_own_page_only(site: Site, grace: Browser) -> None:
    path = f"/proctor/{site.exam}/ticket"
    assert 409 == grace.post_bare(path, {}).status_code
    answer = grace.post_bare(path, {}, x_csrf=grace.form_token())
    login = site.house.people.whoami(grace.token)
    assert site.exam == site.app.state.door.redeem(login, "wall", answer.json()["ticket"])
    assert 404 == site.signed_in("mary").post_bare(path, {}, x_csrf="x").status_code


def test_the_still_is_seen_by_a_present_invigilator_and_that_is_recorded(site: Site, grace: Browser) -> None:
    site.checked_in()
    shown(site)
    site.app.state.desk.settle()
    answer = grace.get(at(site, "still"))
    assert (200, "image/jpeg", "no-store") == (
        answer.status_code,
        answer.headers["content-type"],
        answer.headers["cache-control"],
    )
    assert jpeg() == answer.content
    assert [site.person("grace")] == _openers(site)
    assert 404 == site.signed_in("mary").get(at(site, "still")).status_code
    assert 403 == site.candidate().get(at(site, "still")).status_code


def _openers(site: Site) -> list[str]:
    from engine.store import Ledger

    with site.house.database.reading() as connection:
        history = Ledger(connection).history(f"sitting/{site.sitting}")
        return [one.actor for one in history if isinstance(one.event, StillOpened)]


def test_an_invigilator_who_never_was_on_the_wall_does_not_see_the_still(site: Site) -> None:
    site.checked_in()
    shown(site)
    site.app.state.desk.settle()
    grace = site.signed_in("grace")
    assert 404 == grace.get(at(site, "still")).status_code
    site.present()
    assert 200 == grace.get(at(site, "still")).status_code


def test_a_verdict_is_on_the_picture_that_was_looked_at(site: Site, grace: Browser) -> None:
    site.checked_in()
    first = shown(site, b"one")
    second = shown(site, b"two")
    form = {"verdict": "verify", "document_class": "passport"}
    late = grace.post(at(site, "identity"), {**form, "still": first})
    assert (409, True) == (late.status_code, "STALE_VERSION" in late.text)
    assert 303 == grace.post(at(site, "identity"), {**form, "still": second}).status_code
    assert site.person("grace") == state(site).identity.verified_by


def test_the_queue_page_hands_the_pictures_digest_back(site: Site, grace: Browser) -> None:
    site.checked_in()
    digest = shown(site)
    site.app.state.desk.settle()
    page = grace.get(f"/proctor/{site.exam}/check-in?sitting={site.sitting}").text
    assert {digest} == set(re.findall(r'name="still" value="([0-9a-f]*)"', page))
    assert "Ada Quill" in page


def test_not_being_sure_asks_a_second_person_and_decides_nothing(site: Site, grace: Browser) -> None:
    site.checked_in()
    digest = shown(site)
    form = {"verdict": "refer", "reason": "face-unclear", "still": digest}
    assert 303 == grace.post(at(site, "identity"), form).status_code
    assert (None, None) == (state(site).identity.verified_by, state(site).identity.refused_by)
    assert "A second person will look at your picture" in state(site).messages[-1].text


def test_a_refused_identity_starts_no_exam(site: Site, grace: Browser) -> None:
    site.checked_in()
    digest = shown(site)
    form = {"verdict": "fail", "reason": "another-person", "still": digest}
    assert 303 == grace.post(at(site, "identity"), form).status_code
    answer = grace.post(at(site, "start"))
    assert (409, True) == (answer.status_code, "ID_UNVERIFIED" in answer.text)


@pytest.mark.parametrize("form", [{"verdict": "verify", "document_class": "library-card"}, {"verdict": "guess"}])
def test_a_verdict_is_one_of_the_list(site: Site, grace: Browser, form: dict[str, str]) -> None:
    site.checked_in()
    assert 400 == grace.post(at(site, "identity"), {**form, "still": shown(site)}).status_code


def test_the_room_is_ticked_one_by_one(site: Site, grace: Browser) -> None:
    site.house.delivery.check_in(site.person("ada"), site.sitting)
    ticks = ["room-alone", "desk-clear"]
    assert 303 == grace.post(at(site, "environment"), {"ticks": ticks}).status_code
    assert tuple(ticks) == state(site).ticks
    assert 400 == grace.post(at(site, "environment"), {"ticks": ["window-open"]}).status_code


def test_nobody_present_no_start_and_its_twin_starts(site: Site) -> None:
    site.checked_in()
    grace = site.signed_in("grace")
    grace_shown = shown(site)
    form = {"verdict": "verify", "document_class": "passport", "still": grace_shown}
    assert 303 == grace.post(at(site, "identity"), form).status_code
    absent = grace.post(at(site, "start"))
    assert (409, True) == (absent.status_code, "PROCTOR_ABSENT" in absent.text)
    site.present()
    assert 303 == grace.post(at(site, "start")).status_code
    assert Phase.RUNNING is state(site).phase


def test_presence_ends_with_silence(site: Site, grace: Browser) -> None:
    assert "You are present" in grace.get(f"/proctor/{site.exam}").text
    site.wait(2**15)
    assert (
        "You are not present" in grace.get(f"/proctor/{site.exam}").text.split("data-presence")[1][:220].split(">")[1]
    )


def test_a_sitting_is_paused_and_goes_on_with_a_reason(site: Site, grace: Browser) -> None:
    site.running()
    assert 400 == grace.post(at(site, "pause"), {"reason": "boredom"}).status_code
    assert 303 == grace.post(at(site, "pause"), {"reason": "look-closer"}).status_code
    assert Phase.PAUSED_INCIDENT is state(site).phase
    assert 400 == grace.post(at(site, "resume"), {"reason": "whatever"}).status_code
    assert 303 == grace.post(at(site, "resume"), {"reason": "nothing-found"}).status_code
    assert Phase.RUNNING is state(site).phase


def test_whoever_is_not_present_lets_nobody_go_on(site: Site) -> None:
    site.running()
    grace = site.signed_in("grace")
    assert 303 == grace.post(at(site, "pause"), {"reason": "technical"}).status_code
    answer = grace.post(at(site, "resume"), {"reason": "cause-over"})
    assert (409, True) == (answer.status_code, "PROCTOR_ABSENT" in answer.text)


def test_a_message_and_minutes_reach_the_sitting(site: Site, grace: Browser) -> None:
    site.running()
    before = state(site).remaining_ms(site.clock.now())
    assert 303 == grace.post(at(site, "message"), {"text": "Please turn on the light"}).status_code
    assert 303 == grace.post(at(site, "minutes"), {"minutes": "5", "reason": "interruption"}).status_code
    assert 400 == grace.post(at(site, "minutes"), {"minutes": "500", "reason": "interruption"}).status_code
    assert before + 300_000 == state(site).remaining_ms(site.clock.now())
    assert "Please turn on the light" in grace.get(at(site)).text


def test_a_sitting_ends_by_two_people_and_stays_to_be_looked_at(site: Site, grace: Browser) -> None:
    site.running()
    asked = grace.post(at(site, "end"), {"reason": "unauthorised-aid", "note": "A second screen at 09:10"})
    assert 303 == asked.status_code
    assert Phase.PAUSED_INCIDENT is state(site).phase
    own = grace.post(at(site, "confirm"), {"verdict": "confirm", "note": "Sure"})
    assert (409, True) == (own.status_code, "SOD_SECOND_PERSON" in own.text) or own.status_code == 403
    assert Phase.PAUSED_INCIDENT is state(site).phase
    mary = site.signed_in("mary")
    assert "A second screen at 09:10" in mary.get(at(site, "confirm")).text
    assert 303 == mary.post(at(site, "confirm"), {"verdict": "confirm", "note": "Seen on the tile"}).status_code
    assert Phase.SEALED is state(site).phase
    assert "TERMINATED" == state(site).ended_as
    assert 2 == len(state(site).open_incidents)


@pytest.mark.parametrize("second", ["grace", "mary"])
def test_either_person_may_let_it_go_on(site: Site, grace: Browser, second: str) -> None:
    site.running()
    grace.post(at(site, "end"), {"reason": "refused-instruction", "note": "Would not show the desk"})
    answer = site.signed_in(second).post(at(site, "confirm"), {"verdict": "decline", "note": "The desk was shown"})
    assert 303 == answer.status_code
    assert None is state(site).proposal
    assert 303 == grace.post(at(site, "resume"), {"reason": "cause-over"}).status_code


def test_nobody_confirms_later_than_ten_minutes(site: Site, grace: Browser) -> None:
    site.running()
    grace.post(at(site, "end"), {"reason": "recording-items", "note": "A phone was held up"})
    site.wait(2**20)
    mary = site.signed_in("mary")
    assert 409 == mary.post(at(site, "confirm"), {"verdict": "confirm", "note": "Seen"}).status_code
    assert Phase.PAUSED_INCIDENT is state(site).phase


def test_a_person_who_trained_the_candidate_does_not_invigilate_them(site: Site, grace: Browser) -> None:
    site.checked_in()
    site.house.people.declare_training(site.person("mary"), site.person("grace"), site.person("ada"), "")
    form = {"verdict": "verify", "document_class": "passport", "still": shown(site)}
    answer = grace.post(at(site, "identity"), form)
    assert (403, True) == (answer.status_code, "SOD_RELATION" in answer.text)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (words.PAUSE_REASONS, PAUSE_REASONS),
        (words.END_REASONS, TERMINATION_GROUNDS),
    ],
)
def test_reasons_are_exactly_the_engines(ours: dict[str, str], theirs: tuple[str, ...]) -> None:
    assert set(theirs) == set(ours)


def test_verdicts_are_exactly_the_reviews() -> None:
    from proctoring.review import REASONS

    assert set(REASONS) == {name for name, _, _ in words.VERDICTS}


def test_without_a_question_there_is_nothing_to_confirm(site: Site, grace: Browser) -> None:
    site.running()
    answer = site.signed_in("mary").get(at(site, "confirm"))
    assert (409, True) == (answer.status_code, "NOT_NOW" in answer.text)


def test_the_second_person_is_of_the_rota_or_an_administrator(site: Site, grace: Browser) -> None:
    site.running()
    grace.post(at(site, "end"), {"reason": "impersonation", "note": "Another face than on the document"})
    form = {"verdict": "confirm", "note": "Seen"}
    assert [404, 404] == [
        site.signed_in(other).post(at(site, "confirm"), form).status_code for other in ("joan", "linus")
    ]
    assert 400 == site.signed_in("mary").post(at(site, "confirm"), {**form, "verdict": "perhaps"}).status_code
    assert "You asked for this yourself" in grace.get(at(site, "confirm")).text
    assert Phase.PAUSED_INCIDENT is state(site).phase


def test_ending_needs_grounds_of_the_list_and_a_note(site: Site, grace: Browser) -> None:
    site.running()
    assert 400 == grace.post(at(site, "end"), {"reason": "looked-suspicious", "note": "x"}).status_code
    assert 400 == grace.post(at(site, "end"), {"reason": "impersonation", "note": " "}).status_code
    assert Phase.RUNNING is state(site).phase
