"""``invigil drill herd``: the minutes in which everybody does the same thing at once, on a real server.

A day of N candidates, checked in and waiting, each with a form drawn for them. Then, all at once and each time:

1. everybody signs in with a one-time code, asks for a page, and opens the answer Line;
2. the invigilator starts the whole room in one act; a start counts when the candidate's Line says so;
3. everybody opens questions and answers them;
4. the server is stopped and started, and everybody comes back in the same moment, without the grace of chance;
5. everybody hands in, and fetches the receipt.

Rooms of 100 share an address, as classrooms do. Afterwards the journal is held against what the candidates were
told: a row that was acknowledged and is not there is lost; a form short of a question, a start, a return or a receipt
that did not come is a fault. Waiting is none: who is asked to wait, waits and asks again, as a browser does.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import typer

from engine.answers import row_text
from engine.audit import walk
from engine.errors import NotFound, Tampered
from engine.events import FormAssigned, RowReceived, SittingSealed
from engine.sources import SeededDice, Sources, SystemClock, system
from engine.store import Database, Ledger, recorded
from scripts.callers import Answer, Ask, Asked, Gate, Hear, Loop, Open, Say, Story, raise_file_limit, room_of
from scripts.console import Json, progress
from scripts.crowd import Crowd, Seat, gather
from scripts.drill.figures import Figures
from scripts.served import Served, free_port
from web.security import COOKIE
from web.settings import Settings

TYPED: Final = {"content-type": "application/x-www-form-urlencoded"}
TOLD: Final = {"content-type": "application/json", "accept": "application/json"}
_CSRF: Final = re.compile(rb'name="csrf" value="([0-9a-f]+)"')
_OPTION: Final = re.compile(r'<input name="response\.([^"]+)" type="\w+" value="([^"]+)"')


def command(
    candidates: Annotated[int, typer.Option(min=1, max=10_000, help="How many come at once.")] = 200,
    answers: Annotated[int, typer.Option(min=1, max=20, help="Questions each of them opens and answers.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of the options that are chosen.")] = 1,
    as_json: Json = False,
) -> None:
    """Log in, start, answer, come back and hand in, everybody at once; exit 1 when anything was lost or missing."""
    raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="invigil-herd-") as folder:
        progress(f"An exam day of {candidates} candidates …")
        crowd = gather(Path(folder), system(), candidates)
        sources = Sources(SystemClock(), SeededDice(seed))
        Herd(crowd, sources, answers).run().tell(as_json)


@dataclass(slots=True)
class Seen:
    """What the candidates saw, in milliseconds since everybody was let go, and what they were told is stored."""

    login_ms: list[int] = field(default_factory=list)
    start_ms: list[int] = field(default_factory=list)
    resume_ms: list[int] = field(default_factory=list)
    submit_ms: list[int] = field(default_factory=list)
    outage_ms: list[int] = field(default_factory=list)
    put_off: int = 0
    receipts: int = 0
    acked: dict[tuple[str, int, int], str] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)


class Herd:
    """One day. `run` may be called once."""

    def __init__(self, crowd: Crowd, sources: Sources, answers: int) -> None:
        self.crowd = crowd
        self.sources = sources
        self.answers = answers
        self.seen = Seen()
        self.figures = Figures()
        self.port = free_port()
        self.loop = Loop(self.port, sources)
        self.since_ms = 0
        self.down_ms = 0
        self._alone = False
        self._settings: Settings = crowd.settings.model_copy(update={"port": self.port})

    def run(self) -> Figures:
        served = Served(self._settings, self.port)
        try:
            served.wait(self.sources)
            for number, seat in enumerate(self.crowd.seats):
                self.loop.call(Candidate(self, seat).story(), room_of(number))
            self.loop.call(self._invigilator())
            self._all_at("doors", "Everybody signs in …")
            self._all_at("start", "The whole room is started …", and_one=True)
            self._all_at("questions", "Everybody answers …")
            self._gather_at("back")
            progress("The server is stopped and started; everybody comes back …")
            self.down_ms = self.loop.now_ms
            if served.stop() != 0:
                self.figures.faults.append("the server did not stop in good order")
            served = Served(self._settings, self.port)
            served.wait(self.sources)
            self._all_at("back", "")
            self._all_at("hand in", "Everybody hands in …")
            self.loop.run()
            if served.stop() != 0:
                self.figures.faults.append("the server did not stop in good order")
        finally:
            served.kill()
            self.loop.close()
        return self._judged()

    def _gather_at(self, gate: str, *, and_one: bool = False) -> None:
        """Until everybody who has not failed waits there."""
        count = len(self.crowd.seats)

        def there() -> bool:
            return self._alone or self.loop.waiting(gate) >= (1 if and_one else count - len(self.loop.failures))

        self.loop.run(there)
        if self._alone:
            raise NotFound("invigilator", "; ".join(self.loop.failures))

    def _all_at(self, gate: str, says: str, *, and_one: bool = False) -> None:
        self._gather_at(gate, and_one=and_one)
        if says:
            progress(says)
        self.since_ms = self.loop.now_ms
        self.loop.open(gate)

    def _invigilator(self) -> Story:
        """Starts the day, or says that nobody can."""
        try:
            yield from self._invigilate()
        except (NotFound, KeyError):
            self._alone = True
            raise

    def _invigilate(self) -> Story:
        """Stands at the wall, and starts everybody once they are all there."""
        exam, (account, password) = self.crowd.exam, self.crowd.proctor
        who = json.dumps({"account": account, "password": password}).encode()
        token = json.loads((yield Ask("POST", "/api/login", TOLD, who)).body)["token"]
        cookie = {"cookie": f"{COOKIE}={token}"}
        page = yield Ask("GET", "/staff", cookie)
        told = yield Ask("POST", f"/proctor/{exam}/ticket", {**cookie, **TOLD, "x-csrf": csrf_of(page)}, b"{}")
        yield Open("/proctor/line", cookie)
        yield Say({"t": "hello", "ticket": json.loads(told.body)["ticket"], "exam": exam})
        while (message := (yield Hear())) is not None and message["t"] != "tiles":
            pass
        while self.loop.waiting("seated") < len(self.crowd.seats) - len(self.loop.failures):
            yield Hear(within_ms=50)
        self.loop.open("seated")
        yield Gate("start")
        bearer = {"authorization": f"Bearer {token}", **TOLD}
        done = yield Ask("POST", "/api/acts/exam.start", bearer, json.dumps({"exam": exam}).encode())
        refused = json.loads(done.body).get("done", {}).get("refused", [done.status])
        self.figures.faults += [f"not started: {one}"[:200] for one in refused[:5]]

    # -- afterwards -----------------------------------------------------------------------------------

    def _judged(self) -> Figures:
        seen, figures, count = self.seen, self.figures, len(self.crowd.seats)
        figures.tried = count
        figures.acked = len(seen.acked)
        figures.longest_outage_ms = max(seen.outage_ms, default=0)
        figures.faults += self.loop.failures[:10]
        stored = _stored(self._settings.database, figures)
        figures.lost = sum(stored.rows.get(key) != sha256 for key, sha256 in seen.acked.items())
        figures.late = stored.late
        short = [
            seat.sitting
            for seat in self.crowd.seats
            if not stored.items.get(seat.sitting) == seat.items == seen.places.get(seat.sitting)
        ]
        for what, found in (
            ("starts", len(seen.start_ms)),
            ("resumes", len(seen.resume_ms)),
            ("receipts", seen.receipts),
            ("seals", len(stored.sealed)),
            ("complete forms", count - len(short)),
        ):
            if found != count:
                figures.faults.append(f"{found} {what} for {count} candidates")
        figures.more = {
            "logins": len(seen.login_ms),
            "logins_s": _last_s(seen.login_ms),
            "login_p99_ms": quantile(seen.login_ms, 0.99),
            "starts": len(seen.start_ms),
            "starts_s": _last_s(seen.start_ms),
            "start_p99_ms": quantile(seen.start_ms, 0.99),
            "resumes": len(seen.resume_ms),
            "resumes_s": _last_s(seen.resume_ms),
            "submits": len(seen.submit_ms),
            "submits_s": _last_s(seen.submit_ms),
            "submit_p99_ms": quantile(seen.submit_ms, 0.99),
            "sealed": len(stored.sealed),
            "short_forms": len(short),
            "put_off": seen.put_off,
        }
        return figures


class Candidate:
    """One of the herd, with what a browser has: a cookie, an outbox, and the last word of the server."""

    def __init__(self, herd: Herd, seat: Seat) -> None:
        self._herd = herd
        self._seat = seat
        self._here = f"/sit/{seat.sitting}"
        self._cookie: dict[str, str] = {}
        self._csrf = ""
        self._writer = 0
        self._seq = 0
        self._acked = 0
        self._sent: dict[int, str] = {}

    def story(self) -> Story:
        herd, seen = self._herd, self._herd.seen
        page = yield from self._asked("GET", "/sign-in")
        yield Gate("doors")
        form = urlencode({"code": self._seat.code, "next": "/me", "csrf": csrf_of(page)}).encode()
        signed = yield from self._asked("POST", "/sign-in/candidate", TYPED, form)
        self._cookie = cookie_of(signed)
        seen.login_ms.append(herd.loop.now_ms - herd.since_ms)
        page = yield from self._asked("GET", "/me")
        self._csrf = csrf_of(page)
        yield from self._connect()
        yield Gate("seated")
        while (message := (yield Hear())) is not None and message.get("phase") != "RUNNING":
            pass
        if message is None:
            raise NotFound("start", self._seat.sitting)
        seen.start_ms.append(herd.loop.now_ms - herd.since_ms)
        yield Gate("questions")
        yield from self._answer(herd.answers)
        yield Gate("back")
        yield from self._connect()
        seen.resume_ms.append(herd.loop.now_ms - herd.since_ms)
        yield from self._answer(1)
        seen.outage_ms.append(herd.loop.now_ms - herd.down_ms)
        yield Gate("hand in")
        yield from self._hand_in()

    def _connect(self) -> Story:
        """A ticket, the handshake, HELLO and WELCOME; once more when it did not come to that."""
        told = {"t": "hello", "writer": self._writer, "last_sent": self._seq, "last_acked": self._acked}
        for _ in range(20):
            ticket = yield from self._asked("POST", f"{self._here}/ticket", {**TOLD, "x-csrf": self._csrf}, b"{}")
            if (yield Open("/sit/line", self._cookie)):
                yield Say({**told, "ticket": json.loads(ticket.body)["ticket"]})
                message = yield Hear()
                while message is not None and message["t"] not in {"welcome", "refused"}:
                    message = yield Hear()
                if message is not None and message["t"] == "welcome":
                    self._writer = message["writer"]
                    return
                if message is not None:
                    raise NotFound("line", f"{self._seat.sitting}: {message['code']}")
            self._herd.seen.put_off += 1
        raise NotFound("line", self._seat.sitting)

    def _answer(self, count: int) -> Story:
        """Open questions and answer them; return when all rows are acknowledged."""
        for number in range(self._seq + 1, self._seq + count + 1):
            page = (yield from self._asked("GET", f"{self._here}/item/q{number:02}")).body.decode()
            self._herd.seen.places[self._seat.sitting] = len(set(re.findall(rf"{self._here}/item/(\w+)", page)))
            options = _OPTION.findall(page)
            if not options:
                raise NotFound("question", f"{self._seat.sitting} q{number:02}")
            variable, option = options[int.from_bytes(self._herd.sources.dice.token(4)) % len(options)]
            yield Say(self._row(f"q{number:02}", json.dumps({variable: [option]})))
        while self._acked < self._seq:
            message = yield Hear()
            if message is None or message["t"] == "refused":
                raise NotFound("acknowledgement", f"{self._seat.sitting}: {message and message['code']}")
            if message["t"] == "ack":
                self._believe(message["acked"])

    def _row(self, item: str, payload: str) -> dict[str, Any]:
        self._seq += 1
        text = row_text(self._writer, self._seq, item, "answer", self._seq, payload)
        self._sent[self._seq] = sha256 = hashlib.sha256(text).hexdigest()
        row = {"t": "row", "seq": self._seq, "item": item, "kind": "answer", "payload": payload}
        return {**row, "client_ms": self._seq, "sha256": sha256}

    def _believe(self, acked: int) -> None:
        for seq in range(self._acked + 1, acked + 1):
            self._herd.seen.acked[self._seat.sitting, self._writer, seq] = self._sent[seq]
        self._acked = max(self._acked, acked)

    def _hand_in(self) -> Story:
        herd, last = self._herd, {"writer": str(self._writer), "last_seq": str(self._seq)}
        form = urlencode({"csrf": self._csrf, "sure": "yes", **last}).encode()
        done = yield from self._asked("POST", f"{self._here}/submit", TYPED, form)
        if done.status != 303:
            raise NotFound("receipt", f"{self._seat.sitting}: {done.status}")
        herd.seen.submit_ms.append(herd.loop.now_ms - herd.since_ms)
        receipt = yield from self._asked("GET", f"{self._here}/receipt.json", {"accept": "application/json"})
        herd.seen.receipts += bool(json.loads(receipt.body)["code"])

    def _asked(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Asked:
        """The answer to a request under the candidate's cookie. Raises: `NotFound` for a refusal."""
        answer: Answer = yield Ask(method, path, {**self._cookie, **(headers or {})}, body)
        self._herd.seen.put_off += answer.tries - 1
        if answer.status >= 400 or answer.status == 0:
            raise NotFound("page", f"{method} {path.replace(self._seat.sitting, '…')}: {answer.status}")
        return answer


def csrf_of(page: Answer) -> str:
    """The token of the page's forms. Raises: `NotFound` for a page without one."""
    found = _CSRF.search(page.body)
    if found is None:
        raise NotFound("form", f"the page has none: {page.status}")
    return found[1].decode()


def cookie_of(signed: Answer) -> dict[str, str]:
    """The header that carries the Login. Raises: `NotFound` when nobody was signed in."""
    cookie = signed.headers.get("set-cookie", "").partition(";")[0]
    if signed.status != 303 or not cookie:
        raise NotFound("login", str(signed.status))
    return {"cookie": cookie}


def quantile(values: list[int], share: float) -> int | None:
    """The value that ``share`` of the values do not exceed (nearest rank)."""
    found = sorted(values)
    return found[max(0, -int(-len(found) * share // 1) - 1)] if found else None


def _last_s(values: list[int]) -> float | None:
    return max(values) / 1000 if values else None


@dataclass(slots=True)
class _Found:
    """What the journal has: rows by sitting, outbox and number; how many questions each form has; who is sealed."""

    rows: dict[tuple[str, int, int], str] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    sealed: set[str] = field(default_factory=set)
    late: int = 0


def _stored(path: Path, figures: Figures) -> _Found:
    found, database = _Found(), Database(path)
    try:
        with database.reading() as connection:
            for row, fields in walk(Ledger(connection)):
                sitting, happened = row.stream.partition("/")[2], recorded(row, fields).event
                if isinstance(happened, RowReceived):
                    found.rows[sitting, happened.writer, happened.seq] = happened.sha256
                    found.late += happened.standing != "counted"
                elif isinstance(happened, FormAssigned):
                    found.items[sitting] = len(happened.form.items)
                elif isinstance(happened, SittingSealed):
                    found.sealed.add(sitting)
    except Tampered as tampered:
        figures.faults.append(f"the chain is broken at {tampered}")
    finally:
        database.close()
    return found
