"""The server's side of the answer protocol, without I/O: what to do about each thing a window says.

A shell owns the sockets, the journal and the clock (`web.live` on the wire, `scripts.simulation` in memory). It
tells these objects what came and when, and carries out the *effects* they return, in order. Nothing here
waits, sends or reads a clock, so the same rules run under a socket, under a POST and under ten thousand seeds.

* `Windows` is what the server knows of all windows of one sitting beside its journal: whose Line is open, when
  anybody was last heard, and how much credit is left. `AnswerLine` is one greeted window.
* A window that has an outbox of the present epoch resumes it. One without is *another* window: refused
  (``SUPERSEDED``) while a live one answers, otherwise it takes over and every older one is fenced off.
* What comes faster than it may is delayed by credit, never dropped: rows and bytes by a `Wait`, greetings by
  a wait or a kind refusal after which the browser, which keeps its rows, comes back.
* A row is acknowledged when it is stored, never before. One that the journal cannot take now is tried again,
  and when that goes on the Line is closed with 1013.
* A superseded window may still deliver what it holds by POST. It is kept as stranded and never counts.

>>> from datetime import UTC, datetime
>>> nine = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
>>> line = AnswerLine("sit-1", writer=1, resent_upto=0, until=None, at=nine)
>>> line.failed(1, Busy("the journal", retry_after_ms=512), tried=1)
[Again(ms=512)]

Source: the sans-I/O manner of Python's websockets and h11 (protocol objects that return what to do).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from engine.answers import Acknowledgement, Outbox, OutboxRow, parse_row, responses_digest
from engine.errors import Busy, Refused
from engine.sitting import STARTED, Sitting
from engine.sources import between_ms

BYTES_A_ROW: Final = 3_334  # with ten rows a second 2 MB a minute
GREETINGS_PER_MINUTE: Final = 20
MOST_GREETING_WAIT_MS: Final = 8_000  # a browser gives a connection ten seconds
MOST_TRIES: Final = 5
RETRY_MS: Final = 1_000

CLOSE_MALFORMED: Final = 4400
CLOSE_NOT_SIGNED_IN: Final = 4401
CLOSE_REFUSED: Final = 4403
CLOSE_SUPERSEDED: Final = 4409
CLOSE_FLOODING: Final = 4429
CLOSE_TOO_LARGE: Final = 1009
CLOSE_RESTART: Final = 1012
CLOSE_LATER: Final = 1013  # RFC 6455's registry: try again later

#: How a Line ends that is refused for this reason; every other reason ends it with `CLOSE_REFUSED`.
CLOSE_CODES: Final = {
    "INPUT_INVALID": CLOSE_MALFORMED,
    "INPUT_TOO_LARGE": CLOSE_TOO_LARGE,
    "NOT_SIGNED_IN": CLOSE_NOT_SIGNED_IN,
    "WRONG_CREDENTIALS": CLOSE_NOT_SIGNED_IN,
    "TICKET_USED": CLOSE_NOT_SIGNED_IN,
    "SUPERSEDED": CLOSE_SUPERSEDED,
    "TOO_MANY_TRIES": CLOSE_FLOODING,
    "LOG_UNAVAILABLE": CLOSE_LATER,
    "BUSY": CLOSE_LATER,
}
#: Why a row that is kept does not count, by its standing.
_WHY_NOT: Final = {
    "after": "TIME_OVER",
    "locked": "ITEM_LOCKED",
    "stranded": "SUPERSEDED",
    "invalid": "RESPONSE_INVALID",
}
_MS: Final = timedelta(milliseconds=1)


# -- effects ------------------------------------------------------------------------------------------


class Send(NamedTuple):
    """Tell the window this."""

    message: dict[str, Any]


class Close(NamedTuple):
    """End the Line; nothing after this."""

    code: int


class Wait(NamedTuple):
    """Let this much time pass before the next effect, and read nothing from this window meanwhile."""

    ms: int


class Store(NamedTuple):
    """Put the row into the journal, then tell `AnswerLine.stored` or `AnswerLine.failed`."""

    row: OutboxRow
    offline: bool


class Again(NamedTuple):
    """Try the same row once more after this time."""

    ms: int


class KeepReused(NamedTuple):
    """A known number came with other content: keep that as well, and report it (`Delivery.keep_reused`)."""


class Say(NamedTuple):
    """Hand the candidate's note to the invigilator."""

    text: str


Effect = Send | Close | Wait | Store | Again | KeepReused | Say


class Resume(NamedTuple):
    """Go on with this outbox: it is of the present epoch."""

    writer: int


class OpenOutbox(NamedTuple):
    """The first window of this sitting: give it an outbox."""


class TakeOver(NamedTuple):
    """The older windows are gone: raise the epoch, then give this one an outbox."""


class Hello(NamedTuple):
    """A greeting. ``cut_off_upto``: rows up to it were sent, or written, and had not been acknowledged."""

    ticket: object
    writer: int
    cut_off_upto: int


# -- the windows of one sitting -----------------------------------------------------------------------


class Credit:
    """A bucket: so much flows in each millisecond, at most ``burst`` of it stays. What is taken may be owed."""

    __slots__ = ("_at", "_burst", "_level", "_per_ms")

    def __init__(self, per_ms: float, burst: float, at: datetime) -> None:
        self._per_ms = per_ms
        self._burst = burst
        self._level = burst
        self._at = at

    def take(self, count: float, at: datetime) -> int:
        """Take ``count``, which may be owed, and return the milliseconds to wait for it: 0 when it was there."""
        level = self._level + (at - self._at) / _MS * self._per_ms
        self._at = at
        self._level = level = (self._burst if level > self._burst else level) - count
        return 0 if level >= 0 else 1 + int(-level / self._per_ms)

    def give_back(self, count: float) -> None:
        self._level += count


class Limits(NamedTuple):
    """How fast one sitting may save before its rows are delayed: so many a second, so many at once. As many bytes
    as `BYTES_A_ROW` each go with them; what a minute brings of these may come at once."""

    rows_per_s: float = 10
    row_burst: int = 50

    @property
    def bytes_per_minute(self) -> int:
        return int(self.rows_per_s * 60 * BYTES_A_ROW)


LIMITS: Final = Limits()


class Windows:
    """What the server knows of the windows of one sitting, beside its journal."""

    __slots__ = ("_bytes", "_greetings", "_rows", "heard_at", "line", "plain_writer")

    def __init__(self, at: datetime, limits: Limits = LIMITS) -> None:
        self.line: AnswerLine | None = None
        #: When any window was last heard; None when not since the server started.
        self.heard_at: datetime | None = None
        #: The outbox that the server keeps for a page without scripts; 0 before there is one.
        self.plain_writer = 0
        self._rows = Credit(limits.rows_per_s / 1_000, limits.row_burst, at)
        self._bytes = Credit(limits.bytes_per_minute / 60_000, limits.bytes_per_minute, at)
        self._greetings = Credit(GREETINGS_PER_MINUTE / 60_000, GREETINGS_PER_MINUTE, at)

    def knock(self, at: datetime) -> int:
        """Somebody greets: milliseconds to let them wait first.

        Raises: TOO_MANY_TRIES when that were longer than a browser waits; the try does not count.
        """
        wait_ms = self._greetings.take(1, at)
        if wait_ms > MOST_GREETING_WAIT_MS:
            self._greetings.give_back(1)
            raise Refused("TOO_MANY_TRIES", retry_after_s=1 + wait_ms // 1_000)
        return wait_ms

    def greet(self, writer: int, state: Sitting, at: datetime) -> Resume | OpenOutbox | TakeOver:
        """Which outbox a window goes on with that says ``writer`` (0: it has none). One greeting at a time.

        Raises: SUPERSEDED for an outbox that another has overtaken, and for a new window beside a live one.
        """
        known = state.outboxes.get(writer)
        if known is not None and known.epoch == state.epoch:
            return Resume(writer)
        if known is not None or 0 < writer < state.last_writer:
            raise Refused("SUPERSEDED")
        return self.newcomer(state, at)

    def newcomer(self, state: Sitting, at: datetime) -> OpenOutbox | TakeOver:
        """How a window without an outbox gets one. Raises: SUPERSEDED while another's Line is alive."""
        if self.alive(state, at):
            raise Refused("SUPERSEDED", why="this exam is open in another window")
        return self.outbox(state)

    @staticmethod
    def outbox(state: Sitting) -> OpenOutbox | TakeOver:
        """The first window of a sitting opens an outbox; a later one takes over from those that are gone."""
        return TakeOver() if state.outboxes and state.phase in STARTED else OpenOutbox()

    def alive(self, state: Sitting, at: datetime) -> bool:
        """Whether the window that has the Line was heard within T1: sockets of lost networks stay open for long."""
        line = self.line
        return line is not None and between_ms(line.heard_at, at) <= state.policy.candidate_lost_ms

    def enter(self, line: AnswerLine) -> AnswerLine | None:
        """``line`` is the one that answers from now on. Returns the one it replaces, to be closed as superseded."""
        older, self.line = self.line, line
        self.heard_at = line.heard_at
        return older

    def leave(self, line: AnswerLine) -> bool:
        """``line`` is closed; whether it was the one that answers."""
        if self.line is not line:
            return False
        self.line = None
        return True

    def hear(self, line: AnswerLine, message: Mapping[str, Any], state: Sitting, at: datetime) -> list[Effect]:
        """One message of a greeted window: what to do about it, delayed where it came too fast."""
        line.heard_at = self.heard_at = at
        effects = line.received(message, state, at)
        wait_ms = self.pace(message, at)
        return [Wait(wait_ms), *effects] if wait_ms else effects

    def pace(self, message: Mapping[str, Any], at: datetime) -> int:
        """Take a message's credit; milliseconds to wait before it is looked at."""
        payload = message.get("payload")
        wait_ms = self._rows.take(1, at)
        if isinstance(payload, str):
            wait_ms = max(wait_ms, self._bytes.take(len(payload), at))
        return wait_ms

    # -- rows by POST -------------------------------------------------------------------------------------

    def cut_off(self, state: Sitting, began_at: datetime, at: datetime) -> bool:
        """Whether a POST that comes now ends a silence, so that its rows may have been written while cut off.

        ``began_at``: since when the server listens. A silence of half of T1 counts.
        """
        return between_ms(self.heard_at or began_at, at) > state.policy.candidate_lost_ms // 2


def may_deliver(writer: int, state: Sitting) -> bool:
    """Whether rows that outbox ``writer`` posts may count; False when they are kept as stranded.

    Raises: INPUT_INVALID for a number never given; SUPERSEDED for an outbox so old that it is forgotten.
    """
    box = state.outboxes.get(writer)
    if box is None:
        raise Refused("INPUT_INVALID" if writer > state.last_writer else "SUPERSEDED", writer=writer)
    return box.epoch == state.epoch


def acknowledge(
    row: OutboxRow, state: Sitting, standing: str | None, head: int, chain: str, at: datetime
) -> Acknowledgement:
    """What to tell about a row that is stored: ``state``, ``head`` and ``chain`` are the stream's after it.

    ``standing`` is what became of it, None when it was known already.
    """
    box = state.outboxes.get(row.writer, Outbox())
    if standing is None:
        refused = "SUPERSEDED" if box.epoch < state.epoch else None
    elif standing == "invalid" and (state.form is None or state.form.at(row.item) is None):
        refused = "ITEM_NOT_ON_FORM"
    else:
        refused = _WHY_NOT.get(standing)
    return Acknowledgement(row.writer, box.acked, head, chain, state.remaining_ms(at), refused)


def clocks(state: Sitting, at: datetime) -> dict[str, Any]:
    """What is left; on a paced form also of the section and the question, and which one it is (empty: between two)."""
    told: dict[str, Any] = {"remaining_ms": state.remaining_ms(at)}
    if state.course.paced:
        left = state.clocks(at)
        scopes = {"section_ms": left.section_ms, "item_ms": left.item_ms}
        told |= {name: ms for name, ms in scopes.items() if ms is not None}
        told["at"] = state.course.at or ""
    return told


# -- one window ---------------------------------------------------------------------------------------


class AnswerLine:
    """One window after its greeting. ``resent_upto``: rows up to it may have been written while cut off;
    ``until``: when its Login ends."""

    __slots__ = ("heard_at", "resent_upto", "sitting", "until", "writer")

    def __init__(self, sitting: str, writer: int, resent_upto: int, until: datetime | None, at: datetime) -> None:
        self.sitting = sitting
        self.writer = writer
        self.resent_upto = resent_upto
        self.until = until
        self.heard_at = at

    def welcome(self, state: Sitting, ticket: str, at: datetime) -> dict[str, Any]:
        """What is stored, what is left, and the ticket for the next greeting."""
        box = state.outboxes[self.writer]
        return {
            "t": "welcome",
            "writer": self.writer,
            "epoch": box.epoch,
            "acked": box.acked,
            **clocks(state, at),
            "phase": state.phase,
            "digest": responses_digest(state.given),
            "ticket": ticket,
            "answers": {position: given.responses for position, given in state.given.items()},
            "t1_ms": state.policy.candidate_lost_ms,
        }

    def received(self, message: Mapping[str, Any], state: Sitting, at: datetime) -> list[Effect]:
        """What to do about one message. What is wrong with a row concerns that row only."""
        kind = message.get("t")
        if kind == "row":
            try:
                row = parse_row(message, self.writer)
            except Refused as refused:
                return [Send(refusal(refused, _seq_of(message)))]
            return [Store(row, row.seq <= self.resent_upto)]
        if kind in ("beat", "ping"):
            if self.until is not None and at >= self.until:
                return self.signed_out()
            return [Send({"t": "clock", **clocks(state, at)})]
        if kind == "say" and isinstance(message.get("text"), str):
            return [Say(message["text"])]
        return ending(Refused("INPUT_INVALID", field="text" if kind == "say" else "t"))

    def stored(self, seq: int, told: Acknowledgement) -> list[Effect]:
        """The row is on the disk, or was before."""
        ack = Send({"t": "ack", **told_of(told)})
        return [ack, Send(refusal(Refused(told.refused), seq))] if told.refused else [ack]

    def failed(self, seq: int, error: Busy | Refused, tried: int) -> list[Effect]:
        """The row was not stored at the ``tried``-th try (the first is 1)."""
        if isinstance(error, Busy):
            return [Again(error.retry_after_ms)] if tried < MOST_TRIES else [Close(CLOSE_LATER)]
        told = Send(refusal(error, seq))
        if error.code == "LOG_UNAVAILABLE":
            again = Again(RETRY_MS) if tried < MOST_TRIES else Close(CLOSE_LATER)
            return [told, again] if tried == 1 else [again]
        if error.code == "SEQUENCE_REUSED":
            return [KeepReused(), told]
        return [told, Close(CLOSE_CODES.get(error.code, CLOSE_REFUSED))] if error.code in _FINAL else [told]

    def signed_out(self) -> list[Effect]:
        """Its Login has ended, here or elsewhere."""
        return ending(Refused("NOT_SIGNED_IN"))


#: Refusals of a row after which no row of this window can be taken.
_FINAL: Final = frozenset({"NOT_NOW", "SUPERSEDED"})


def parse_hello(message: Mapping[str, Any]) -> Hello:
    """Raises: INPUT_INVALID for anything that is no greeting."""
    if message.get("t") != "hello":
        raise Refused("INPUT_INVALID", expected="hello")
    last_sent, last_acked = number(message, "last_sent"), number(message, "last_acked")
    return Hello(message.get("ticket"), number(message, "writer"), last_sent if last_sent > last_acked else 0)


def number(message: Mapping[str, Any], name: str) -> int:
    """A counting number of the wire. Raises: INPUT_INVALID."""
    value = message.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1_000_000:
        raise Refused("INPUT_INVALID", field=name)
    return value


def told_of(told: Acknowledgement) -> dict[str, Any]:
    """An acknowledgement's figures, as the Line and the POST both tell them."""
    return {
        "writer": told.writer,
        "acked": told.acked,
        "head": told.head,
        "chain": told.chain,
        "remaining_ms": told.remaining_ms,
    }


def refusal(refused: Refused, seq: int | None = None) -> dict[str, Any]:
    """The wire's ``refused``; ``seq`` names the row it is about."""
    return {"t": "refused", "code": refused.code, "sentence": refused.sentence, "seq": seq}


def ending(refused: Refused) -> list[Effect]:
    """Say why, and close."""
    return [Send(refusal(refused)), Close(CLOSE_CODES.get(refused.code, CLOSE_REFUSED))]


def _seq_of(message: Mapping[str, Any]) -> int | None:
    seq = message.get("seq")
    return seq if isinstance(seq, int) else None
