"""``invigil bench autosave``: processor time of one saved answer, against a bare echo and against a naive commit.

In one run and in turns, four ways to do "save this answer and say so" are given the same requests by the same load:
a bare Starlette echo that keeps nothing; Invigil's whole path by POST (Login, form token, validation, what was asked,
decision, chain, Merkle tree, durable commit, acknowledgement); the same over answer Lines; and a naive SQLModel
commit for each request. Counted is the processor time of the whole server process, all threads, user and system.

    post_over_bare = bare_us / post_us        how much of a bare server's throughput is left, per core
    naive_factor   = naive_us / post_us       how many naive servers one of ours replaces
"""

from __future__ import annotations

import hashlib
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from engine.answers import row_text
from engine.errors import NotFound
from engine.sources import Sources, system
from scripts import console, demonstration
from scripts.bench.load import HOST, SILENCE_S, frame
from scripts.served import free_port, settings_in, until_it_answers
from web.house import House
from web.security import COOKIE, Door
from web.settings import Settings

NAIVE_SHARE: Final = 10
WARM_ROWS: Final = 8


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody whose practice runs: how to ask for them, and what may be answered where."""

    sitting: str
    token: str
    form_token: str
    options: dict[str, tuple[str, list[str]]]


def command(
    rows: Annotated[int, typer.Option(min=10, max=5_000, help="Answers each candidate saves in a round.")] = 150,
    candidates: Annotated[int, typer.Option(min=1, max=256, help="How many save at once.")] = 64,
    rounds: Annotated[int, typer.Option(min=1, max=20, help="Rounds; the figures are their medians.")] = 3,
    as_json: console.Json = False,
) -> None:
    """What one durable save costs, as a ratio to a bare echo and to a naive commit per request."""
    with tempfile.TemporaryDirectory(prefix="invigil-bench-") as folder:
        bench = Bench(Path(folder), system(), rows, candidates)
        console.tell(bench.run(rounds), as_json, title="One durable save")


class Bench:
    """Prepares the candidates once, then measures each server in turn."""

    def __init__(self, folder: Path, sources: Sources, rows: int, candidates: int) -> None:
        self.folder = folder
        self._sources = sources
        self._rows = rows
        console.progress(f"A certification body with {candidates} candidates …")
        self._settings, self.candidates = prepare(folder / "body", candidates)
        self._seq = dict.fromkeys(range(candidates), 0)

    def run(self, rounds: int) -> dict[str, Any]:
        found: dict[str, list[float]] = {"bare": [], "post": [], "socket": [], "naive": []}
        for number in range(1, rounds + 1):
            for kind, figures in found.items():
                figures.append(self.measure(kind))
            latest = ", ".join(f"{kind} {figures[-1]:.0f} µs" for kind, figures in found.items())
            console.progress(f"round {number} of {rounds}: {latest}")
        us = {kind: statistics.median(figures) for kind, figures in found.items()}
        return {
            "ok": True,
            **{f"{kind}_us": round(value, 1) for kind, value in us.items()},
            "post_over_bare": round(us["bare"] / us["post"], 3),
            "socket_over_bare": round(us["bare"] / us["socket"], 3),
            "naive_factor": round(us["naive"] / us["post"], 1),
            "rounds": rounds,
            "candidates": len(self.candidates),
            "saves_a_round": self._rows * len(self.candidates),
        }

    def measure(self, kind: str) -> float:
        """Microseconds of the server's processor time for one save."""
        server = {"post": "invigil", "socket": "invigil"}.get(kind, kind)
        port = free_port()
        where = self.folder / "body" if server == "invigil" else self.folder
        for old in self.folder.glob("naive.db*"):
            old.unlink()
        process = subprocess.Popen(  # noqa: S603 — our own module, our own interpreter
            [sys.executable, "-m", "scripts.bench.server", server, str(port), str(where)],
            cwd=Path(__file__).parents[2],
        )
        try:
            until_it_answers(process, port, self._sources)
            self._load(kind, port, WARM_ROWS)
            before = cpu_us(process.pid)
            report = self._load(kind, port, self._rows // (NAIVE_SHARE if kind == "naive" else 1))
            spent = cpu_us(process.pid) - before
        finally:
            process.terminate()
            process.wait()
        if report["failed"] or not report["done"]:
            raise NotFound("acknowledgement", f"{report['failed']} of {report['done']} saves were refused by {kind}")
        return spent / float(report["done"])

    def _load(self, kind: str, port: int, rows: int) -> dict[str, Any]:
        wired = "socket" if kind == "socket" else "post"
        order = {
            "port": port,
            "kind": wired,
            "connections": [self._connection(kind, n, port, rows) for n in range(len(self.candidates))],
        }
        done = subprocess.run(
            [sys.executable, "-m", "scripts.bench.load"],
            input=json.dumps(order).encode(),
            stdout=subprocess.PIPE,
            check=True,
            cwd=Path(__file__).parents[2],
        )
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def _connection(self, kind: str, n: int, port: int, rows: int) -> dict[str, Any]:
        who = self.candidates[n]
        own = kind in {"post", "socket"}
        path = f"/sit/{who.sitting}/rows" if own else "/save"
        head = (
            f"Host: {HOST}:{port}\r\nCookie: {COOKIE}={who.token}\r\nx-csrf: {who.form_token}\r\n"
            f"accept: application/json\r\ncontent-type: application/json\r\n"
        )
        first = self._seq[n] if own else 0
        made = [_row(who, first + at) for at in range(1, rows + 1)]
        if own:
            self._seq[n] = first + rows
        if kind == "socket":
            greeting = self._greeting(who, port, head, first)
            return {"greeting": greeting, "messages": [frame(_text({"t": "row", **one})) for one in made]}
        posts = [_text({"writer": 1, "rows": [one]}) for one in made]
        return {"messages": [f"POST {path} HTTP/1.1\r\n{head}content-length: {len(one)}\r\n\r\n{one}" for one in posts]}

    def _greeting(self, who: Candidate, port: int, head: str, acked: int) -> list[tuple[str, str]]:
        """The handshake and HELLO, each with what has to come back. The ticket is asked for here, over HTTP."""
        connection = http.client.HTTPConnection(HOST, port, timeout=SILENCE_S)
        asked = {"cookie": f"{COOKIE}={who.token}", "x-csrf": who.form_token, "content-type": "application/json"}
        connection.request("POST", f"/sit/{who.sitting}/ticket", "{}", asked)
        ticket = json.loads(connection.getresponse().read())["ticket"]
        connection.close()
        upgrade = (
            f"GET /sit/line HTTP/1.1\r\n{head}Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        hello = {"t": "hello", "ticket": ticket, "writer": 1, "last_sent": acked, "last_acked": acked}
        return [(upgrade, "\r\n\r\n"), (frame(_text(hello)), '"t":"welcome"')]


def prepare(folder: Path, candidates: int) -> tuple[Settings, list[Candidate]]:
    """A body with real items, and candidates whose practice runs; their first outbox is open."""
    folder.mkdir()
    settings = settings_in(folder, 0).model_copy(update={"demo": True})
    told = demonstration.told_body()
    names = [f"c{number:03}" for number in range(1, candidates + 1)]
    told["candidates"] = [{"login": name, "name": f"Candidate {name}", "born": "1990-01-01"} for name in names]
    told["exam"] |= {"title": "Benchmark", "seats": candidates}
    body = demonstration.set_up(settings, folder, told)
    with House(settings, system()) as house:
        return settings, [_begun(house, body, name) for name in names]


def _begun(house: House, body: demonstration.Body, name: str) -> Candidate:
    person = house.people.by_login(name).person
    sitting = house.exams.practise(person, body.exam)
    state = house.delivery.start_practice(person, sitting)
    house.delivery.open_outbox(person, sitting)
    token = house.people.sign_in_with_code(body.codes[name])
    door = Door(house.people, house.keyring, house.sources)
    assert state.form is not None
    options = {}
    for item in state.form.items:
        rule = house.delivery.item(person, sitting, item.position).rules[0]
        options[item.position] = (rule.variable, sorted(rule.options))
    return Candidate(sitting, token, door.form_token(house.people.whoami(token)), options)


def _row(who: Candidate, seq: int) -> dict[str, Any]:
    """An answer to one question after the other, each time another option."""
    item = list(who.options)[seq % len(who.options)]
    variable, options = who.options[item]
    payload = _text({variable: [options[seq % len(options)]]})
    sha256 = hashlib.sha256(row_text(1, seq, item, "answer", 1_790_000_000_000 + seq, payload)).hexdigest()
    about = {"seq": seq, "item": item, "kind": "answer", "payload": payload}
    return {**about, "client_ms": 1_790_000_000_000 + seq, "sha256": sha256}


def _text(told: dict[str, Any]) -> str:
    return orjson.dumps(told).decode()


def cpu_us(pid: int) -> float:
    """Processor time of a process, all its threads, user and system, in microseconds (Linux: sched-stats.rst)."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1_000
