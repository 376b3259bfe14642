"""The register of sittings: its tables say what the journal says, for sittings and for nothing else."""

from __future__ import annotations

from dataclasses import replace

from engine.events import SYSTEM, Recorded, SittingCreated
from engine.policy import Policy
from engine.register import project
from engine.sitting import Sitting
from engine.sources import epoch_ms, later
from engine.store import Put, row, rows
from tests.engine.builders import GRACE_MS, LIMIT_MS, NINE, a_review, a_row, an_incident
from tests.engine.day import FOLDS, WINDOW_MS, Day


def test_the_row_of_a_sitting_follows_it_to_the_end(running: Day) -> None:
    def listed() -> tuple[object, ...]:
        with running.database.reading() as connection:
            found = row(connection, "sitting", sitting=running.booked)
        assert found is not None
        return tuple(found[name] for name in ("phase", "open_incidents", "scored", "released"))

    own = running.booked
    assert listed() == ("RUNNING", 0, False, False)
    running.delivery.report(own, an_incident())
    running.delivery.report(own, an_incident("inc-2", hint=True))
    assert listed() == ("RUNNING", 1, False, False)
    running.wait(LIMIT_MS).delivery.expire(own)
    assert listed() == ("TIME_EXPIRED", 1, False, False)
    running.wait(GRACE_MS + 1).delivery.seal(own)
    running.delivery.score(own)
    assert listed() == ("SEALED", 1, True, False)
    running.delivery.review(running["mary"], own, a_review())
    running.delivery.release(running["ruth"], own, "nothing unusual")
    assert listed() == ("SEALED", 0, True, True)


def test_the_row_says_whose_and_when(booked: Day) -> None:
    [practice, real] = sorted(booked.delivery.sittings_of(booked["ada"]), key=lambda one: not one["practice"])
    assert (real["sitting"], real["exam"], real["candidate"]) == (booked.booked, booked.exam, booked["ada"])
    assert (real["opens_ms"], real["closes_ms"]) == (epoch_ms(NINE), epoch_ms(later(NINE, WINDOW_MS)))
    assert (practice["practice"], real["practice"]) == (True, False)


def test_the_client_keys_are_the_rows_and_their_hashes(running: Day) -> None:
    sent = [a_row(seq, "q01", running.payload("q01")) for seq in (1, 3)]
    for one in sent:
        running.send(one)
    with running.database.reading() as connection:
        known = rows(connection, "client_row", sitting=running.booked, order="seq")
    assert [(one["writer"], one["seq"], one["sha256"]) for one in known] == [(1, one.seq, one.sha256) for one in sent]


def test_only_a_sittings_own_stream_makes_its_row() -> None:
    made = SittingCreated("exam-1", "ada", False, Policy(), LIMIT_MS, NINE, later(NINE, WINDOW_MS))
    happened = Recorded(1, "sitting/sit-1", 1, NINE, SYSTEM, "SittingCreated", made)
    state = FOLDS["sitting"].evolve(Sitting(), happened)
    [put] = project(happened, state)
    assert isinstance(put, Put) and (put.table, put.row["phase"]) == ("sitting", "CREATED")
    assert list(project(replace(happened, stream="exam/sit-1"), state)) == []
    assert list(project(happened, None)) == []
    erased = replace(happened, seq=2, kind="SittingPaused", event=None)
    assert [op.row for op in project(erased, state)] == [put.row]  # type: ignore[union-attr]
