"""The invariants: what is stored, held against what the model clients have written down.

After each restart, and before another row is sent:

* every acknowledged row is stored, with the bytes that were sent, and none is stored twice;
* the journal's chain holds from its first entry and begins with every entry that was seen before; each checkpoint is
  signed and names the root of its entries, those seen before too; SQLite finds its own file whole;
* no candidate's remaining time has grown by more than what is recorded as credited, and none has lost more than
  the time in which a server stood.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from engine.audit import walk
from engine.errors import Tampered
from engine.events import Recorded, RowReceived, ServerResumed
from engine.keyring import Keyring
from engine.sources import Sources, between_ms
from engine.store import Database, Ledger, integrity, recorded, rows
from engine.transparency.checkpoint import opened
from engine.transparency.merkle import Range
from engine.transparency.store import Tree
from scripts.drill.client import Client, Memory, row_of
from scripts.drill.figures import Figures

#: Rounding, and the heartbeats of a busy machine. All else is bounded: a told time is as old as the row it answers.
UNSEEN_MS: Final = 256


class Checker:
    """The clients of one data folder, what they believe, and what was seen there before."""

    def __init__(
        self, data: Path, clients: Sequence[Client], memory: Memory, figures: Figures, sources: Sources
    ) -> None:
        self.clients = {client.sitting: client for client in clients}
        self.memory = memory
        self.lawful: frozenset[str] = frozenset()
        self.refused = 0
        self._data = data
        self._figures = figures
        self._clock = sources.clock
        self._public = Keyring(data / "keys", sources.dice).public if (data / "keys").is_dir() else b""
        self._seen: list[bytes] = []
        self._signed: dict[int, bytes] = {}
        self._sent_ms: dict[tuple[str, int], int] = {}
        self._down_since_ms: int | None = None
        self._again_ms: int | None = None

    @property
    def in_flight(self) -> int:
        """How many rows were sent and not acknowledged."""
        return sum(client.sent - client.acked for client in self.clients.values())

    def next_rows(self) -> list[dict[str, Any]]:
        """What all clients send now."""
        rows = [row for client in self.clients.values() for row in client.next_rows()]
        self._sent_ms |= {(row["sitting"], row["seq"]): self._clock.monotonic_ms() for row in rows}
        return rows

    def fell(self) -> None:
        """The victim is gone, now."""
        self._down_since_ms = self._clock.monotonic_ms()

    def restarts(self) -> None:
        """Somebody starts a victim again, now: until its first acknowledgement it is an outage."""
        if self._down_since_ms is not None:
            self._again_ms = self._clock.monotonic_ms()

    def believe(self, heard: list[dict[str, Any]]) -> int:
        """Write acknowledgements down, then count them. Codes that are `lawful` here are no faults: those rows are
        sent again."""
        for told in heard:
            if told["refused"] in self.lawful:
                self.refused += 1
                self._down_since_ms = self._again_ms = self._again_ms or self._clock.monotonic_ms()
                client = self.clients[told["sitting"]]
                client.sent = min(client.sent, max(client.acked, told["seq"] - 1))  # to be sent again
            elif told["refused"]:
                self._figures.faults.append(f"{told['sitting']} row {told['seq']} was refused: {told['refused']}")
        acks = [told for told in heard if not told["refused"]]
        if not acks:
            return 0
        if self._again_ms is not None:
            outage_ms = self._clock.monotonic_ms() - self._again_ms
            self._figures.longest_outage_ms = max(self._figures.longest_outage_ms, outage_ms)
            self._again_ms = self._down_since_ms = None
        self.memory.keep(acks)
        for ack in acks:
            client = self.clients[ack["sitting"]]
            client.acked = max(client.acked, ack["acked"])
            asked_ms = self._sent_ms.pop((client.sitting, ack["seq"]), client.heard_ms)
            self._held_time(client, ack["remaining_ms"], asked_ms)
        return len(acks)

    def check(self, stands: dict[str, Any]) -> Found:
        """Hold a recovered database against what the clients wrote down; ``stands`` is what its victim says, for each
        sitting its ``acked`` and ``remaining_ms``."""
        found = self.holds()
        kept = self.memory.acked()
        for name, client in self.clients.items():
            acked = kept.get(name, 0)
            if stands[name]["acked"] < acked and not self._figures.lost:
                self._figures.faults.append(f"{name} is acknowledged to {stands[name]['acked']} after {acked}")
            stood_ms = self._stood_ms(found, name)
            self.kept_time(client, stands[name]["remaining_ms"], stood_ms)
            client.remaining_ms += found.credited_ms.get(name, 0) - client.credited_ms
            client.credited_ms = found.credited_ms.get(name, 0)
            self._held_time(client, stands[name]["remaining_ms"], stood_ms)
            client.sent = client.acked  # what was in flight is sent again: the server must know its own rows
        return found

    def holds(self) -> Found:
        """Hold what is stored against what was acknowledged, whether a victim runs or not."""
        found = stored(self._data / "invigil.db", self._public)
        self._figures.faults += found.faults
        if not found.faults:
            self._figures.faults += self._extends(found)
        for name, acked in self.memory.acked().items():
            self._figures.lost += missing(found.rows.get(name, {}), name, acked, self.clients[name].kind)
        return found

    def _extends(self, found: Found) -> list[str]:
        """What does not hold of the journal's growing: by entries, and by the roots of the tree once signed."""
        faults = []
        if found.hashes[: len(self._seen)] != self._seen:
            faults.append("the journal does not begin with the entries that were seen before")
        self._seen = found.hashes
        self._signed |= found.signed
        tree = Range()
        for size, root in sorted(self._signed.items()):
            tree, _ = tree.extended(found.hashes[tree.size : size])
            if tree.root() != root:
                faults.append(f"the tree of {size} entries is not the one that was signed")
        return faults

    def kept_time(self, client: Client, remaining_ms: int, stood_ms: int) -> None:
        """An outage costs nothing: the clock ran until the kill and from the restart on, and never between."""
        if client.heard_ms is None or self._down_since_ms is None:
            return
        ran_ms = self._down_since_ms - client.heard_ms + self._clock.monotonic_ms() - stood_ms
        owed_ms = client.remaining_ms - ran_ms - UNSEEN_MS - remaining_ms
        if owed_ms > 0:
            self._figures.faults.append(f"{client.sitting} lost {owed_ms} ms to an outage")

    def _stood_ms(self, found: Found, name: str) -> int:
        """When the running server resumed the sitting, on the monotonic clock."""
        now = self._clock.now()
        return self._clock.monotonic_ms() - between_ms(found.resumed_at.get(name, now), now)

    def _held_time(self, client: Client, remaining_ms: int, asked_ms: int | None) -> None:
        if remaining_ms > client.remaining_ms:
            grown = remaining_ms - client.remaining_ms
            self._figures.faults.append(f"{client.sitting} gained {grown} ms that nobody credited")
        client.remaining_ms, client.heard_ms = remaining_ms, asked_ms


# -- what is stored -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Found:
    """A recovered database: each sitting's rows by number with their hash, its credits and last resumption, the hashes
    of all entries in the journal's order, the root signed for each size of the tree, and what does not hold."""

    rows: dict[str, dict[int, str]] = field(default_factory=dict)
    credited_ms: Counter[str] = field(default_factory=Counter)
    resumed_at: dict[str, datetime] = field(default_factory=dict)
    hashes: list[bytes] = field(default_factory=list)
    signed: dict[int, bytes] = field(default_factory=dict)
    late: int = 0
    faults: list[str] = field(default_factory=list)


def stored(path: Path, public: bytes = b"") -> Found:
    """Read the journal from its first entry, checking its chain, and hold the tables against it; with the journal's
    ``public`` key, the signature of each checkpoint too."""
    found, database = Found(), Database(path)
    try:
        with database.reading() as connection:
            for row, fields in walk(Ledger(connection)):
                found.hashes.append(row.hash)
                take(found, recorded(row, fields))
            known = {(r["sitting"], r["seq"]): r["sha256"] for r in rows(connection, "client_row")}
            for signed in Tree(connection).checkpoints():
                found.signed[signed.size] = signed.root
                if public and opened(signed.note, public).root != signed.root:
                    found.faults.append(f"the checkpoint of {signed.size} entries signs another root")
            whole = integrity(connection)
    except Tampered as tampered:
        found.faults.append(f"the chain is broken at {tampered}")
        return found
    finally:
        database.close()
    if known != {(name, seq): sha256 for name, of in found.rows.items() for seq, sha256 in of.items()}:
        found.faults.append("the client keys are not those of the journal")
    if whole != "ok":
        found.faults.append(f"integrity_check says {whole}")
    return found


def take(found: Found, told: Recorded) -> None:
    """What one entry of the journal says about a sitting's rows, credits and resumptions."""
    sitting, happened = told.stream.partition("/")[2], told.event
    if isinstance(happened, ServerResumed):
        found.credited_ms[sitting] += happened.gap_ms
        found.resumed_at[sitting] = told.at
    elif isinstance(happened, RowReceived):
        of = found.rows.setdefault(sitting, {})
        if happened.seq in of:
            found.faults.append(f"{sitting} has row {happened.seq} twice")
        of[happened.seq] = happened.sha256
        found.late += happened.standing != "counted"


def missing(of: dict[int, str], sitting: str, acked: int, kind: str = "answer") -> int:
    """How many of the acknowledged rows 1 to ``acked`` are not stored as they were sent."""
    return sum(of.get(seq) != row_of(sitting, seq, kind)["sha256"] for seq in range(1, acked + 1))
