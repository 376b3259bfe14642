"""``invigil drill network``: candidates who answer while their networks are cut, stalled, half open, slow and doubtful.

Each candidate has a network of their own (`relay`) before a real server. They write a row now and then, whether or not
the network is there, as a browser does, and keep what is not acknowledged. Their networks break, one fault after the
other, for a second or for minutes; and between the faults what was sent before is sent again, in another order, over
the Line and by POST. After each return:

* the server is heard within two seconds (``--return-s``), and everything that was written meanwhile is acknowledged;
* the remaining time is that of the server's clock, not a moment more or less, however late the words came.

At the end the server is stopped: every acknowledged row is stored, once, as it was sent, and the chain holds.
"""

from __future__ import annotations

import json
import tempfile
from collections import deque
from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.errors import NotFound
from engine.sources import SeededDice, Sources, SystemClock
from scripts.callers import Answer, Ask, Asked, Hear, Loop, Open, Say, Shut, Story, Wait, Wish
from scripts.console import Json, progress
from scripts.drill.checker import missing, stored
from scripts.drill.client import Memory, row_of
from scripts.drill.figures import Figures
from scripts.drill.relay import FAULTS, Relay
from scripts.model_client import OPENING_MS, Effect, Window
from scripts.served import Served, Servers, free_port, settings_in

Told = Generator[Wish, Any, list[Effect]]
STRIKES: Final = (*FAULTS, "replay", "post")
CLIENTS: Final = 8
#: Rounding on both sides of the wire.
UNSEEN_MS: Final = 16
WRITES_EVERY_MS: Final = (100, 400)
LOOK_MS: Final = 50
WINDOW: Final = 64


def command(
    times: Annotated[int, typer.Option(min=1, max=100_000, help="How many faults must count.")] = 40,
    longest_s: Annotated[float, typer.Option(min=0.5, max=600, help="The longest outage.")] = 4.0,
    candidates: Annotated[int, typer.Option(min=1, max=500, help="Networks that break beside each other.")] = CLIENTS,
    seed: Annotated[int, typer.Option(help="Seed of faults, their lengths and moments.")] = 1,
    return_s: Annotated[float, typer.Option(help="How soon the server is heard after a network's return.")] = 2.0,
    as_json: Json = False,
) -> None:
    """Break the network between candidates and server; exit 1 when anything was lost, late or not true."""
    sources = Sources(SystemClock(), SeededDice(seed))
    with tempfile.TemporaryDirectory(prefix="invigil-network-") as folder:
        Network(Path(folder), sources, candidates, times, longest_s, return_s).run().tell(as_json)


class Network:
    """One drill. ``times`` faults in all, shared by the candidates."""

    def __init__(
        self, folder: Path, sources: Sources, candidates: int, times: int, longest_s: float, return_s: float = 2.0
    ) -> None:
        self.return_ms = round(return_s * 1_000)
        self.sources = sources
        self.figures = Figures()
        self.longest_ms = round(longest_s * 1_000)
        self.resumed_ms: list[int] = []
        self.memory = Memory(folder / "acked")
        self._data = folder / "data"
        self._servers = Servers(sources, candidates)
        self._names = self._servers.prepare(self._data)
        self._port = free_port()
        self.loop = Loop(self._port, sources)
        self._faults = [times // candidates + (n < times % candidates) for n in range(candidates)]

    def run(self) -> Figures:
        served = Served(settings_in(self._data, self._port), self._port)
        relays: list[Relay] = []
        candidates: list[Candidate] = []
        try:
            served.wait(self.sources)
            for name, faults in zip(self._names, self._faults, strict=True):
                relay = Relay(self.loop, self._port)
                relays.append(relay)
                candidate = Candidate(self, name, *served.sign_in(self._servers.codes[name]), relay, faults)
                candidates.append(candidate)
                self.loop.call(candidate.story(), port=relay.port)
            most_ms = 120_000 + max(self._faults) * (self.longest_ms + 10_000)
            self.loop.run(most_ms=most_ms)
            if served.stop() != 0:
                self.figures.faults.append("the server did not stop in good order")
        finally:
            served.kill()
            for relay in relays:
                relay.close()
            self.loop.close()
        return self._judged(candidates)

    def chance(self, low: int, high: int) -> int:
        return low + int.from_bytes(self.sources.dice.token(4)) % max(1, high - low)

    def length_ms(self) -> int:
        """Short outages are as likely as long ones: even on a scale of doublings, from a quarter of a second on."""
        doublings = max(1, (self.longest_ms // 250).bit_length())
        most_ms = min(self.longest_ms, 250 << self.chance(1, doublings + 1))
        return self.chance(most_ms // 2, most_ms)

    def _judged(self, candidates: list[Candidate]) -> Figures:
        figures = self.figures
        figures.faults += self.loop.failures[:10]
        found = stored(self._data / "invigil.db")
        figures.faults += found.faults
        figures.late = found.late
        kept = self.memory.acked()
        self.memory.close()
        for one in candidates:
            name, wrote = one.sitting, one.window.outbox.last_seq
            figures.acked += kept.get(name, 0)
            figures.lost += missing(found.rows.get(name, {}), name, kept.get(name, 0), "flag")
            if kept.get(name, 0) < wrote:
                figures.faults.append(f"{name} wrote {wrote} rows and {kept.get(name, 0)} are acknowledged")
        figures.more = {
            "resume_p50_ms": sorted(self.resumed_ms)[len(self.resumed_ms) // 2] if self.resumed_ms else None,
            "resume_max_ms": max(self.resumed_ms, default=None),
            "longest_s": self.longest_ms / 1_000,
        }
        return figures


class Candidate:
    """One who answers in a window of the model client. ``window`` has the outbox and the Line as a browser has them."""

    def __init__(self, drill: Network, sitting: str, cookie: str, csrf: str, relay: Relay, faults: int) -> None:
        self.sitting = sitting
        self.window = Window(None, lambda: drill.chance(0, 1 << 20) / (1 << 20))
        self.window.outbox.writer = 1  # the drill's sittings have their first outbox open
        self._drill = drill
        self._loop = drill.loop
        self._relay = relay
        self._left = faults
        self._cookie = {"cookie": cookie}
        self._asks = {**self._cookie, "x-csrf": csrf, "content-type": "application/json", "accept": "application/json"}
        self._stands = False
        self._strike = ""
        self._broken_ms: int | None = None
        self._mended_ms: int | None = None
        self._back = False
        self._asked_ms: int | None = None
        self._clock: tuple[int, int, int] | None = None
        self._kept = 0
        self._writes_ms = 0
        self._over = False

    def story(self) -> Story:
        """Write and send until every fault was lived through and every row is acknowledged."""
        line, box = self.window.line, self.window.outbox
        self._loop.later(self._drill.chance(200, 1_000), self._break)
        yield from self._perform(line.start(self._loop.now_ms))
        while not self._over or box.pending:
            if line.state in {"ended", "superseded", "signed-out"}:
                raise NotFound("line", f"{self.sitting} is {line.state}")
            now_ms, back, self._back = self._loop.now_ms, self._back, False
            yield from self._perform(line.network_back(now_ms) if back else line.tick(now_ms))
            if now_ms >= self._writes_ms and not self._over:
                yield from self._perform(self._write(now_ms))
            if self._strike in {"replay", "post"}:
                yield from self._again()
            if not self._stands:
                yield Wait(LOOK_MS)
                continue
            message = yield Hear(within_ms=LOOK_MS)
            if message is None:
                self._stands, self._asked_ms = False, None
                yield from self._perform(line.closed(1006, self._loop.now_ms))
            elif message:
                yield from self._perform(self._heard(message))

    def _write(self, now_ms: int) -> list[Effect]:
        """A row every now and then, whatever the network does."""
        self._writes_ms = now_ms + self._drill.chance(*WRITES_EVERY_MS)
        row = row_of(self.sitting, self.window.outbox.last_seq + 1, "flag")
        self.window.outbox.add(row["item"], row["kind"], row["payload"], row["client_ms"])
        return self.window.line.rows_added(now_ms)

    # -- the shell around the window ------------------------------------------------------------------

    def _perform(self, effects: list[Effect]) -> Story:
        """Carry out what the window decides, in order; what comes of it may decide more."""
        waiting = deque(effects)
        while waiting:
            waiting.extend((yield from self._carry_out(waiting.popleft())))

    def _carry_out(self, effect: Effect) -> Told:
        line = self.window.line
        match effect["do"]:
            case "connect":
                self._stands = yield Open("/sit/line", self._cookie, within_ms=OPENING_MS)
                now_ms = self._loop.now_ms
                return self.window.opened(now_ms) if self._stands else line.closed(1006, now_ms)
            case "hang-up":
                self._stands, self._asked_ms = False, None
                yield Shut()
            case "send":
                self._asked_ms = self._loop.now_ms
                yield Say(effect["message"])
            case "send-rows":
                for row in effect["rows"]:
                    yield Say(self.window.outbox.message(row))
            case "fetch-ticket":
                answer = yield from self._asked("ticket", {})
                told = json.loads(answer.body) if answer.status == 200 else {}
                now_ms = self._loop.now_ms
                return line.ticket_came(told["ticket"], now_ms) if told else line.ticket_failed(answer.status, now_ms)
            case "post":
                rows = [self.window.outbox.message(row) for row in effect["rows"]]
                answer = yield from self._asked("rows", {"writer": 1, "rows": rows})
                if answer.status == 200:
                    self._back_again()
                    effects = self.window.posted(json.loads(answer.body), self._loop.now_ms)
                    self._believe()
                    return effects
                return self.window.post_failed(answer.status, "", self._loop.now_ms)
        return []

    def _asked(self, place: str, told: dict[str, Any]) -> Asked:
        path, body = f"/sit/{self.sitting}/{place}", json.dumps(told).encode()
        answer: Answer = yield Ask("POST", path, self._asks, body, patient=False, within_ms=OPENING_MS)
        return answer

    def _heard(self, message: dict[str, Any]) -> list[Effect]:
        self._back_again()
        if message["t"] in {"welcome", "clock"}:
            self._hold_clock(message["remaining_ms"])
        elif message["t"] == "refused":
            self._fault(f"was refused: {message['code']}")
        effects = self.window.heard(message, self._loop.now_ms)
        self._believe()
        return effects

    # -- what has to hold -----------------------------------------------------------------------------

    def _back_again(self) -> None:
        """The server is heard; for the first time since the network's return?"""
        if self._mended_ms is None:
            return
        waited_ms, self._mended_ms = self._loop.now_ms - self._mended_ms, None
        self._drill.resumed_ms.append(waited_ms)
        if waited_ms > self._drill.return_ms:
            self._fault(f"was heard {waited_ms} ms after the network's return")

    def _believe(self) -> None:
        """Write down what is acknowledged. With all of it, but what was written just now, a fault is over."""
        box = self.window.outbox
        if box.acked > self._kept:
            self._drill.memory.keep([{"sitting": self.sitting, "acked": box.acked}])
            self._kept = box.acked
        if self._broken_ms is not None and self._relay.whole and self._mended_ms is None and box.pending <= 1:
            outage_ms = self._loop.now_ms - self._broken_ms
            self._drill.figures.longest_outage_ms = max(self._drill.figures.longest_outage_ms, outage_ms)
            self._broken_ms = None
            self._lived_through()

    def _hold_clock(self, remaining_ms: int) -> None:
        """The server read its clock between our question and its answer: two such readings bound what may have run."""
        asked_ms, self._asked_ms = self._asked_ms, None
        if asked_ms is None:
            return
        now_ms, before, self._clock = self._loop.now_ms, self._clock, (asked_ms, self._loop.now_ms, remaining_ms)
        if before is None:
            return
        ran_ms = before[2] - remaining_ms
        least_ms, most_ms = asked_ms - before[1] - UNSEEN_MS, now_ms - before[0] + UNSEEN_MS
        if not least_ms <= ran_ms <= most_ms:
            self._fault(f"was told that {ran_ms} ms ran, and it was {least_ms} to {most_ms} ms")

    def _again(self) -> Story:
        """What was sent before comes again in another order: over the Line, or by POST. The server knows its own."""
        box, strike, self._strike = self.window.outbox, self._strike, ""
        seqs = list(range(max(1, box.acked - 8), box.last_seq + 1))
        for at in range(len(seqs) - 1, 0, -1):
            other = self._drill.chance(0, at + 1)
            seqs[at], seqs[other] = seqs[other], seqs[at]
        rows = [row_of(self.sitting, seq, "flag") for seq in seqs * 2]
        sent = [{key: value for key, value in row.items() if key != "sitting"} for row in rows[:WINDOW]]
        if strike == "replay":
            for row in sent:
                yield Say(row)
        else:
            answer = yield from self._asked("rows", {"writer": 1, "rows": sent})
            if answer.status != 200 or json.loads(answer.body)["refused"]:
                self._fault(f"was refused what it had sent before: {answer.status}")
        self._lived_through()

    # -- what happens to the network ------------------------------------------------------------------

    def _break(self) -> None:
        """One fault, if any is left and there was something to break."""
        if self._left == 0:
            self._over = True
            return
        if self.window.outbox.acked == 0 or not self._stands:
            self._loop.later(100, self._break)
            return
        self._left -= 1
        self._strike = STRIKES[self._drill.figures.strikes.total() % len(STRIKES)]  # each as often as the others
        self._drill.figures.strikes[self._strike] += 1
        if self._strike not in FAULTS:
            return
        self._broken_ms = self._loop.now_ms
        self._relay.strike(self._strike, delay_ms=self._drill.chance(50, 500))
        self._loop.later(self._drill.length_ms(), self._mend)

    def _mend(self) -> None:
        self._relay.mend()
        self._strike = ""
        self._mended_ms, self._back = self._loop.now_ms, True

    def _lived_through(self) -> None:
        figures = self._drill.figures
        figures.tried += 1
        if figures.tried % 20 == 0:
            progress(f"{figures.tried} faults, longest outage {figures.longest_outage_ms / 1_000} s")
        self._loop.later(self._drill.chance(200, 1_000), self._break)

    def _fault(self, what: str) -> None:
        self._drill.figures.faults.append(f"{self.sitting} {what}")
