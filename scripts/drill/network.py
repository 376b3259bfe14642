"""``invigil drill network``: candidates who answer while their networks are cut, stalled, half open, slow and doubtful.

Each candidate has a network of their own (`relay`) before a real server. They write a row now and then, whether or not
the network is there, as a browser does, and keep what is not acknowledged. Their networks break, one fault after the
other, for a second or for minutes; and between the faults what was sent before is sent again, in another order, over
the Line and by POST. After each return:

* the server is heard within two seconds, and everything that was written meanwhile is acknowledged;
* the remaining time is that of the server's clock, not a moment more or less, however late the words came.

At the end the server is stopped: every acknowledged row is stored, once, as it was sent, and the chain holds.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.sources import SeededDice, Sources, SystemClock
from scripts.callers import Ask, Hear, Loop, Open, Say, Story, Wait
from scripts.console import Json, progress
from scripts.drill.checker import missing, stored
from scripts.drill.client import Client, Memory, row_of
from scripts.drill.figures import Figures
from scripts.drill.relay import FAULTS, Relay
from scripts.served import Served, Servers, free_port, settings_in

STRIKES: Final = (*FAULTS, "replay", "post")
CLIENTS: Final = 8
RETURN_MS: Final = 2_000
#: Rounding on both sides of the wire.
UNSEEN_MS: Final = 16
WRITES_EVERY_MS: Final = (100, 400)
BEAT_MS: Final = 500
SILENCE_MS: Final = 3_000
PATIENCE_MS: Final = 1_500
RETRY_MS: Final = 500
WINDOW: Final = 64


def command(
    times: Annotated[int, typer.Option(min=1, max=100_000, help="How many faults must count.")] = 40,
    longest_s: Annotated[float, typer.Option(min=0.5, max=600, help="The longest outage.")] = 4.0,
    candidates: Annotated[int, typer.Option(min=1, max=500, help="Networks that break beside each other.")] = CLIENTS,
    seed: Annotated[int, typer.Option(help="Seed of faults, their lengths and moments.")] = 1,
    as_json: Json = False,
) -> None:
    """Break the network between candidates and server; exit 1 when anything was lost, late or not true."""
    sources = Sources(SystemClock(), SeededDice(seed))
    with tempfile.TemporaryDirectory(prefix="invigil-network-") as folder:
        Network(Path(folder), sources, candidates, times, longest_s).run().tell(as_json)


class Network:
    """One drill. ``times`` faults in all, shared by the candidates."""

    def __init__(self, folder: Path, sources: Sources, candidates: int, times: int, longest_s: float) -> None:
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
            name = one.box.sitting
            figures.acked += kept.get(name, 0)
            figures.lost += missing(found.rows.get(name, {}), name, kept.get(name, 0), "flag")
            if kept.get(name, 0) < one.written:
                figures.faults.append(f"{name} wrote {one.written} rows and {kept.get(name, 0)} are acknowledged")
        figures.more = {
            "resume_p50_ms": sorted(self.resumed_ms)[len(self.resumed_ms) // 2] if self.resumed_ms else None,
            "resume_max_ms": max(self.resumed_ms, default=None),
            "longest_s": self.longest_ms / 1_000,
        }
        return figures


class Candidate:
    """One who answers. ``written``: rows in the outbox so far; ``box`` knows how far they are acknowledged."""

    def __init__(self, drill: Network, sitting: str, cookie: str, csrf: str, relay: Relay, faults: int) -> None:
        self.box = Client(sitting, "flag")
        self.written = 0
        self._drill = drill
        self._loop = drill.loop
        self._relay = relay
        self._left = faults
        self._cookie = {"cookie": cookie}
        self._told = {"cookie": cookie, "x-csrf": csrf, "content-type": "application/json"}
        self._stands = False
        self._strike = ""
        self._broken_ms: int | None = None
        self._mended_ms: int | None = None
        self._whole_ms: int | None = None
        self._heard_ms = 0
        self._asked_ms: int | None = None
        self._clock: tuple[int, int, int] | None = None
        self._writes_ms = self._beats_ms = 0
        self._over = False

    def story(self) -> Story:
        """Write and send until every fault was lived through and every row is acknowledged."""
        self._loop.later(self._drill.chance(200, 1_000), self._break)
        while not self._over or self.box.acked < self.written:
            if not self._stands:
                yield from self._connect()
                continue
            self._write()
            for row in self._unsent():
                yield Say({key: value for key, value in row.items() if key != "sitting"})
            if self._loop.now_ms >= self._beats_ms and self._asked_ms is None:
                self._beats_ms, self._asked_ms = self._loop.now_ms + BEAT_MS, self._loop.now_ms
                yield Say({"t": "beat", "client_ms": 0})
            if self._strike in {"replay", "post"}:
                yield from self._again()
            self._take((yield Hear(within_ms=50)))

    # -- the outbox -----------------------------------------------------------------------------------

    def _write(self) -> None:
        """A row every now and then, whatever the network does."""
        if self._loop.now_ms >= self._writes_ms and not self._over:
            self.written += 1
            self._writes_ms = self._loop.now_ms + self._drill.chance(*WRITES_EVERY_MS)

    def _unsent(self) -> list[dict[str, Any]]:
        upto = min(self.written, self.box.acked + WINDOW)
        rows = [row_of(self.box.sitting, seq, "flag") for seq in range(self.box.sent + 1, upto + 1)]
        self.box.sent = max(self.box.sent, upto)
        return rows

    def _connect(self) -> Story:
        """A ticket, the handshake, HELLO; each given up after a while and begun anew, as browsers do."""
        self._write()
        place = f"/sit/{self.box.sitting}/ticket"
        ticket = yield Ask("POST", place, self._told, b"{}", patient=False, within_ms=PATIENCE_MS)
        if ticket.status == 200 and (yield Open("/sit/line", self._cookie, within_ms=PATIENCE_MS)):
            self._asked_ms = self._loop.now_ms
            told = {"writer": 1, "last_sent": self.written, "last_acked": self.box.acked}
            yield Say({"t": "hello", "ticket": json.loads(ticket.body)["ticket"], **told})
            self._stands, self._heard_ms, self.box.sent = True, self._loop.now_ms, self.written
            message = yield Hear(within_ms=PATIENCE_MS)
            self._take(message or None)
            return
        if ticket.status not in {0, 200, 503, 429}:
            self._drill.figures.faults.append(f"{self.box.sitting} was refused a ticket: {ticket.status}")
        yield Wait(self._drill.chance(0, RETRY_MS))

    def _take(self, message: dict[str, Any] | None) -> None:
        now_ms = self._loop.now_ms
        if message is None or (not message and now_ms - self._heard_ms > SILENCE_MS):
            self._stands, self._asked_ms = False, None
            return
        if not message:
            return
        self._heard_ms = now_ms
        if self._mended_ms is not None:
            self._drill.resumed_ms.append(now_ms - self._mended_ms)
            if now_ms - self._mended_ms > RETURN_MS:
                self._fault(f"was heard {now_ms - self._mended_ms} ms after the network's return")
            self._mended_ms = None
        match message["t"]:
            case "welcome":
                self.box.sent = message["acked"]
                self._believe(message["acked"])
                self._hold_clock(message["remaining_ms"])
            case "clock":
                self._hold_clock(message["remaining_ms"])
            case "ack":
                self._believe(message["acked"])
            case "refused":
                self._fault(f"was refused: {message['code']}")

    def _believe(self, acked: int) -> None:
        if acked > self.box.acked:
            self._drill.memory.keep([{"sitting": self.box.sitting, "acked": acked}])
            self.box.acked = acked
        if self._whole_ms is not None and self.box.acked >= self.written - 1:
            assert self._broken_ms is not None
            outage_ms = self._loop.now_ms - self._broken_ms
            self._drill.figures.longest_outage_ms = max(self._drill.figures.longest_outage_ms, outage_ms)
            self._whole_ms = self._broken_ms = None
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
        seqs = list(range(max(1, self.box.acked - 8), self.box.sent + 1))
        for at in range(len(seqs) - 1, 0, -1):
            other = self._drill.chance(0, at + 1)
            seqs[at], seqs[other] = seqs[other], seqs[at]
        rows = [row_of(self.box.sitting, seq, "flag") for seq in seqs * 2]
        sent = [{key: value for key, value in row.items() if key not in {"sitting", "t"}} for row in rows]
        strike, self._strike = self._strike, ""
        if strike == "replay":
            for row in sent:
                yield Say({"t": "row", **row})
        else:
            body = json.dumps({"writer": 1, "rows": sent[:WINDOW]}).encode()
            answer = yield Ask("POST", f"/sit/{self.box.sitting}/rows", self._told, body)
            if answer.status != 200 or json.loads(answer.body)["refused"]:
                self._fault(f"was refused what it had sent before: {answer.status}")
        self._lived_through()

    # -- what happens to the network ------------------------------------------------------------------

    def _break(self) -> None:
        """One fault, if any is left and there was something to break."""
        if self._left == 0:
            self._over = True
            return
        if self.box.acked == 0 or not self._stands:
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
        self._mended_ms = self._whole_ms = self._loop.now_ms

    def _lived_through(self) -> None:
        figures = self._drill.figures
        figures.tried += 1
        if figures.tried % 20 == 0:
            progress(f"{figures.tried} faults, longest outage {figures.longest_outage_ms / 1_000} s")
        self._loop.later(self._drill.chance(200, 1_000), self._break)

    def _fault(self, what: str) -> None:
        self._drill.figures.faults.append(f"{self.box.sitting} {what}")
