"""A candidate's window as the browser is one, in Python and without I/O: the outbox and the answer Line.

It is `web/static/js/models/outbox.js` and `line.js` over again, method by method, for everything that plays
candidates: the simulation, the drills, the rehearsal. tests/vectors/conversations.json holds the two to each other,
so neither can drift alone.

* `Outbox` numbers rows, keeps them until the server has them, and hashes them as the wire wants.
* `Line` is told what happened and when (``now``, in milliseconds of any clock that only runs forward) and returns
  effects: dictionaries with ``do``. Whoever drives it carries them out, in order, and says what came of it.
* `Window` is both, for a driver that keeps rows in memory: it books welcomes and acknowledgements by itself.

>>> window = Window(ticket="t-1", chance=lambda: 0.5)
>>> _ = window.outbox.add("q01", "answer", '{"RESPONSE":["a"]}', client_ms=0)
>>> [effect["do"] for effect in window.line.start(0)]
['state', 'connect']
>>> window.line.opened(0)[0]["message"]["last_sent"]
1
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from engine.answer_line import CLOSE_FLOODING, CLOSE_NOT_SIGNED_IN, CLOSE_REFUSED, CLOSE_SUPERSEDED
from engine.answers import row_text

BEAT_MS: Final = 5_000
SILENCE_MS: Final = 15_000
OPENING_MS: Final = 10_000
STALLED_MS: Final = 15_000
WINDOW_ROWS: Final = 64
FIRST_WAIT_MS: Final = 500
LONGEST_WAIT_MS: Final = 8_000
FLOODED_WAIT_MS: Final = 5_000
FAILURES_BEFORE_POST: Final = 2
TICKETS_BEFORE_GIVING_UP: Final = 3
POSTS_OF_STRANDED: Final = 5
NEVER: Final = float("inf")

Effect = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One act of the candidate as the outbox keeps it. ``payload`` is the exact text that is sent and hashed."""

    seq: int
    item: str
    kind: str
    payload: str
    client_ms: int


class Outbox:
    """The candidate's own record of what was answered, kept until the server says it has it."""

    def __init__(self) -> None:
        self.writer = 0
        self.acked = 0
        self.last_seq = 0
        #: True when the server greeted us with less than it had acknowledged: a broken promise.
        self.regressed = False
        self._rows: list[Row] = []

    @property
    def pending(self) -> int:
        return len(self._rows)

    def add(self, item: str, kind: str, payload: str, client_ms: int) -> Row:
        self.last_seq += 1
        row = Row(self.last_seq, item, kind, payload, client_ms)
        self._rows.append(row)
        return row

    def welcome(self, writer: int, acked: int, said: int = 0) -> None:
        """Take the greeting. Under another writer number than ours the rest is numbered from ``acked`` on, anew."""
        if writer == self.writer:
            self.regressed = acked < said
            self.acknowledge(acked)
            return
        self._rows = [replace(row, seq=acked + place) for place, row in enumerate(self._rows, 1)]
        self.writer, self.acked, self.last_seq = writer, acked, acked + len(self._rows)

    def acknowledge(self, upto: int) -> None:
        """The server has every row with a number up to this one. An older word changes nothing."""
        if upto <= self.acked:
            return
        self.acked = upto
        self._rows = [row for row in self._rows if row.seq > upto]
        self.last_seq = max(self.last_seq, upto)

    def after(self, seq: int, limit: int) -> list[Row]:
        """Rows after ``seq``, oldest first, at most ``limit``."""
        return [row for row in self._rows if row.seq > seq][:limit]

    def message(self, row: Row) -> dict[str, Any]:
        """The row as it goes over the wire. Requires: a writer number."""
        assert self.writer, "no writer number yet: wait for the welcome"
        text = row_text(self.writer, row.seq, row.item, row.kind, row.client_ms, row.payload)
        return {
            "t": "row",
            "seq": row.seq,
            "item": row.item,
            "kind": row.kind,
            "payload": row.payload,
            "client_ms": row.client_ms,
            "sha256": hashlib.sha256(text).hexdigest(),
        }

    def abandon(self) -> None:
        """Start a new book: another window has taken over, and what this one holds is not to lie on top of it."""
        self.__init__()  # type: ignore[misc]


class Line:
    """When to connect, what to say, when to wait, and what to believe. ``chance`` is in [0, 1)."""

    def __init__(
        self,
        ticket: str | None,
        outbox: Outbox,
        chance: Callable[[], float],
        wall: Callable[[], float] = lambda: 0,
        t1_ms: float = 20_000,
    ) -> None:
        self.state = "connecting"
        self.hidden = False
        self._ticket = ticket
        self._outbox = outbox
        self._chance = chance
        self._wall = wall
        self._t1_ms = t1_ms
        self._socket = "none"  # opening, greeting, up, over (never again from this window)
        self._booked = False
        self._sent_upto = 0
        self._acked_upto = 0
        self._moved_at = 0.0  # when rows last went out into silence, or an acknowledgement moved on
        self._failures = 0
        self._ticket_tries = 0
        self._fetching_ticket = False
        self._retry_at = NEVER
        self._since = 0.0
        self._heard_at = 0.0
        self._beat_at = NEVER
        self._posting = False
        self._post_at = NEVER
        self._stranded_posts = 0

    # -- what happened --------------------------------------------------------------------------------

    def start(self, now: float) -> list[Effect]:
        self._heard_at = now
        return [{"do": "state", "state": self.state}, *self._connect(now)]

    def opened(self, now: float) -> list[Effect]:
        if self._socket != "opening" or self._ticket is None:
            return []
        ticket, self._ticket = self._ticket, None
        self._socket, self._since = "greeting", now
        box = self._outbox
        self._acked_upto = box.acked
        hello = {"t": "hello", "ticket": ticket, "writer": box.writer, "last_sent": box.last_seq}
        return [{"do": "send", "message": {**hello, "last_acked": box.acked}}]

    def received(self, message: dict[str, Any], now: float) -> list[Effect]:
        if self._socket not in ("greeting", "up"):
            return []
        shown = self._heard(now)
        kind = message["t"]
        if kind == "ack":
            return [*shown, *self._acked(message["acked"], now), _clock(message)]
        if kind == "welcome":
            return [*shown, *self._welcomed(message, now)]
        if kind == "phase":
            return [*shown, _clock(message), {"do": "phase", "phase": message["phase"], "reason": message["reason"]}]
        if kind == "clock":
            return [*shown, _clock(message)]
        if kind == "message":
            return [*shown, {"do": "message", "from": message["from"], "text": message["text"], "at": message["at"]}]
        if kind == "refused":
            told = {"do": "refused", **{name: message[name] for name in ("code", "sentence", "seq")}}
            if message["code"] == "SUPERSEDED":
                return [told, {"do": "hang-up"}, *self._superseded(now)]
            return [*shown, told]
        return shown

    def booked(self, now: float) -> list[Effect]:
        """The outbox has taken the welcome, or an acknowledgement, in."""
        if self._socket == "up" and not self._booked:
            self._booked = True
            self._sent_upto = self._outbox.acked
        return self.rows_added(now)

    def rows_added(self, now: float) -> list[Effect]:
        if self._socket == "up":
            return self._pump(now)
        if self._post_at != NEVER and self._outbox.pending > 0:
            return self._post(now)
        return []

    def closed(self, code: int, now: float) -> list[Effect]:
        if self._socket == "over":
            return []
        was_up = self._socket == "up"
        self._drop_socket()
        if code == CLOSE_SUPERSEDED:
            return self._superseded(now)
        if code == CLOSE_REFUSED:
            return self._end("ended")
        if code == CLOSE_NOT_SIGNED_IN:
            self._ticket = None
            return [*self._become("down"), *self._connect(now)]
        self._failures = 1 if was_up else self._failures + 1
        self._consider_posting(now)
        self._wait_to_retry(now, FLOODED_WAIT_MS if code == CLOSE_FLOODING else 0)
        return [] if self.state == "posting" else self._become("down")

    def tick(self, now: float) -> list[Effect]:
        """A second or so has passed."""
        effects: list[Effect] = []
        if self._socket == "up":
            effects += self._beat(now)
        if self._too_quiet(now):
            effects += [{"do": "hang-up"}, *self.closed(1006, now)]
        if now >= self._retry_at:
            effects += self._connect(now)
        if now >= self._post_at:
            effects += self._post(now)
        if not self.hidden and self._socket != "over" and now - self._heard_at >= self._t1_ms:
            self.hidden = True
            effects.append({"do": "hide"})
        return effects

    def network_back(self, now: float) -> list[Effect]:
        if self._retry_at != NEVER:
            self._retry_at = now + self._chance() * FIRST_WAIT_MS
        return self.tick(now)

    def ticket_came(self, ticket: str, now: float) -> list[Effect]:
        self._fetching_ticket = False
        self._ticket = ticket
        return self._connect(now) if self._socket == "none" else []

    def ticket_failed(self, status: int, now: float) -> list[Effect]:
        """``status`` is HTTP's, 0 when the server could not be reached."""
        self._fetching_ticket = False
        if status == 401:
            return self._end("signed-out")
        if status in (403, 404, 409):
            return self._end("ended")
        self._failures += 1
        self._consider_posting(now)
        self._wait_to_retry(now, 0)
        return [] if self.state == "posting" else self._become("down")

    def posted(self, result: dict[str, Any], now: float) -> list[Effect]:
        """A POST of rows was answered with 200."""
        self._posting = False
        if self._socket == "over":
            return []
        self._post_at = NEVER if self._socket == "up" else now + self._beat_every_ms
        effects = [*self._heard(now), *self._acked(result["acked"], now), _clock(result)]
        if result.get("phase"):
            effects.append({"do": "phase", "phase": result["phase"], "reason": None})
        if self._socket != "up":
            effects += self._become("posting")
        return effects

    def post_failed(self, status: int, code: str, now: float, acked: int = 0) -> list[Effect]:
        """``code`` is the refusal's, or empty; a superseded window is told with ``acked`` how far it is kept."""
        self._posting = False
        if self._socket == "up" or (self._socket == "over" and self.state != "superseded"):
            return []
        if status == 401:
            return self._end("signed-out")
        if code == "SUPERSEDED":
            if acked > self._acked_upto:
                self._stranded_posts = 0
            return [*(self._acked(acked, now) if acked > 0 else []), *self._superseded(now)]
        self._post_at = now + self._beat_every_ms
        return [] if self._socket == "over" else self._become("down")

    # -- private --------------------------------------------------------------------------------------

    def _connect(self, now: float) -> list[Effect]:
        self._retry_at = NEVER
        if self._ticket is None:
            if self._fetching_ticket:
                return []
            if self._ticket_tries >= TICKETS_BEFORE_GIVING_UP:
                self._ticket_tries = 0
                self._wait_to_retry(now, LONGEST_WAIT_MS)
                return []
            self._ticket_tries += 1
            self._fetching_ticket = True
            return [{"do": "fetch-ticket"}]
        self._socket, self._since = "opening", now
        return [{"do": "connect"}]

    def _welcomed(self, message: dict[str, Any], now: float) -> list[Effect]:
        self._socket, self._booked = "up", False
        self._failures = self._ticket_tries = 0
        self._ticket = message["ticket"]
        self._t1_ms = message["t1_ms"]
        self._acked_upto = message["acked"]
        self._beat_at = now + self._beat_every_ms
        self._post_at = NEVER
        phase = {"do": "phase", "phase": message["phase"], "reason": None}
        return [{"do": "welcome", "welcome": message}, _clock(message), phase, *self._become("up")]

    def _acked(self, upto: int, now: float) -> list[Effect]:
        if upto > self._acked_upto:
            self._moved_at = now
        self._acked_upto = max(self._acked_upto, upto)
        return [{"do": "acked", "upto": upto}]

    def _pump(self, now: float) -> list[Effect]:
        """Rows not yet sent on this socket, as many as the window allows."""
        if not self._booked:
            return []
        room = WINDOW_ROWS - max(0, self._sent_upto - self._acked_upto)
        rows = self._outbox.after(self._sent_upto, room) if room > 0 else []
        if not rows:
            return []
        if self._sent_upto <= self._acked_upto:
            self._moved_at = now
        self._sent_upto = rows[-1].seq
        return [{"do": "send-rows", "rows": rows}]

    def _post(self, now: float) -> list[Effect]:
        if self._posting or self._socket == "up":
            return []
        box = self._outbox
        rows = [] if box.writer == 0 else box.after(box.acked, WINDOW_ROWS)
        if self._socket == "over":
            self._stranded_posts += 1
            if not rows or self._stranded_posts > POSTS_OF_STRANDED:
                self._post_at = NEVER
                return []
        self._posting = True
        self._post_at = now + self._beat_every_ms
        return [{"do": "post", "rows": rows}]

    def _beat(self, now: float) -> list[Effect]:
        if now < self._beat_at:
            return []
        self._beat_at = now + self._beat_every_ms
        return [{"do": "send", "message": {"t": "beat", "client_ms": int(self._wall())}}]

    @property
    def _beat_every_ms(self) -> float:
        return min(BEAT_MS, self._t1_ms / 4)

    def _too_quiet(self, now: float) -> bool:
        if self._socket == "up":
            stalled = self._sent_upto > self._acked_upto and now - self._moved_at >= STALLED_MS
            return stalled or now - self._heard_at >= SILENCE_MS
        return self._socket in ("opening", "greeting") and now - self._since >= OPENING_MS

    def _heard(self, now: float) -> list[Effect]:
        self._heard_at = now
        if not self.hidden:
            return []
        self.hidden = False
        return [{"do": "show"}]

    def _drop_socket(self) -> None:
        self._socket, self._booked, self._beat_at = "none", False, NEVER

    def _consider_posting(self, now: float) -> None:
        if self._failures >= FAILURES_BEFORE_POST and self._post_at == NEVER:
            self._post_at = now

    def _wait_to_retry(self, now: float, at_least_ms: float) -> None:
        """Full jitter below a doubling bound, so that a room does not knock in the same second after an outage."""
        bound = min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** max(0, self._failures - 1))
        self._retry_at = now + at_least_ms + self._chance() * bound

    def _become(self, state: str) -> list[Effect]:
        if state == self.state:
            return []
        self.state = state
        return [{"do": "state", "state": state}]

    def _superseded(self, now: float) -> list[Effect]:
        """Another window has taken over: the next tick delivers what is left here."""
        told = self._end("superseded")
        self._post_at = now
        return told

    def _end(self, state: str) -> list[Effect]:
        self._drop_socket()
        self._socket = "over"
        self._retry_at = self._post_at = NEVER
        return self._become(state)


class Window:
    """An outbox and its Line, as one page has them, with rows in memory.

    `heard`, `posted` and `post_failed` do what the browser's shell does beside them: the outbox takes welcomes and
    acknowledgements in at once, and the Line is told so.
    """

    def __init__(self, ticket: str | None, chance: Callable[[], float], outbox: Outbox | None = None) -> None:
        self.outbox = outbox or Outbox()
        self.line = Line(ticket, self.outbox, chance)
        self._said = 0

    def opened(self, now: float) -> list[Effect]:
        effects = self.line.opened(now)
        if effects:
            self._said = effects[0]["message"]["last_acked"]
        return effects

    def heard(self, message: dict[str, Any], now: float) -> list[Effect]:
        """A message came over the socket."""
        return self._booked(self.line.received(message, now), now)

    def posted(self, result: dict[str, Any], now: float) -> list[Effect]:
        if self.outbox.writer == 0 and result.get("writer"):
            self.outbox.welcome(result["writer"], result["acked"])
        return self._booked(self.line.posted(result, now), now)

    def post_failed(self, status: int, code: str, now: float, acked: int = 0) -> list[Effect]:
        return self._booked(self.line.post_failed(status, code, now, acked), now)

    def _booked(self, effects: list[Effect], now: float) -> list[Effect]:
        more: list[Effect] = []
        for effect in effects:
            if effect["do"] == "welcome":
                self.outbox.welcome(effect["welcome"]["writer"], effect["welcome"]["acked"], self._said)
                more += self.line.booked(now)
            elif effect["do"] == "acked":
                self.outbox.acknowledge(effect["upto"])
                more += self.line.booked(now)
        return [*effects, *more]


def _clock(message: dict[str, Any]) -> Effect:
    return {"do": "clock", "remaining_ms": message["remaining_ms"]}
