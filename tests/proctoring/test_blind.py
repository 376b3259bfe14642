"""What the watch misses: a draw that repeats from its seed, moments like any other, and a figure with its interval."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import Refused
from engine.exam import ExamClosed, ExamOpened, ExamPlanned
from engine.policy import Policy
from engine.sitting import Phase
from engine.sources import chance, later
from engine.store import Ledger
from engine.writer import Append
from proctoring.blind import KIND, PICTURES, TEXT, Blind, BlindDrawn, drawn, misses
from proctoring.evidence import Kept
from tests.engine.builders import NINE, an_incident
from tests.proctoring.office import SITTING, Office, SharedPool

NAMES = {f"sit-{number:03}": tuple(f"{at}-{at}-x" for at in range(40)) for number in range(2_000)}


def test_a_draw_repeats_from_its_seed_and_takes_about_the_share_it_is_told() -> None:
    found = drawn(11, NAMES, 50)
    assert found == drawn(11, dict(reversed(NAMES.items())), 50)
    assert found != drawn(12, NAMES, 50)
    assert 70 <= len(found) <= 130
    assert {len(names) for names in found.values()} <= set(range(PICTURES // 2, PICTURES + 1))
    assert all(names == tuple(name for name in NAMES[sitting] if name in names) for sitting, names in found.items())
    assert (drawn(11, NAMES, 0), len(drawn(11, NAMES, 1_000))) == ({}, 2_000)


def test_every_sitting_has_the_same_chance() -> None:
    few = {f"sit-{number}": ("1-1-x",) for number in range(8)}
    times = dict.fromkeys(few, 0)
    for seed in range(2_000):
        for sitting in drawn(seed, few, 250):
            times[sitting] += 1
    assert all(420 <= count <= 580 for count in times.values()), times


def test_a_draw_that_favours_the_first_would_be_seen() -> None:
    few = {f"sit-{number}": ("1-1-x",) for number in range(8)}
    biased = dict.fromkeys(few, 0)
    for seed in range(2_000):
        dice = chance(seed)
        for place, sitting in enumerate(sorted(few)):
            biased[sitting] += dice.randrange(1_000) < 250 + 60 * (place == 0)
    assert not all(420 <= count <= 580 for count in biased.values())


@pytest.fixture
def closed(tmp_path: Path, pool: SharedPool) -> Iterator[Office]:
    """A day of Ada's that is closed; her sitting is sealed with forty pictures and nothing noted."""
    with Office(tmp_path, pool) as office:
        office.ada(Phase.SEALED)
        yield office


def blind(office: Office) -> Blind:
    return Blind(office.delivery, office.database, office.writer, office.sources, office.evidence)


def day(office: Office, *, permille: int = 1_000, close: bool = True) -> Blind:
    policy = Policy(blind_permille=permille)
    end = later(NINE, 3_600_000)
    planned = ExamPlanned(
        "Spring", "est/1", "{}", "{}", NINE, end, "UTC", 1, 1_000, (office.grace,), policy, 0.5, "aa", "bb"
    )
    for happened in (planned, ExamOpened(), *((ExamClosed(),) if close else ())):
        told = (happened,)
        office.writer.run(Append("exam/exam-1", office.mary, NINE, lambda state, told=told: told))  # type: ignore[misc]
    return blind(office)


def with_pictures(office: Office, count: int = 40) -> None:
    begun = office.state.opens_at
    assert begun is not None
    office.evidence.seal(SITTING, [Kept(begun, seq, 0, b"\xff\xd8" + bytes([seq])) for seq in range(count)])


def draws(office: Office) -> list[BlindDrawn]:
    with office.database.reading() as connection:
        events = [one.event for one in Ledger(connection).history("exam/exam-1")]
    return [one for one in events if isinstance(one, BlindDrawn)]


def test_a_closed_day_is_drawn_once_and_its_moments_wait_like_any_incident(closed: Office) -> None:
    with_pictures(closed)
    draw = day(closed)
    draw.draw_closed()
    draw.draw_closed()
    blind(closed).draw_closed()
    (told,) = draws(closed)
    assert (told.permille, told.unflagged, told.unseen, told.drawn) == (1_000, 1, 0, (SITTING,))
    ((name, moment),) = closed.state.incidents.items()
    assert (moment.kind, moment.text, moment.hint) == (KIND, TEXT, False)
    assert closed.state.open_incidents == (name,)
    assert moment.ended_at is not None and moment.begun_at <= moment.ended_at
    kept = drawn(told.seed, {SITTING: closed.evidence.names(SITTING, NINE, later(NINE, 1_000_000))}, 1_000)
    assert kept[SITTING] == moment.evidence
    assert [frame.jpeg[:2] for frame in closed.desk.reviews.open(closed.katherine, SITTING, name)][:1] == [b"\xff\xd8"]


def test_nothing_is_drawn_of_a_day_that_is_open_or_that_a_policy_leaves_out(closed: Office) -> None:
    with_pictures(closed)
    day(closed, close=False).draw_closed()
    assert draws(closed) == []
    day(closed, permille=0).draw_closed()
    assert [told.drawn for told in draws(closed)] == [()]
    assert closed.state.incidents == {}


def test_a_day_waits_until_every_sitting_is_sealed(tmp_path: Path, pool: SharedPool) -> None:
    with Office(tmp_path, pool) as office:
        office.ada(Phase.RUNNING)
        draw = day(office)
        draw.draw_closed()
        assert (draws(office), draw.draw("exam-1")) == ([], False)


def test_a_flagged_sitting_is_no_sample_and_one_without_pictures_is_counted_as_unseen(closed: Office) -> None:
    day(closed).draw_closed()
    (told,) = draws(closed)
    assert (told.unflagged, told.unseen, told.drawn) == (1, 1, ())
    assert misses(closed.database, closed.delivery).share is None


def test_a_flagged_sitting_is_not_drawn(closed: Office) -> None:
    with_pictures(closed)
    closed.delivery.report(SITTING, an_incident())
    day(closed).draw_closed()
    assert [(told.unflagged, told.drawn) for told in draws(closed)] == [(0, ())]


@pytest.mark.parametrize(("verdicts", "missed"), [(("confirmed", "confirmed"), 1), (("dismissed",), 0)])
def test_a_miss_is_what_two_people_confirmed_and_the_figure_says_how_sure_it_is(
    closed: Office, verdicts: tuple[str, ...], missed: int
) -> None:
    with_pictures(closed)
    day(closed).draw_closed()
    before = misses(closed.database, closed.delivery)
    assert (before.drawn, before.waiting, before.reviewed, before.share) == (1, 1, 0, None)
    ((name, _),) = closed.state.incidents.items()
    closed.people.grant("operator", closed.mary, "investigator")
    for person, verdict in zip((closed.katherine, closed.mary), verdicts, strict=False):
        closed.desk.reviews.open(person, SITTING, name)
        closed.desk.reviews.look(person, SITTING, name, "person-present")
        reason = "person-present" if verdict == "confirmed" else "permitted"
        closed.desk.reviews.give(person, SITTING, name, verdict, reason)
    after = misses(closed.database, closed.delivery)
    assert (after.waiting, after.reviewed, after.misses, after.share) == (0, 1, missed, float(missed))
    assert 0.0 <= after.low < after.high <= 1.0
    assert [each for each in type(after).__slots__ if "person" in each or "reviewer" in each] == []


def test_an_invigilator_on_the_rota_reviews_no_sample_either(closed: Office) -> None:
    with_pictures(closed)
    day(closed).draw_closed()
    ((name, _),) = closed.state.incidents.items()
    closed.people.grant("operator", closed.grace, "investigator")
    closed.desk.reviews.open(closed.grace, SITTING, name)
    with pytest.raises(Refused) as refused:
        closed.desk.reviews.look(closed.grace, SITTING, name, "nothing")
    assert refused.value.code == "SOD_SECOND_PERSON"
