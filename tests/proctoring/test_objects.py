"""The plug-in that looks for telephones: right when one is near, never more than a hint, and off by default."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import NotFound, Tampered
from engine.sources import later
from proctoring.desk import Desk
from proctoring.notice import Coached
from proctoring.objects import EVERY_MS, Checks, Plugin, checked
from proctoring.opening import open_desk
from proctoring.pool import Lost, LostTo, Pool
from proctoring.signals import THRESHOLDS, Act, Detector, Face, Finding, Kind, Observation, Reading
from proctoring.vision import Pixels, decode, encode, letterbox
from proctoring.vision_objects import Objects
from tests.engine.builders import NINE
from tests.proctoring.conftest import drawn
from tests.proctoring.office import SITTING, Office, SharedPool
from tests.proctoring.test_equal_route import sit

YOLOX_SHA256 = "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d"
PHONE = Face(0.5, 0.6, 0.1, 0.2, 0.7)
NONE = Observation(None, (), 120.0, 0.0, 0.0, None, False, "", Detector.OBJECTS, YOLOX_SHA256, 640, 480)


@pytest.fixture
def yolox(shared_data: Path) -> Path:
    return shared_data / "models" / "yolox_nano.onnx"


@pytest.fixture
def near(shared_data: Path) -> bytes:
    """Somebody who holds a telephone near the camera."""
    picture: Pixels = decode((shared_data / "faces" / "042.jpg").read_bytes())
    high = len(picture)
    return encode(letterbox(picture[high * 45 // 100 : high * 95 // 100, : high * 2 // 3], 640, 480))


def folded(*hits: bool) -> list[Finding]:
    state = Checks()
    found: list[Finding] = []
    for number, hit in enumerate(hits):
        seen = replace(NONE, boxes=(PHONE,) if hit else (replace(PHONE, score=0.59),))
        state, new = checked(state, Reading(later(NINE, number * EVERY_MS), number, seen), THRESHOLDS)
        found += new
    return found


def test_three_of_the_last_five_make_a_hint_and_the_count_begins_anew() -> None:
    assert folded(True, True, False, False, False, True, False) == []
    (hint,) = folded(True, False, True, False, True)
    assert (hint.kind, hint.act, hint.since, hint.at) == (Kind.OBJECT_HINT, Act.HINT, NINE, later(NINE, 4 * EVERY_MS))
    assert len(folded(*[True] * 8)) == 2


def test_a_check_is_made_every_ten_seconds() -> None:
    assert Checks().due(NINE)
    asked = Checks(asked_at=NINE)
    assert [asked.due(later(NINE, ms)) for ms in (0, EVERY_MS - 1, EVERY_MS)] == [False, False, True]


def test_a_telephone_near_the_camera_is_found_where_it_is(yolox: Path, near: bytes) -> None:
    eye = Objects(yolox, YOLOX_SHA256)
    seen, _ = eye.observe(near, None)
    assert (seen.detector, seen.model, seen.faces, len(seen.boxes)) == (Detector.OBJECTS, YOLOX_SHA256, None, 1)
    box = seen.boxes[0]
    assert box.score >= THRESHOLDS.object_score
    assert all(0 <= value <= 1 for value in (box.x, box.y, box.x + box.width, box.y + box.height))


def test_where_there_is_none_it_says_nothing(yolox: Path, shared_data: Path) -> None:
    eye = Objects(yolox, YOLOX_SHA256)
    for name in ("001.jpg", "007.jpg", "020.jpg"):
        jpeg = encode(letterbox(decode((shared_data / "faces" / name).read_bytes()), 640, 480))
        assert [box for box in eye.observe(jpeg, None)[0].boxes if box.score >= THRESHOLDS.object_score] == []
    assert eye.observe(encode(drawn()), None)[0].boxes == ()


def test_another_file_is_never_loaded(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"changed")
    for made in (Objects, lambda path, sha256: Pool(path, workers=1, objects_sha256=sha256)):
        with pytest.raises(Tampered):
            made(tmp_path / "model.onnx", YOLOX_SHA256)
        with pytest.raises(NotFound):
            made(tmp_path / "gone.onnx", YOLOX_SHA256)


# --- in the room


@pytest.fixture
def office(tmp_path: Path, yolox: Path) -> Iterator[Office]:
    """An office whose desk has the plug-in, in a real worker of its own."""
    pool, slow = SharedPool(), ObjectsPool(yolox)
    with Office(tmp_path, pool) as office:
        common = (office.delivery, office.writer, office.sources, office.evidence, pool)
        office.desk = Desk(*common, objects=slow)
        office.desk.listen(office.notices.append)
        yield office
    pool.end()
    slow.end()


class ObjectsPool(SharedPool):
    def __init__(self, model: Path) -> None:
        Pool.__init__(self, model, workers=1, deadline_ms=60_000, objects_sha256=YOLOX_SHA256)
        self._begin_counting()


def check(office: Office, jpeg: bytes, count: int) -> None:
    slow = office.desk._objects
    assert isinstance(slow, ObjectsPool)
    for _ in range(count):
        office.frames([jpeg])
        slow.wait()
        office.clock.advance(EVERY_MS)
    office.settle()


def test_a_hint_is_recorded_without_frames_and_nobody_need_review_it(office: Office, near: bytes) -> None:
    sit(office)
    check(office, near, 3)
    told = [one for one in office.state.incidents.values() if one.kind == "object_hint"]
    assert [(one.hint, one.evidence, one.ended_at is not None) for one in told] == [(True, (), True)]
    assert [one.kind for one in office.told(Coached) if one.kind == "object_hint"] == []
    (reported,) = [one.event for one in office.history("IncidentReported") if one.event.kind == "object_hint"]  # type: ignore[union-attr]
    assert f'"models":["{YOLOX_SHA256}"]' in reported.explanation  # type: ignore[union-attr]


def test_whoever_is_watched_by_a_person_only_is_not_looked_at(office: Office, near: bytes) -> None:
    sit(office, "person")
    check(office, near, 4)
    slow = office.desk._objects
    assert slow is not None
    assert (slow.figures().analysed, office.state.incidents) == (0, {})


def test_the_desk_is_opened_with_the_plug_in_an_operator_names_and_with_no_other(office: Office, yolox: Path) -> None:
    common = (office.delivery, office.writer, office.sources, office.keyring)
    rest = {"models": None, "evidence": office.folder / "evidence", "inventory": office.inventory}
    desk = open_desk(*common, **rest, objects=Plugin(yolox, YOLOX_SHA256))  # type: ignore[arg-type]
    desk.stop()
    with pytest.raises(Tampered):
        open_desk(*common, **rest, objects=Plugin(yolox, "ab" * 32))  # type: ignore[arg-type]


def test_a_check_that_fails_says_nothing(office: Office) -> None:
    sit(office)
    office.desk._objects_looked(SITTING, 1, NINE, Lost(LostTo.HUNG))
    assert office.state.incidents == {}
