"""The loop: one sitting, two devices, one server, and whatever a seed does to them.

For a while the candidate works and the faults of the seed strike; then everything is mended, and what a live window
still holds has to arrive. `simulate` runs one seed and returns what happened, or raises what must never happen.

>>> day = simulate(1)
>>> day.events >= 200 and len(day.kinds) >= 4
True
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from engine import admission, conduct
from engine.events import Event, FormAssigned, Recorded, RowReceived, SittingCreated, kind_of
from engine.form import Form, FormItem, ItemRef, Section
from engine.policy import Policy
from engine.sitting import INTERRUPTED, Phase, Sitting, evolve
from engine.sources import ManualClock, chance, epoch_ms, later
from engine.writer import Append
from scripts.simulation.device import Device
from scripts.simulation.journal import STREAM, Journal
from scripts.simulation.reference import Reference, Violation
from scripts.simulation.server import Server

NINE: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
T1_MS: Final = 8_192
TROUBLE_MS: Final = 20_480
MENDED_MS: Final = 49_152
LONG_MS: Final = 2**20
SHORT_MS: Final = 2**14
LEAST_EVENTS: Final = 200
LEAST_KINDS: Final = 4
TWO_HOURS_MS: Final = 7_200_000


class Day:
    """See the module. ``journal`` and ``server`` may be others that are meant to be found out."""

    def __init__(
        self,
        seed: int,
        trace: Callable[[str], None] | None = None,
        *,
        journal: type[Journal] = Journal,
        server: type[Server] = Server,
    ) -> None:
        self.seed = seed
        self.trace = trace
        self.chance = chance(seed)
        self.clock = ManualClock(NINE)
        self.began_epoch_ms = epoch_ms(NINE)
        self.now_ms = 0
        self.events = 0
        self.kinds: Counter[str] = Counter()
        more = self.chance.sample(FAULTS, 2 + int(self.chance.random() * 5))
        chosen = {*self.chance.sample(SURE, LEAST_KINDS), *more}
        limit_ms = SHORT_MS if "expiry" in chosen or "submit-at-expiry" in chosen else LONG_MS
        opening, state = started(limit_ms)
        self.reference = Reference(limit_ms, NINE, {})
        self.stored = self.reference.stored
        self.journal = journal(opening, state, NINE, self._recorded)
        self._queue: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._server_type = server
        self._boot = 1
        self._asked = 0
        self._tokens: Counter[str] = Counter()
        self._slow_until_ms = self._slow_disk_until_ms = self._full_until_ms = 0
        self._commit_due = False
        self._crash = ""
        self._died_ms = self.longest_outage_ms = 0
        self._mended = False
        self._phase = state.phase
        self.server = server(self, 1)
        self.ada, self.other = Device(self, "ada"), Device(self, "other")
        for kind in sorted(chosen):
            for _ in range(1 + int(self.chance.random() * 2)):
                self.at_ms(1_000 + int(self.chance.random() * (TROUBLE_MS - 3_000)), self._strike, kind)

    # -- the loop -------------------------------------------------------------------------------------

    def run(self) -> Day:
        """The whole day. Raises: `Violation`."""
        try:
            self._live()
            self._judge()
        finally:
            self.journal.close()
        return self

    @property
    def at(self) -> datetime:
        return self.clock.now()

    def after(self, ms: int, act: Callable[..., None], *given: Any) -> None:
        self.at_ms(self.now_ms + ms, act, *given)

    def at_ms(self, ms: int, act: Callable[..., None], *given: Any) -> None:
        self._asked += 1
        heapq.heappush(self._queue, (ms, self._asked, act, given))

    def submit(self, job: Append, done: Callable[[Any], None]) -> None:
        """A job for the journal; a batch is what came until the disk is ready."""
        if self.server.dead:
            return
        self.journal.submit(job, done)
        if not self._commit_due:
            self._commit_due = True
            slow_ms = 2_000 if self.now_ms < self._slow_disk_until_ms else 4
            self.after(1 + int(self.chance.random() * slow_ms), self._commit)

    def handing_in(self, writer: int, last_seq: int) -> None:
        self.reference.handing_in = (writer, last_seq)

    def latency_ms(self) -> int:
        slow_ms = int(self.chance.random() * 3_000) if self.now_ms < self._slow_until_ms else 0
        return 8 + int(self.chance.random() * 56) + slow_ms

    def hit(self, kind: str) -> None:
        """A fault of that kind has struck."""
        self.kinds[kind] += 1

    @property
    def acked(self) -> int:
        """Rows that a window was told are safe."""
        return sum(self.reference.acknowledged.values())

    def spend(self, kind: str) -> bool:
        """Whether this message is the one that a fault waits for."""
        if not self._tokens[kind] or self.chance.random() < 0.5:
            return False
        self._tokens[kind] -= 1
        self.hit(kind)
        return True

    def say(self, what: str) -> None:
        if self.trace is not None:
            self.trace(f"{self.now_ms / 1000:9.3f} s  {what}")

    # -- what goes on ---------------------------------------------------------------------------------

    def _live(self) -> None:
        self.after(0, self.ada.open_page)
        self.after(0, self._tick)
        self.after(500, self._work)
        self.at_ms(TROUBLE_MS, self._mend)
        queue, end_ms = self._queue, TROUBLE_MS + MENDED_MS
        while queue and queue[0][0] <= end_ms:
            at_ms, _, act, given = heapq.heappop(queue)
            if at_ms > self.now_ms:
                self.clock.advance(at_ms - self.now_ms)
                self.now_ms = at_ms
            self.events += 1
            act(*given)

    def _tick(self) -> None:
        if self._settled():
            self._queue.clear()
            return
        self.after(1_024, self._tick)
        for device in (self.ada, self.other):
            device.tick()
        if not self.server.ready:
            return
        if not self.ada.alive and not self.other.alive and self.chance.random() < 0.1:
            for device in (self.ada, self.other):
                if device.window.line.state == "superseded":  # nobody answers: a person presses the button
                    device.take_over()
                    break
        state = self.journal.state
        self.reference.time(state, self.at)
        self.server.tick()
        if state.phase is Phase.DISCONNECTED and self.server.windows.alive(state, self.at):
            self.server.act(lambda now: conduct.resume(now, "back", present=True))

    def _settled(self) -> bool:
        """All is mended, everybody knows, and nothing is on its way any more: the rest of the day would be silence."""
        if not self._mended or not self.server.ready or self.journal.waiting or self.now_ms < TROUBLE_MS + 2 * T1_MS:
            return False
        opened = [device for device in (self.ada, self.other) if device.acts]
        ended = self.journal.state.phase in (Phase.SEALED, Phase.RUNNING)
        return ended and any(device.alive for device in opened) and all(device.at_rest for device in opened)

    def _work(self) -> None:
        if self._mended:
            return
        self.after(64 + int(self.chance.random() * 640), self._work)
        self.ada.write()
        if self.other.acts and self.chance.random() < 0.5:
            self.other.write()

    def _commit(self) -> None:
        self._commit_due = False
        if self.server.dead:
            return
        if self._crash == "crash-before-commit":
            self.journal.lose()
            self._die()
        elif self._crash == "crash-after-commit":
            self.journal.commit(self.at, answered=False)
            self._die()
        elif self.now_ms < self._full_until_ms:
            self.journal.fail()
        else:
            self.journal.commit(self.at)
            if self.journal.state.phase is not self._phase:
                self._phase = self.journal.state.phase
                self.server.told(self.journal.state)

    def _die(self) -> None:
        self.hit(self._crash)
        self.say(f"the server dies: {self._crash}")
        self._crash = ""
        self.server.dead, self.server.ready = True, False
        self._died_ms = self.now_ms
        for device in (self.ada, self.other):
            if device.connection is not None:
                device.connection.cut(told=self.chance.random() < 0.7)
        self.after(256 + int(self.chance.random() * 4_096), self._restart)

    def _restart(self) -> None:
        self._boot += 1
        self.say("the server starts")
        self.server = server = self._server_type(self, self._boot)
        self._commit_due = False
        owed_ms, at = self.journal.state.remaining_ms(self.journal.heartbeat), self.at

        def started(well: bool) -> None:
            if not well:  # the disk took nothing: it gives up, and is started once more
                server.dead = True
                self.after(512, self._restart)
                return
            server.ready = True
            self.longest_outage_ms = max(self.longest_outage_ms, self.now_ms - self._died_ms)
            self.reference.resumed(owed_ms, self.journal.state, at)

        server.start(started)

    def _recorded(self, one: Recorded, state: Sitting) -> None:
        if self.trace is not None:
            row = one.event
            told = f" {row.writer}/{row.seq} {row.standing}" if isinstance(row, RowReceived) else ""
            self.say(f"    stored {one.kind}{told}")
        self.reference.recorded(one, state)

    def _mend(self) -> None:
        """From now on everything works, and nobody writes any more."""
        self.say("everything is mended")
        self._mended = True
        self._tokens.clear()
        self._crash = ""
        self._slow_until_ms = self._slow_disk_until_ms = self._full_until_ms = 0
        for device in (self.ada, self.other):
            device.blocked, device.away_until_ms = False, 0
            if device.acts:
                device.perform(device.window.line.network_back(self.now_ms))

    def _judge(self) -> None:
        """At the end of the day: the books, and that every live window's rows have arrived."""
        self.reference.end(self.journal.state)
        self.journal.judge()
        living = [device for device in (self.ada, self.other) if device.alive]
        if not living and self.journal.state.phase is not Phase.SEALED:  # which opens no more outboxes
            raise Violation(f"nobody is connected: {self.ada.window.line.state}, {self.other.window.line.state}")
        for device in living:
            if device.outbox.pending or device.outbox.regressed:
                raise Violation(f"{device.name} still holds {device.outbox.pending} rows although all is well")
        if self.events < LEAST_EVENTS or len(self.kinds) < LEAST_KINDS:
            raise Violation(f"a day without trouble: {self.events} events, {sorted(self.kinds)}")

    # -- faults ---------------------------------------------------------------------------------------

    def _strike(self, kind: str) -> None:
        self.say(f"fault: {kind}")
        device = self.other if self.other.acts and self.chance.random() < 0.4 else self.ada
        wait_ms = 1_024 + int(self.chance.random() * 4_096)
        if kind in ("drop", "duplicate", "reorder"):
            self._tokens[kind] += 1 + int(self.chance.random() * 3)
            return
        if kind in ("crash-before-commit", "crash-after-commit"):
            self._crash = kind
            return
        if _STRIKES[kind](self, device, wait_ms):
            self.hit(kind)

    def _delay(self, _device: Device, wait_ms: int) -> bool:
        self._slow_until_ms = self.now_ms + wait_ms
        return True

    def _partition(self, device: Device, wait_ms: int) -> bool:
        device.away_until_ms = self.now_ms + 2 * wait_ms
        device.away_loses = self.chance.random() < 0.5
        return True

    def _half_open(self, device: Device, _wait_ms: int) -> bool:
        if device.connection is None:
            return False
        device.connection.silent[int(self.chance.random() * 2)] = True
        return True

    def _reset(self, device: Device, _wait_ms: int) -> bool:
        if device.connection is None:
            return False
        device.connection.cut(told=True)
        return True

    def _clock_jump(self, device: Device, _wait_ms: int) -> bool:
        device.wall_ms += TWO_HOURS_MS if self.chance.random() < 0.5 else -TWO_HOURS_MS
        return True

    def _second_window(self, _device: Device, _wait_ms: int) -> bool:
        """Another device opens the exam beside the one that answers."""
        if self.other.acts:
            return False
        self.other.open_page()
        return True

    def _takeover(self, _device: Device, _wait_ms: int) -> bool:
        """The device that answers is away for longer than T1 and the other one goes on; then it is back."""
        here, there = (self.other, self.ada) if self.other.alive else (self.ada, self.other)
        here.away_until_ms = self.now_ms + T1_MS + 4_096
        here.away_loses = True
        self.after(T1_MS + 1_024, self._go_on, there)
        return True

    def _go_on(self, device: Device) -> None:
        """The candidate goes on here, if this window does not answer already."""
        if not device.alive:
            device.take_over()

    def _slow_disk(self, _device: Device, wait_ms: int) -> bool:
        self._slow_disk_until_ms = self.now_ms + wait_ms
        return True

    def _disk_full(self, _device: Device, wait_ms: int) -> bool:
        self._full_until_ms = self.now_ms + wait_ms
        return True

    def _block(self, device: Device, wait_ms: int) -> bool:
        """Sockets do not get through for a while; rows go by POST."""
        device.blocked = True
        if device.connection is not None:
            device.connection.cut(told=True)
        self.after(3 * wait_ms, setattr, device, "blocked", False)
        return True

    def _pause(self, _device: Device, wait_ms: int) -> bool:
        self.server.act(lambda state: conduct.pause(state, "incident", "technical"))
        self.after(wait_ms, self._resume)
        return True

    def _resume(self) -> None:
        if not self.server.ready or self._full_until_ms > self.now_ms:
            self.after(1_024, self._resume)
        elif self.journal.state.phase in INTERRUPTED:
            self.server.act(lambda state: conduct.resume(state, "back", present=True))

    def _add_time(self, _device: Device, wait_ms: int) -> bool:
        self.server.act(lambda state: conduct.add_time(state, wait_ms, "technical"))
        return self.server.ready

    def _submit(self, device: Device, _wait_ms: int) -> bool:
        device.submit()
        device.submit()
        return True

    def _submit_at_expiry(self, device: Device, _wait_ms: int) -> bool:
        """Handing in and the end of the time fall into the same millisecond."""
        remaining_ms = self.journal.state.remaining_ms(self.at)
        self.after(max(0, remaining_ms), self._submit_now, device)
        return True

    def _submit_now(self, device: Device) -> None:
        if self.server.ready:
            at, box = self.at, device.outbox
            self.server.act(lambda state: conduct.submit(state, box.writer, box.acked))
            self.server.act(lambda state: conduct.expire(state, at))
            self.server.act(lambda state: conduct.submit(state, box.writer, box.acked))

    def _expiry(self, _device: Device, _wait_ms: int) -> bool:
        return self.journal.state.watch.limit_ms == SHORT_MS  # the seed chose a short exam: the ticker does the rest

    def _reload(self, device: Device, _wait_ms: int) -> bool:
        device.open_page()
        return True

    def _reuse(self, device: Device, _wait_ms: int) -> bool:
        device.forge()
        return True


_STRIKES: Final[dict[str, Callable[[Day, Device, int], bool]]] = {
    "delay": Day._delay,
    "partition": Day._partition,
    "half-open": Day._half_open,
    "reset": Day._reset,
    "clock-jump": Day._clock_jump,
    "second-window": Day._second_window,
    "takeover": Day._takeover,
    "slow-disk": Day._slow_disk,
    "disk-full": Day._disk_full,
    "sockets-blocked": Day._block,
    "pause": Day._pause,
    "add-time": Day._add_time,
    "submit": Day._submit,
    "submit-at-expiry": Day._submit_at_expiry,
    "expiry": Day._expiry,
    "reload": Day._reload,
    "reused-number": Day._reuse,
}
FAULTS: Final = [*_STRIKES, "drop", "duplicate", "reorder", "crash-before-commit", "crash-after-commit"]


#: Those that strike wherever they come; the others need somebody to strike at.
SURE: Final = ("delay", "partition", "clock-jump", "slow-disk", "disk-full", "sockets-blocked", "takeover", "reload")


def simulate(seed: int, trace: Callable[[str], None] | None = None, **parts: Any) -> Day:
    """Run one seed. Raises: `Violation` when something that must hold does not."""
    return Day(seed, trace, **parts).run()


@cache
def started(limit_ms: int) -> tuple[tuple[Recorded, ...], Sitting]:
    """Ada's sitting, running since nine o'clock: what happened so far, and the state after it."""
    places = tuple(FormItem(f"q{n:02}", ItemRef(f"SIM-{n}", 1, f"{n:02x}" * 32), "s1", "r1", 1) for n in range(1, 6))
    form = Form("form-1", "plan-1", (Section("s1", "Questions"),), places)
    policy = Policy(attended=False, candidate_lost_ms=T1_MS, grace_ms=T1_MS)
    created = SittingCreated("exam-1", "ada", False, policy, limit_ms, NINE, later(NINE, 2**24))
    commands: tuple[Callable[[Sitting], Sequence[Event]], ...] = (
        lambda state: admission.create(state, created),
        lambda state: admission.assign_form(state, FormAssigned(form, form.digest, "assembly-1", 1)),
        lambda state: admission.open_check_in(state, NINE),
        lambda state: admission.start(state, NINE, "grace", "build-1", present=True),
    )
    state, opening = Sitting(), list[Recorded]()
    for decide in commands:
        for happened in decide(state):
            seq = len(opening) + 1
            opening.append(Recorded(seq, STREAM, seq, NINE, "grace", kind_of(happened)[0], happened))
            state = evolve(state, opening[-1])
    return tuple(opening), state
