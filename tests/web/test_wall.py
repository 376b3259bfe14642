"""Cameras and walls over real sockets: what a camera sends costs itself, and a wall shows who needs somebody."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

from engine.sitting import Phase
from proctoring.frame import MAX_MESSAGE_BYTES, pack_frame
from tests.web.lines import Camera, Line, WallLine, Window, a_ticket, jpeg, noor, state_of, tick, until
from tests.web.site import Browser, Site, plan
from tests.web.site import login as signed_in
from web.acts import perform

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
def ada(running: Site) -> Browser:
    return running.candidate()


def refused_frames(site: Site) -> list[str]:
    """Why frames were refused, as the journal has it."""
    site.app.state.desk.settle()
    return [one.text for one in state_of(site).incidents.values() if one.kind == "frame_refused"]


# -- the camera ---------------------------------------------------------------------------------------


def test_a_camera_is_welcomed_and_each_frame_is_seen(running: Site, ada: Browser) -> None:
    camera = Camera(running, ada)
    assert ([320, 240], 1_000) == (camera.hello()["size"], camera.heard[-1]["every_ms"])
    assert [1, 2, 3] == [camera.hear("seen")["seq"] for _ in range(3) if camera.frame(jpeg())]
    assert [] == refused_frames(running)
    assert running.app.state.desk.seen(running.sitting).camera_up


def test_a_bad_frame_costs_itself_is_recorded_and_the_line_goes_on(running: Site, ada: Browser) -> None:
    window, camera = Window(running, ada), Camera(running, ada)
    window.hello()
    camera.hello()
    bad: list[Callable[[], object]] = [
        lambda: camera.wire.send(b"nonsense"),
        lambda: camera.wire.send("a text"),
        lambda: camera.wire.send(b""),
        lambda: camera.frame(PNG),
        lambda: camera.frame(jpeg()[:-2]),
        lambda: camera.frame(jpeg(30_000, 30_000)),
        lambda: camera.frame(jpeg() + bytes(MAX_MESSAGE_BYTES)),
        lambda: camera.frame(jpeg(), previous=b"\x07" * 32),
        lambda: camera.frame(jpeg(), seq=1),
    ]
    camera.frame(jpeg())
    camera.hear("seen")
    for number, send in enumerate(bad, 1):
        running.wait(2**17)  # the next signal of this kind is one of its own
        seq, previous = camera.seq, camera.previous
        send()
        if number == len(bad):  # a number that went back changed nothing
            camera.seq, camera.previous = seq, previous
        camera.frame(jpeg())
        assert camera.seq == camera.hear("seen")["seq"]
        assert number == len(refused_frames(running)), number
        window.row(number, "q01", "{}", kind="visit")
        assert number == window.hear("ack")["acked"]
    assert Phase.RUNNING is state_of(running).phase
    assert () == state_of(running).open_incidents


def test_what_a_browser_says_of_its_page_is_heard_between_the_frames(running: Site, ada: Browser) -> None:
    camera = Camera(running, ada)
    camera.hello()
    paste = {"t": "signal", "kind": "paste", "client_ms": 1_772_442_000_000}
    camera.say(**paste)
    assert "paste" == camera.hear("coach")["kind"]
    running.wait(2**16)
    camera.say(**paste)
    camera.frame(jpeg())
    assert camera.seq == camera.hear("seen")["seq"]
    running.app.state.desk.settle()
    assert ["paste"] == [one.kind for one in state_of(running).incidents.values()]
    assert [] == refused_frames(running)


def test_too_many_words_are_refused_like_frames_and_end_this_line_alone(running: Site, ada: Browser) -> None:
    window, camera = Window(running, ada), Camera(running, ada)
    window.hello()
    camera.hello()
    with suppress(ConnectionClosed):
        for _ in range(60):
            camera.say(t="gap", cause=None)
    assert 4429 == camera.closed()
    assert window.alive()


def test_a_message_larger_than_any_frame_closes_the_camera_and_not_the_answers(running: Site, ada: Browser) -> None:
    window, camera = Window(running, ada), Camera(running, ada)
    window.hello()
    camera.hello()
    with suppress(ConnectionClosed):
        camera.wire.send(bytes(300_000))
    assert 1009 == camera.closed()
    assert window.alive()


def test_a_flood_is_refused_frame_by_frame_and_ends_this_camera_line_alone(running: Site, ada: Browser) -> None:
    window, camera = Window(running, ada), Camera(running, ada)
    window.hello()
    camera.hello()
    previous = bytes(32)
    with suppress(ConnectionClosed):  # the Line may end while we are still sending
        for seq in range(1, 41):
            message = pack_frame(seq, seq, previous, jpeg())
            previous = hashlib.sha256(message).digest()
            camera.wire.send(message)
    assert 4429 == camera.closed()
    assert [1, 2, 3, 4, 5] == [message["seq"] for message in camera.heard if message["t"] == "seen"]
    window.answer(1, "q01")
    assert 1 == window.hear("ack")["acked"]
    again = Camera(running, ada)
    again.hello()
    running.wait(2**12)
    again.frame(jpeg())
    assert 1 == again.hear("seen")["seq"]


def test_closing_the_camera_leaves_the_answers_alone_and_shows_on_the_tile(running: Site, ada: Browser) -> None:
    window, camera = Window(running, ada), Camera(running, ada)
    window.hello()
    camera.hello()
    camera.close()
    until(lambda: not running.app.state.desk.seen(running.sitting).camera_up)
    assert window.alive()
    assert Phase.RUNNING is state_of(running).phase


def test_a_newer_camera_replaces_the_older(running: Site, ada: Browser) -> None:
    older, newer = Camera(running, ada), Camera(running, ada)
    older.hello()
    newer.hello()
    assert 4409 == older.closed()
    newer.frame(jpeg())
    assert 1 == newer.hear("seen")["seq"]


def test_the_camera_of_a_sitting_that_ended_is_refused(running: Site, ada: Browser) -> None:
    camera = Camera(running, ada)
    camera.hello()
    running.house.delivery.submit(running.person("ada"), running.sitting, 0, 0)
    running.app.state.desk.settle()
    until(lambda: (running.app.state.desk.settle(), not running.app.state.desk.seen(running.sitting).camera_up)[1])
    camera.frame(jpeg())
    assert 4403 == camera.closed()
    late = Camera(running, ada)
    late.say(t="hello", ticket=late.ticket)
    assert (4403, ["NOT_NOW"]) == (late.closed(), late.refusals())


def test_a_hundred_camera_lines_leave_one_and_win_no_frames(running: Site, ada: Browser) -> None:
    window = Window(running, ada)
    window.hello()
    lines = []
    for _ in range(100):
        lines.append(Camera(running, ada))
        lines[-1].hello()
        lines[-1].frame(jpeg())
    assert {4409} == {line.closed() for line in lines[:-1]}
    assert 1 == len(running.app.state.wall._cameras)
    assert 5 == running.app.state.desk.seen(running.sitting).frames  # what may come at once, by all Lines together
    window.answer(1, "q01")
    assert 1 == window.hear("ack")["acked"]
    running.wait(2**12)
    lines[-1].frame(jpeg())
    assert 2 == lines[-1].hear("seen")["seq"]


def test_a_frame_recorded_from_another_line_is_refused_and_costs_itself(running: Site, ada: Browser) -> None:
    older = Camera(running, ada)
    older.hello()
    older.frame(jpeg())
    older.hear("seen")
    second = pack_frame(2, 2_000, older.previous, jpeg())
    newer = Camera(running, ada)
    newer.hello()
    newer.wire.send(second)  # played again here: it names a frame of another chain
    newer.previous = hashlib.sha256(second).digest()
    running.wait(2**12)
    newer.frame(jpeg(), seq=3)
    assert 3 == newer.hear("seen")["seq"]
    assert 1 == len(refused_frames(running))


@pytest.mark.parametrize("track", ["window", 7, ["screen"], {}, None])
def test_a_line_of_no_track_is_refused(running: Site, ada: Browser, track: object) -> None:
    line = Camera(running, ada)
    line.say(t="hello", ticket=line.ticket, track=track)
    assert (True, ["INPUT_INVALID"]) == (line.closed() >= 4400, line.refusals())


def test_a_screen_is_shared_where_the_policy_asks_and_the_page_may_use_no_more(running: Site, ada: Browser) -> None:
    line = Camera(running, ada)
    line.say(t="hello", ticket=line.ticket, track="screen")
    assert (True, ["NOT_NOW"]) == (line.closed() >= 4400, line.refusals())
    plain = ada.get(f"/sit/{running.sitting}/item/q01")
    assert "camera=(self), microphone=(), display-capture=()" in plain.headers["permissions-policy"]
    assert ("data-sound" in plain.text, 'data-track="screen"' in plain.text) == (False, False)

    house = running.house
    exam = perform(house, signed_in(house, "mary"), "exam.plan", plan(screen="yes", sound="yes"))["exam"]
    perform(house, signed_in(house, "mary"), "exam.book", {"exam": exam, "candidate": "ada"})
    trial = house.exams.practise(running.person("ada"), exam)
    first = house.delivery.start_practice(running.person("ada"), trial)
    assert (True, True) == (first.policy.screen, first.policy.sound)
    page = ada.get(f"/sit/{trial}/item/q01")
    assert "camera=(self), microphone=(self), display-capture=(self)" in page.headers["permissions-policy"]
    assert ("data-sound" in page.text, 'data-track="screen"' in page.text) == (True, True)
    screen, camera = Camera(running, ada, trial), Camera(running, ada, trial)
    screen.say(t="hello", ticket=screen.ticket, track="screen")
    assert [640, 480] == screen.hear("welcome")["size"]
    camera.hello()
    for each in (screen, camera):
        each.frame(jpeg())
        assert 1 == each.hear("seen")["seq"]
    assert 1 == running.app.state.desk.seen(trial).frames


def test_a_camera_needs_a_login_a_greeting_and_an_own_ticket(running: Site, ada: Browser) -> None:
    hers = noor(running)
    nobody = Line(running, None, "/sit/camera")
    nobody.say(t="hello", ticket="x")
    assert (4401, ["NOT_SIGNED_IN"]) == (nobody.closed(), nobody.refusals())
    rude = Camera(running, ada)
    rude.wire.send(pack_frame(1, 1, bytes(32), jpeg()))
    assert 4400 == rude.closed()
    silent = Camera(running, ada)
    assert 4400 == silent.closed()
    foreign = Camera(running, ada, hers)
    foreign.say(t="hello", ticket=foreign.ticket)
    assert (4403, ["NOT_FOUND"]) == (foreign.closed(), foreign.refusals())
    swapped = Camera(running, ada)
    swapped.say(t="hello", ticket=a_ticket(running, ada, "line", running.sitting))
    assert (4401, ["TICKET_USED"]) == (swapped.closed(), swapped.refusals())


# -- the invigilator ----------------------------------------------------------------------------------


def test_a_wall_says_who_is_watched_by_a_person_only(calm: Site) -> None:
    calm.candidate().get(f"/sit/{calm.sitting}/check-in")
    calm.candidate().post(f"/sit/{calm.sitting}/watched-by", {"route": "person"})
    calm.running()
    calm.present()
    calm.app.state.desk.look_up(calm.sitting)
    calm.app.state.desk.settle()
    grace = calm.signed_in("grace")
    tiles = {tile["sitting"]: tile["alone"] for tile in WallLine(calm, grace).hello()["tiles"]}
    assert tiles[calm.sitting] is True
    assert "Watched by a person only" in grace.get(f"/proctor/sitting/{calm.sitting}").text


def test_a_wall_shows_every_sitting_of_its_exam_and_what_changes(running: Site, ada: Browser) -> None:
    hers = noor(running)
    wall = WallLine(running, running.signed_in("grace"))
    tiles = {tile["sitting"]: tile for tile in wall.hello()["tiles"]}
    assert {running.sitting: "Ada Quill", hers: "Noor Salim"} == {name: tile["name"] for name, tile in tiles.items()}
    assert ("RUNNING", "down", "down", 0, 3) == tuple(
        tiles[running.sitting][name] for name in ("phase", "line", "camera", "answered", "items")
    )
    window = Window(running, ada)
    window.hello()
    window.answer(1, "q01")
    window.hear("ack")
    while (tile := wall.hear("tile"))["answered"] == 0:
        pass
    assert (running.sitting, "up", 1) == (tile["sitting"], tile["line"], tile["answered"])


def test_a_frame_reaches_the_wall_of_its_exam(running: Site, ada: Browser) -> None:
    wall, camera = WallLine(running, running.signed_in("grace")), Camera(running, ada)
    wall.hello()
    camera.hello()
    camera.frame(jpeg())
    tile = wall.hear_bytes()
    name = running.sitting.encode()
    assert b"IVT1" + bytes([len(name)]) + name == tile[: 5 + len(name)]
    assert tile.endswith(jpeg())


def test_only_an_invigilator_of_the_rota_gets_a_wall(running: Site, ada: Browser) -> None:
    for browser in (running.signed_in("mary"), running.signed_in("joan"), ada):
        wall = WallLine(running, browser)
        wall.say(t="hello", ticket=wall.ticket, exam=running.exam)
        assert (4403, ["NOT_FOUND"]) == (wall.closed(), wall.refusals())
    nobody = Line(running, None, "/proctor/line")
    nobody.say(t="hello", ticket="x", exam=running.exam)
    assert (4401, ["NOT_SIGNED_IN"]) == (nobody.closed(), nobody.refusals())
    grace = running.signed_in("grace")
    first = WallLine(running, grace)
    first.hello()
    again = WallLine(running, grace)
    again.say(t="hello", ticket=first.ticket, exam=running.exam)
    assert (4401, ["TICKET_USED"]) == (again.closed(), again.refusals())


def test_what_a_wall_may_not_have_is_refused_and_the_wall_goes_on(running: Site, ada: Browser) -> None:
    wall = WallLine(running, running.signed_in("grace"))
    wall.hello()
    practice = perform(running.house, signed_in(running.house, "mary"), "exam.plan", plan(title="Autumn exam"))["exam"]
    perform(running.house, signed_in(running.house, "mary"), "exam.book", {"exam": practice, "candidate": "noor"})
    foreign = [row["sitting"] for row in running.house.exams.sittings(practice)]
    tried = [row["sitting"] for row in running.house.exams.sittings(running.exam) if row["practice"]]
    for sitting in [*foreign, *tried, "sit-nowhere"]:
        wall.say(t="open", sitting=sitting)
        assert "NOT_FOUND" == wall.hear("refused")["code"]
    for message in ({"t": "open", "sitting": 7}, {"t": "dance"}):
        wall.say(**message)
        assert "INPUT_INVALID" == wall.hear("refused")["code"]
    camera = Camera(running, ada)
    camera.hello()
    wall.say(t="open", sitting=running.sitting)
    assert [640, 480] == camera.hear("size")["size"]
    camera.frame(jpeg())
    assert wall.hear_bytes()
    wall.wire.send("{")
    assert 4400 == wall.closed()


def test_an_attention_check_is_asked_and_answered(running: Site) -> None:
    wall = WallLine(running, running.signed_in("grace"))
    wall.hello()
    desk, grace = running.app.state.desk, running.person("grace")
    running.wait(540_000)
    wall.say(t="beat")
    until(lambda: desk.duty.present(running.exam, running.clock.now()) == (grace,))
    tick(running)
    asked = wall.hear("attention")
    assert 60 == asked["within_s"]
    running.wait(59_999)
    wall.say(t="attention", id="att-another")
    wall.say(t="attention", id=asked["id"])
    running_on = running.clock.now()
    running.wait(10_000)
    wall.say(t="beat")
    until(lambda: desk.duty.present(running.exam, running.clock.now()) == (grace,))
    assert running_on < running.clock.now()


def test_a_wall_that_does_not_read_is_let_go_and_others_see_on(running: Site, ada: Browser) -> None:
    grace = running.signed_in("grace")
    slow = WallLine(running, grace, buffer_bytes=8_192, max_queue=1)
    slow.hello()
    wall = running.app.state.wall
    (watching,) = wall._watchers
    good = WallLine(running, grace)
    good.hello()
    watching.frames.update(dict.fromkeys(map(str, range(256)), bytes(200_000)))  # more than any socket holds
    until(lambda: watching not in wall._watchers)
    window = Window(running, ada)
    window.hello()
    window.answer(1, "q01")
    assert 1 == window.hear("ack")["acked"]
    while good.hear("tile")["answered"] == 0:
        pass
    assert 1 == len(wall._watchers)
    slow.cut()
