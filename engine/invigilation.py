"""Who watches whom: the share of each invigilator, the standby, the hand-over; and the hand that a candidate raises.

Commands on the plain state, as in `engine.conduct`, and the door `Invigilation` to those that stand alone. For an
exam in a room of the institute: who is here, and at which station.

* A start gives the sitting to whoever of those present watches fewest, and names a standby. When everybody
  present watches as many as the policy allows, nobody starts (RATIO_EXCEEDED).
* When the proctor is lost the standby takes over: nothing pauses and nothing is asked of the candidate. This is the
  one change that goes over the ratio, because the other way is to stop people who did nothing.
* Handing over needs the other person's presence and room for one more.
* Whoever lets a sitting go on that nobody watched takes it into their charge.

>>> share({"grace": 2, "emmy": 1}, ("grace", "emmy"), ())
('emmy', 'grace')
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from engine import admission
from engine.acting import Acting
from engine.answers import is_unicode
from engine.charge import AttendanceNoted, ChargeAssigned, HandLowered, HandRaised, StationTaken
from engine.errors import NotFound, Refused
from engine.events import Event
from engine.exam import Exam, Exams
from engine.independence import may_proctor
from engine.policy import Policy
from engine.sitting import BEFORE, STARTED, Phase, Sitting, need
from engine.sources import Sources
from engine.store import rows
from engine.writer import Transaction, Writer

_TALKING = STARTED | {Phase.CHECK_IN, Phase.READY}


# -- the share ----------------------------------------------------------------------------------------


def loads(tx: Transaction, exam: str) -> Counter[str]:
    """How many started sittings of an exam are in whose charge."""
    found = rows(tx.connection, "sitting", exam=exam, practice=False, phase=[phase.value for phase in STARTED])
    return Counter(tx.state(f"sitting/{one['sitting']}").charge.proctor for one in found)


def watchers_of(tx: Transaction, exam: Exam, candidate: str) -> tuple[str, ...]:
    """Who on the rota may watch this candidate: nobody watches an own trainee."""
    return tuple(person for person in exam.proctors if _may(tx, person, candidate))


def share(watched: Mapping[str, int], present: Iterable[str], rota: Iterable[str]) -> tuple[str, str]:
    """``(proctor, standby)``: whoever present watches fewest, and the next; a standby who is not here yet is better
    than none. ("", "") when nobody is present."""
    here = sorted(dict.fromkeys(present), key=lambda person: watched.get(person, 0))
    away = [person for person in rota if person not in here]
    return (here[0], next(iter([*here[1:], *away]), "")) if here else ("", "")


def assign(
    state: Sitting, watched: Mapping[str, int], present: Collection[str], watchers: Sequence[str]
) -> ChargeAssigned:
    """The sitting starts in somebody's charge: one of ``watchers``, whom nothing stands against.

    Raises: PROCTOR_ABSENT, RATIO_EXCEEDED.
    """
    proctor, standby = share(watched, [person for person in watchers if person in present], watchers)
    if not proctor:
        raise Refused("PROCTOR_ABSENT", exam=state.exam)
    _room_for_one(watched, proctor, state.policy)
    return ChargeAssigned(proctor, standby, "start")


def start(
    tx: Transaction,
    state: Sitting,
    at: datetime,
    person: str,
    build: str,
    exam: Exam,
    present: Collection[str],
    watched: Mapping[str, int],
) -> Sequence[Event]:
    """RUNNING begins, in somebody's charge. ``watched``: how many each invigilator watches already (`loads`).

    Raises: PROCTOR_ABSENT, RATIO_EXCEEDED and whatever `admission.start` refuses.
    """
    here = person in present
    begun = admission.start(state, at, person, build, present=here)
    if not begun or not state.policy.attended:
        return begun
    assigned = assign(state, watched, present, watchers_of(tx, exam, state.candidate))
    return (assigned, *begun)


def hand_over(state: Sitting, to: str, watched: Mapping[str, int], present: Collection[str]) -> Sequence[Event]:
    """Another invigilator goes on with this sitting; the one before becomes the standby.

    Raises: PROCTOR_ABSENT, RATIO_EXCEEDED; NOT_NOW unless it has started.
    """
    need(state, STARTED)
    if to == state.charge.proctor:
        return ()
    if to not in present:
        raise Refused("PROCTOR_ABSENT", exam=state.exam, person=to)
    _room_for_one(watched, to, state.policy)
    return (ChargeAssigned(to, state.charge.proctor, "hand-over"),)


def take_over(state: Sitting, lost: str) -> Sequence[Event]:
    """The standby goes on for ``lost``, who is not there any more. Nothing pauses."""
    charge = state.charge
    if state.phase not in STARTED or charge.proctor != lost or not charge.standby:
        return ()
    return (ChargeAssigned(charge.standby, lost, "takeover"),)


def go_on_with(state: Sitting, person: str) -> Sequence[Event]:
    """``person`` lets a sitting go on whose invigilators were lost: it is theirs then."""
    return taken_by(state, person) if state.phase is Phase.PAUSED_PROCTOR else ()


def taken_by(state: Sitting, person: str) -> Sequence[Event]:
    charge = state.charge
    if person in {charge.proctor, charge.standby}:
        return ()
    return (ChargeAssigned(person, charge.proctor, "resumption"),)


def _may(tx: Transaction, person: str, candidate: str) -> bool:
    try:
        may_proctor(tx.connection, person, candidate)
    except Refused:
        return False
    return True


def _room_for_one(watched: Mapping[str, int], person: str, policy: Policy) -> None:
    if watched.get(person, 0) >= policy.ratio:
        raise Refused("RATIO_EXCEEDED", watching=watched.get(person, 0), ratio=policy.ratio)


# -- the hand -----------------------------------------------------------------------------------------


def raise_hand(state: Sitting) -> Sequence[Event]:
    """The candidate asks for somebody. Raises: PROCTOR_ABSENT in a practice, where nobody is; NOT_NOW."""
    need(state, _TALKING)
    if state.practice:
        raise Refused("PROCTOR_ABSENT", exam=state.exam)
    return () if state.charge.hand_at is not None else (HandRaised(),)


def lower_hand(state: Sitting) -> Sequence[Event]:
    return () if state.charge.hand_at is None else (HandLowered(),)


# -- a room of an institute -----------------------------------------------------------------------------


def note_attendance(state: Sitting, *, here: bool) -> Sequence[Event]:
    """An invigilator in the room saw whether the candidate is here. Raises: NOT_NOW unless the policy is in-room."""
    _in_room(state)
    known = state.charge.attendance
    return () if known is not None and known.here is here else (AttendanceNoted(here),)


def take_station(state: Sitting, station: str, reason: str, taken: Collection[str]) -> Sequence[Event]:
    """The candidate sits at ``station``; ``taken`` are those of the others. Moving after the start needs a reason.

    Raises: STATION_TAKEN; INPUT_INVALID; NOT_NOW unless the policy is in-room.
    """
    _in_room(state)
    station, reason = station.strip(), reason.strip()
    if not station or len(station) > 20 or len(reason) > 500 or not is_unicode(station + reason):
        raise Refused("INPUT_INVALID", field="station or reason")
    if station == state.charge.station:
        return ()
    if station in taken:
        raise Refused("STATION_TAKEN", station=station)
    if state.phase not in BEFORE and not reason:
        raise Refused("INPUT_INVALID", field="reason", why="a move after the start says why")
    return (StationTaken(station, reason),)


def _in_room(state: Sitting) -> None:
    if not state.policy.in_room:
        raise Refused("NOT_NOW", why="this exam is not held in a room of the institute")
    need(state, BEFORE | STARTED)


# -- the door -----------------------------------------------------------------------------------------


class Invigilation:
    """The door to who watches whom. ``present`` is always who is at a wall of the exam now."""

    def __init__(self, writer: Writer, sources: Sources, exams: Exams) -> None:
        self._exams = exams
        self._acting = Acting(writer, sources, exams)

    def hand_over(self, person: str, sitting: str, to: str, *, present: Collection[str]) -> Sitting:
        """``person``, on the rota, gives the sitting to ``to``, or takes it.

        Raises: `NotFound` for somebody who does not watch this exam; PROCTOR_ABSENT, RATIO_EXCEEDED, NOT_NOW …
        """
        exam = self._exams.exam(self._acting.sitting(sitting).exam)
        if to not in exam.proctors:
            raise NotFound("invigilator", to)

        def decide(tx: Transaction, state: Sitting) -> Sequence[Event]:
            may_proctor(tx.connection, to, state.candidate)
            return hand_over(state, to, loads(tx, exam.exam), present)

        return self._acting.invigilate_in(person, sitting, decide, on="watch")

    def raise_hand(self, person: str, sitting: str) -> Sitting:
        """The candidate's own."""
        self._acting.own(person, sitting)
        return self._acting.append(sitting, person, raise_hand)

    def lower_hand(self, person: str, sitting: str) -> Sitting:
        """By the candidate, or by an invigilator."""
        if self._acting.sitting(sitting).candidate == person:
            return self._acting.append(sitting, person, lower_hand)
        return self._acting.invigilate(person, sitting, lower_hand)

    def note_attendance(self, person: str, sitting: str, *, here: bool) -> Sitting:
        """By an invigilator of the exam, in its room."""
        return self._acting.invigilate(person, sitting, lambda state: note_attendance(state, here=here))

    def take_station(self, person: str, sitting: str, station: str, reason: str = "") -> Sitting:
        """One candidate to one station. Raises: STATION_TAKEN, INPUT_INVALID, NOT_NOW …"""

        def decide(tx: Transaction, state: Sitting) -> Sequence[Event]:
            others = rows(tx.connection, "sitting", exam=state.exam, practice=False)
            streams = (f"sitting/{one['sitting']}" for one in others if one["sitting"] != sitting)
            return take_station(state, station, reason, {tx.state(stream).charge.station for stream in streams})

        return self._acting.invigilate_in(person, sitting, decide)
