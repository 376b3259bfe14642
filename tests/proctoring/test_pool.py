"""The pool: every frame is answered once, the newest wins, and a failing worker costs one frame."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import proctoring.pool
from engine.errors import Tampered
from engine.sources import ManualClock
from proctoring.pool import Figures, Lost, LostTo, Outcome, Pool, pack_answer, pack_job, read_answer, read_job
from proctoring.signals import Detector, Observation, Trace
from proctoring.vision import Eye, encode
from tests.proctoring.conftest import bomb, drawn, framed

FRAMES = [framed(encode(drawn(seed)), seed) for seed in range(1, 5)]


class Answers:
    """Collects what the pool answers and lets a test wait for it."""

    def __init__(self) -> None:
        self.given: list[tuple[str, Outcome]] = []
        self._change = threading.Condition()

    def to(self, name: str) -> Callable[[Outcome], None]:
        def done(outcome: Outcome) -> None:
            with self._change:
                self.given.append((name, outcome))
                self._change.notify_all()

        return done

    def wait(self, count: int) -> list[tuple[str, Outcome]]:
        with self._change:
            assert self._change.wait_for(lambda: len(self.given) >= count, 60)
            return list(self.given)


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(None, workers=1, deadline_ms=512)
    yield made
    made.stop()


def ask(pool: Pool, sitting: str, seed: int = 1) -> Outcome:
    answers = Answers()
    pool.submit(sitting, FRAMES[seed - 1], answers.to(sitting))
    return answers.wait(1)[0][1]


def test_nothing_is_started_before_the_first_frame(pool: Pool) -> None:
    assert pool.pids() == ()
    assert pool.figures() == Figures(0, 0, 0, 0, 0, 0, None, model=False)


def test_frames_of_one_sitting_are_compared_with_each_other_and_with_no_other(pool: Pool) -> None:
    first, other, second = ask(pool, "ada", 1), ask(pool, "bob", 2), ask(pool, "ada", 1)
    assert isinstance(first, Observation)
    assert isinstance(other, Observation)
    assert isinstance(second, Observation)
    assert (first.change, other.change, second.identical) == (None, None, True)
    assert pool.figures().detector is Detector.REDUCED
    assert pool.figures().analysed == 3


def test_a_forgotten_sitting_begins_anew(pool: Pool) -> None:
    ask(pool, "ada")
    pool.forget("ada")
    pool.forget("nobody")
    seen = ask(pool, "ada")
    assert isinstance(seen, Observation)
    assert seen.change is None


def test_the_pool_sees_with_the_model_it_is_given(model: Path, clip_jpegs: list[bytes]) -> None:
    pool = Pool(model, workers=1)
    answers = Answers()
    pool.submit("ada", framed(clip_jpegs[0]), answers.to("ada"))
    seen = answers.wait(1)[0][1]
    pool.stop()
    assert isinstance(seen, Observation)
    assert (seen.faces, seen.detector) == (1, Detector.YUNET)


def test_another_model_file_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(b"changed")
    with pytest.raises(Tampered):
        Pool(tmp_path / "other.onnx")


def test_the_newest_frame_wins_and_drops_are_counted_per_sitting(pool: Pool) -> None:
    ask(pool, "ada")
    os.kill(pool.pids()[0], signal.SIGSTOP)
    answers = Answers()
    pool.submit("bob", FRAMES[0], answers.to("bob stuck"))
    _until(lambda: pool.figures().waiting == 0)
    for seed in (2, 3, 4):
        pool.submit("ada", FRAMES[seed - 1], answers.to(f"ada {seed}"))
    assert answers.given[:2] == [("ada 2", Lost(LostTo.DROPPED)), ("ada 3", Lost(LostTo.DROPPED))]
    given = dict(answers.wait(4))
    assert given["bob stuck"] == Lost(LostTo.HUNG)
    assert isinstance(given["ada 4"], Observation)
    assert (pool.drops("ada"), pool.drops("bob"), pool.figures().dropped) == (2, 0, 2)


def order(*waiting: str, wait_ms: int) -> list[str]:
    """In which order frames are looked at that waited, one after the other, while the only worker was stuck. Ada was
    looked at before that, then Bob."""
    clock = ManualClock(datetime(2026, 3, 2, 9, tzinfo=UTC))
    pool, answers = Pool(None, workers=1, deadline_ms=512, clock=clock), Answers()
    for name in ("ada", "bob"):
        ask(pool, name)
        clock.advance(16)
    os.kill(pool.pids()[0], signal.SIGSTOP)
    pool.submit("stuck", FRAMES[0], answers.to("stuck"))
    _until(lambda: pool.figures().waiting == 0)
    for name in waiting:
        pool.submit(name, FRAMES[0], answers.to(name))
        clock.advance(wait_ms)
    given = [name for name, _ in answers.wait(1 + len(waiting))]
    pool.stop()
    return given[1:]


def test_whoever_was_looked_at_longest_ago_is_next() -> None:
    assert ["ada", "bob"] == order("bob", "ada", wait_ms=16)


def test_a_fresh_frame_is_looked_at_before_a_stale_one() -> None:
    assert ["bob", "ada"] == order("ada", "bob", wait_ms=96)


def test_faces_are_counted_in_as_many_frames_as_the_operator_wants(model: Path, clip_jpegs: list[bytes]) -> None:
    counted = []
    for every in (0, 1, 2):
        pool = Pool(model, workers=1, faces_every=every)
        answers = Answers()
        for number in range(4):
            pool.submit("ada", framed(clip_jpegs[number]), answers.to("ada"))
            answers.wait(number + 1)
        pool.stop()
        counted.append([outcome.faces for _, outcome in answers.given if isinstance(outcome, Observation)])
    assert [[None] * 4, [1] * 4, [1, None, 1, None]] == counted


def test_nobody_counts_faces_where_the_caller_asks_for_none(pool: Pool) -> None:
    answers = Answers()
    pool.submit("ada", FRAMES[0], answers.to("ada"), faces=False)
    (_, seen), *_ = answers.wait(1)
    assert isinstance(seen, Observation)
    assert (seen.faces, seen.boxes, seen.detector) == (None, (), Detector.REDUCED)
    assert pool.figures().age_p99_ms is not None


def test_a_hanging_worker_costs_one_frame_and_is_replaced(pool: Pool) -> None:
    ask(pool, "ada")
    stuck = pool.pids()[0]
    os.kill(stuck, signal.SIGSTOP)
    assert ask(pool, "ada") == Lost(LostTo.HUNG)
    assert isinstance(ask(pool, "ada"), Observation)
    assert stuck not in pool.pids()
    assert (pool.figures().restarts, pool.figures().lost) == (1, 1)
    assert not Path(f"/proc/{stuck}").exists()


def test_a_stopped_worker_cannot_stall_us_with_a_full_pipe(pool: Pool) -> None:
    ask(pool, "ada")
    os.kill(pool.pids()[0], signal.SIGSTOP)
    large = framed(FRAMES[0].jpeg[:-2] + bytes(1 << 20) + b"\xff\xd9")
    answers = Answers()
    pool.submit("ada", large, answers.to("ada"))
    assert answers.wait(1)[0][1] == Lost(LostTo.HUNG)


def test_a_killed_worker_costs_one_frame_and_is_replaced(pool: Pool) -> None:
    ask(pool, "ada")
    dead = pool.pids()[0]
    os.kill(dead, signal.SIGKILL)
    assert ask(pool, "ada") == Lost(LostTo.CRASHED)
    assert isinstance(ask(pool, "ada"), Observation)
    assert pool.pids()[0] != dead


def test_a_bomb_costs_its_own_frame_and_not_even_the_worker(pool: Pool) -> None:
    ask(pool, "ada")
    before = pool.pids()
    answers = Answers()
    pool.submit("eve", framed(bomb()), answers.to("eve"))
    assert answers.wait(1)[0][1] == Lost(LostTo.UNREADABLE)
    assert isinstance(ask(pool, "ada"), Observation)
    assert pool.pids() == before


def test_a_worker_that_answers_nonsense_is_replaced(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    def nonsense(message: bytes) -> tuple[Outcome, Trace | None]:
        return read_answer(message[:-1])

    ask(pool, "ada")
    before = pool.pids()
    with monkeypatch.context() as patch:
        patch.setattr(proctoring.pool, "read_answer", nonsense)
        assert ask(pool, "ada") == Lost(LostTo.CRASHED)
    assert isinstance(ask(pool, "ada"), Observation)
    assert pool.pids() != before


def test_a_worker_that_cannot_start_loses_frames_and_is_not_tried_in_a_hurry(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "model.onnx"
    copy.write_bytes(model.read_bytes())
    pool = Pool(copy, workers=1)
    copy.unlink()  # the worker will not find it
    monkeypatch.setattr(proctoring.pool, "_REST_MS", (0, 1 << 20))
    assert ask(pool, "ada") == Lost(LostTo.CRASHED)
    assert ask(pool, "ada") == Lost(LostTo.CRASHED)
    answers = Answers()
    pool.submit("ada", FRAMES[0], answers.to("ada"))
    pool.stop()  # ends the rest at once
    assert answers.wait(1)[0][1] == Lost(LostTo.STOPPED)
    assert pool.figures().detector is None


def test_two_frames_of_one_sitting_are_never_looked_at_together() -> None:
    pool = Pool(None, workers=2, deadline_ms=2_048)
    answers = Answers()
    for name in ("ada", "bob"):  # both workers get started
        pool.submit(name, FRAMES[0], answers.to(name))
    answers.wait(2)
    _until(lambda: len(pool.pids()) == 2)
    for pid in pool.pids():
        os.kill(pid, signal.SIGSTOP)
    pool.submit("ada", FRAMES[1], answers.to("ada under way"))
    _until(lambda: pool.figures().waiting == 0)
    pool.submit("ada", FRAMES[2], answers.to("ada next"))
    time.sleep(0.1)  # the other worker is free, and must not take it
    assert pool.figures().waiting == 1
    for pid in pool.pids():
        os.kill(pid, signal.SIGCONT)
    given = dict(answers.wait(4))
    pool.stop()
    assert isinstance(given["ada under way"], Observation)
    assert isinstance(given["ada next"], Observation)


def test_every_frame_is_answered_exactly_once_by_several_workers_that_are_killed_meanwhile() -> None:
    pool = Pool(None, workers=2, deadline_ms=2_048)
    answers = Answers()
    names = [f"{sitting} {number}" for number in range(16) for sitting in ("ada", "bob", "cleo", "dora")]
    for place, name in enumerate(names):
        pool.submit(name.split()[0], FRAMES[place % 4], answers.to(name))
        if place % 16 == 15:
            _until(lambda: bool(pool.pids()))
            os.kill(pool.pids()[0], signal.SIGKILL)
    answers.wait(len(names))
    pool.stop()
    assert sorted(name for name, _ in answers.given) == sorted(names)
    figures = pool.figures()
    assert figures.analysed + figures.lost + figures.dropped == len(names)


def test_stopping_answers_what_waits_and_ends_the_workers(pool: Pool) -> None:
    ask(pool, "ada")
    worker = pool.pids()[0]
    os.kill(worker, signal.SIGSTOP)
    answers = Answers()
    pool.submit("ada", FRAMES[0], answers.to("under way"))
    _until(lambda: pool.figures().waiting == 0)
    pool.submit("bob", FRAMES[0], answers.to("waiting"))
    pool.stop()
    pool.stop()
    pool.submit("ada", FRAMES[0], answers.to("too late"))
    assert {outcome for _, outcome in answers.wait(3)} == {Lost(LostTo.STOPPED)}
    assert not Path(f"/proc/{worker}").exists()


def test_a_frame_that_waits_is_answered_when_its_sitting_is_forgotten(pool: Pool) -> None:
    ask(pool, "ada")
    os.kill(pool.pids()[0], signal.SIGSTOP)
    answers = Answers()
    pool.submit("bob", FRAMES[0], answers.to("bob"))
    _until(lambda: pool.figures().waiting == 0)
    pool.submit("ada", FRAMES[0], answers.to("ada"))
    pool.forget("ada")
    assert answers.given == [("ada", Lost(LostTo.DROPPED))]


def test_stopping_a_pool_that_never_started_is_nothing() -> None:
    Pool(None).stop()


def test_a_worker_knows_no_key_and_no_path_of_ours(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVIGIL_KEYS", "/secret")
    ask(pool, "ada")
    environment = Path(f"/proc/{pool.pids()[0]}/environ").read_bytes()
    assert b"secret" not in environment
    assert b"MALLOC_MMAP_THRESHOLD_=" in environment


def test_a_worker_is_bounded_in_memory(pool: Pool) -> None:
    ask(pool, "ada")
    limits = Path(f"/proc/{pool.pids()[0]}/limits").read_text()
    bound = next(line for line in limits.splitlines() if line.startswith("Max address space"))
    assert bound.split()[3] == str(1 << 30)


def test_jobs_and_answers_survive_the_pipe() -> None:
    seen, trace = Eye(None).observe(FRAMES[0].jpeg, None)
    assert read_job(pack_job(b"jpeg", None, faces=True)) == (b"jpeg", None, True)
    assert read_job(pack_job(b"jpeg", trace, faces=False)) == (b"jpeg", trace, False)
    assert read_answer(pack_answer((seen, trace))) == (seen, trace)
    assert read_answer(pack_answer(None)) == (Lost(LostTo.UNREADABLE), None)


def _until(holds: Callable[[], bool]) -> None:
    """Wait for another thread to get somewhere; how long is no part of any test."""
    for _ in range(4_096):
        if holds():
            return
        time.sleep(0.004)
    pytest.fail("it never happened")
