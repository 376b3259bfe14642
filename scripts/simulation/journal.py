"""A journal in memory with the writer's semantics: a batch is committed whole or gone, and answered only then.

Jobs wait until `commit`. They run in order, each on the state the one before it left; one that raises spoils itself
only. Only then the state moves, and only after that the answers go out, unless a crash keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from engine import sitting
from engine.errors import InvigilError, Refused
from engine.events import Event, Recorded, kind_of
from engine.sitting import Sitting
from engine.writer import Append, Appended

Done = Callable[[Appended | InvigilError], None]
#: Told every committed event with the state after it.
Watch = Callable[[Recorded, Sitting], None]
STREAM = "sitting/sit-ada"


class Journal:
    """``state`` is the committed one, at first after the ``opening``; ``heartbeat`` when the server was last alive."""

    def __init__(self, opening: Sequence[Recorded], state: Sitting, at: datetime, watch: Watch) -> None:
        self.state = state
        self.seq = len(opening)
        self.heartbeat = at
        self._watch = watch
        self._waiting: list[tuple[Append, Done]] = []

    @property
    def waiting(self) -> bool:
        return bool(self._waiting)

    def submit(self, job: Append, done: Done) -> None:
        self._waiting.append((job, done))

    def commit(self, at: datetime, *, answered: bool = True) -> None:
        """Run and keep what waits. ``answered`` False: the process dies between COMMIT and the answers."""
        waiting, self._waiting = self._waiting, []
        state, recorded, outcomes = self.state, list[tuple[Recorded, Sitting]](), list[tuple[Done, object]]()
        for job, done in waiting:
            try:
                events = tuple(job.decide(state))
            except InvigilError as error:
                outcomes.append((done, error))
                continue
            for happened in events:
                one = self._record(job, happened, len(recorded))
                state = sitting.evolve(state, one)
                recorded.append((one, state))
            seq = self.seq + len(recorded)
            outcomes.append((done, Appended(state, seq, seq.to_bytes(32, "big"), events)))
        self.state, self.seq, self.heartbeat = state, self.seq + len(recorded), at
        for one, after in recorded:
            self._watch(one, after)
        if answered:
            for done, outcome in outcomes:
                done(outcome)  # type: ignore[arg-type]

    def fail(self) -> None:
        """The disk takes nothing: everything that waits is refused and nothing of it happened."""
        waiting, self._waiting = self._waiting, []
        for _, done in waiting:
            done(Refused("LOG_UNAVAILABLE"))

    def lose(self) -> None:
        """The process dies before the COMMIT: nobody will ever hear of what waited."""
        self._waiting.clear()

    def judge(self) -> None:
        """At the end: what is kept is what was committed."""

    def close(self) -> None:
        """The day is over."""

    def _record(self, job: Append, happened: Event, place: int) -> Recorded:
        seq = self.seq + place + 1
        return Recorded(seq, STREAM, seq, job.at, job.actor, kind_of(happened)[0], happened)
