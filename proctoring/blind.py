"""How often the watch misses something: a few sittings it noted nothing in are reviewed without anybody knowing.

* When an exam day is closed and all its sittings are sealed, each sitting without an incident has the same small
  chance to be drawn (the policy's, of a thousand). The seed stands in the journal with the draw, so that anybody can
  draw again from the same sittings and get the same ones.
* What is drawn is one moment: a picture by chance among those that were kept, and its neighbours. It becomes an
  incident like any other and goes the same way, with the same questions; who reviews it learns that it was drawn only
  after saying what the pictures show.
* A sitting of which no picture was kept cannot be looked at. It is counted, and never as "nothing was missed".
* A miss is what two people confirmed. The figure is for a body, never for a person: reviewers are not compared.

>>> drawn(7, {"sit-a": ("1-1-x", "2-2-x"), "sit-b": ("1-1-x",)}, 1_000)
{'sit-a': ('1-1-x', '2-2-x'), 'sit-b': ('1-1-x',)}
>>> drawn(7, {"sit-a": ("1-1-x",)}, 0)
{}

Sources: Wilson, E. B. (1927), Probable inference, JASA 22; issue of false negatives: ISO/IEC 17024:2012 clause 7.4.3 f.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.events import SYSTEM, IncidentEnded, IncidentReported, event
from engine.exam import Exam, ExamPhase
from engine.sitting import BEFORE, Phase, Sitting
from engine.sources import Sources, chance, from_epoch_ms
from engine.store import Database, Ledger, rows
from engine.writer import Act, Transaction, Writer
from proctoring.error_sheet import wilson
from proctoring.evidence import Evidence
from proctoring.notice import Delivering

KIND: Final = "drawn_by_chance"
TEXT: Final = "A moment drawn by chance: the watch noted nothing in this sitting"
#: As many pictures as a clip around an incident has, so that one is not told from the other by its length.
PICTURES: Final = 16


@event()
class BlindDrawn:
    """The draw of an exam day. ``unflagged`` sittings had no incident; ``unseen`` of them have no picture to look at.
    ``drawn`` were chosen from the rest by ``seed``."""

    seed: int
    permille: int
    unflagged: int
    unseen: int
    drawn: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Misses:
    """What blind reviews came to: ``misses`` of ``reviewed``, with the interval that holds the true share in 95 of 100
    such draws. ``waiting`` moments are not answered yet; of ``unseen`` sittings no picture was kept."""

    unflagged: int
    unseen: int
    drawn: int
    waiting: int
    reviewed: int
    misses: int
    share: float | None
    low: float
    high: float


class Blind:
    """The draws of all days. May be called from any thread but the writer's own."""

    def __init__(
        self, delivery: Delivering, database: Database, writer: Writer, sources: Sources, evidence: Evidence
    ) -> None:
        self._delivery = delivery
        self._database = database
        self._writer = writer
        self._sources = sources
        self._evidence = evidence
        self._done: set[str] = set()

    def draw_closed(self) -> None:
        """Draw for every day that is closed and complete and had no draw yet."""
        with self._database.reading() as connection:
            closed = [each["exam"] for each in rows(connection, "exam", phase=ExamPhase.CLOSED.value)]
        for exam in closed:
            if exam not in self._done and self.draw(exam):
                self._done.add(exam)

    def draw(self, exam: str) -> bool:
        """Draw for one day. False while a sitting of it is not sealed; nothing happens a second time."""
        with self._database.reading() as connection:
            found = rows(connection, "sitting", exam=exam, practice=False, order="sitting")
            if _draw_of(connection, exam) is not None:
                return True
        phases = [Phase(each["phase"]) for each in found]
        if any(phase not in BEFORE | {Phase.SEALED} for phase in phases):
            return False
        states = [self._delivery.sitting(each["sitting"]) for each in found]
        kept = {state.sitting: self._pictures(state) for state in states if _unflagged(state)}
        seed = int.from_bytes(self._sources.secret(6))
        at = self._sources.now()

        def record(tx: Transaction) -> None:
            day: Exam = tx.state(f"exam/{exam}")
            moments = drawn(seed, {one: names for one, names in kept.items() if names}, day.policy.blind_permille)
            unseen = sum(not names for names in kept.values())
            told = BlindDrawn(seed, day.policy.blind_permille, len(kept), unseen, tuple(moments))
            tx.append(f"exam/{exam}", SYSTEM, at, told)
            for sitting, names in moments.items():
                incident = self._sources.new_id("inc")
                begun, ended = (from_epoch_ms(int(name.partition("-")[0])) for name in (names[0], names[-1]))
                reported = IncidentReported(incident, KIND, "low", begun, TEXT, names, "{}", False)
                tx.append(f"sitting/{sitting}", SYSTEM, at, reported, IncidentEnded(incident, ended))

        self._writer.run(Act(record))
        return True

    def _pictures(self, state: Sitting) -> tuple[str, ...]:
        begun, ended = state.opens_at, state.ended_at
        return self._evidence.names(state.sitting, begun, ended) if begun and ended else ()


def drawn(seed: int, kept: Mapping[str, tuple[str, ...]], permille: int) -> dict[str, tuple[str, ...]]:
    """Which sittings are drawn, each with the pictures of its moment. ``kept``: the names of each one's pictures."""
    dice = chance(seed)
    found = {}
    for sitting in sorted(kept):
        lot, names = dice.randrange(1_000), kept[sitting]
        first = max(0, dice.randrange(len(names)) - PICTURES // 2)
        if lot < permille:
            found[sitting] = names[first : first + PICTURES]
    return found


def misses(database: Database, delivery: Delivering) -> Misses:
    """The figure over all days that were drawn."""
    with database.reading() as connection:
        draws = list(_draws(connection))
    moments = [
        incident
        for draw in draws
        for sitting in draw.drawn
        for incident in delivery.sitting(sitting).incidents.values()
        if incident.kind == KIND
    ]
    verdicts = [one.verdict for one in moments if one.verdict is not None]
    found = sum(verdict == "confirmed" for verdict in verdicts)
    share = wilson(found, len(verdicts))
    return Misses(
        unflagged=sum(draw.unflagged for draw in draws),
        unseen=sum(draw.unseen for draw in draws),
        drawn=len(moments),
        waiting=len(moments) - len(verdicts),
        reviewed=len(verdicts),
        misses=found,
        share=share.share,
        low=share.low,
        high=share.high,
    )


def _unflagged(state: Sitting) -> bool:
    sat = state.phase is Phase.SEALED and not state.practice
    return sat and all(incident.hint for incident in state.incidents.values())


def _draws(connection: Any) -> Iterator[BlindDrawn]:
    for found in rows(connection, "exam", phase=ExamPhase.CLOSED.value, order="exam"):
        draw = _draw_of(connection, found["exam"])
        if draw is not None:
            yield draw


def _draw_of(connection: Any, exam: str) -> BlindDrawn | None:
    events = (one.event for one in Ledger(connection).history(f"exam/{exam}"))
    return next((each for each in events if isinstance(each, BlindDrawn)), None)
