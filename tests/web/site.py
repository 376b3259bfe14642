"""A small certification body behind a real application: people, a bank of practice items, an exam day, a booked seat.

Mary runs the exams, Rosalind reviews and decides, Katherine and Hedy decide, Grace invigilates (and holds the
decider's role, which the rules have to stop), Joan looks at incidents, Emmy writes; Ada and Noor sit.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette

from engine.admission import ENVIRONMENT, SITTING_TEXTS, USE_TEXT
from engine.events import AgreementSigned, EnvironmentChecked, IdentityShown, IdentityVerified, IncidentReported
from engine.form import ItemRef, Seat
from engine.people import Login
from engine.sources import ManualClock, Sources
from item_bank.bank import key_of
from tests.engine.builders import a_row, chose
from web.acts import OPERATOR_LOGIN, perform
from web.app import make_app
from web.house import House, create
from web.security import COOKIE
from web.settings import Patience, Settings

#: As the real server has it (`scripts.server`): a little more than the largest frame.
WS_MOST_BYTES = 256 * 1024
PASSWORD = "correct horse battery"
PACKAGES = Path(__file__).parents[2] / "item_bank" / "packages"
BLUEPRINT = {
    "name": "tiny",
    "title": "Three questions",
    "sections": [{"name": "s1", "title": "Questions"}],
    "rows": [{"name": "r1", "section": "s1", "domain": "PRACTICE", "count": 3}],
    "limit_ms": 1_800_000,
    "cut": 0.5,
}
TEAM = {
    "emmy": ("Emmy Noren", ("writer",)),
    "rosalind": ("Rosalind Frey", ("reviewer", "decider")),
    "mary": ("Mary Okafor", ("administrator", "reviewer", "bank-manager")),
    "grace": ("Grace Holm", ("proctor", "decider")),
    "joan": ("Joan Clarkson", ("investigator",)),
    "katherine": ("Katherine Berg", ("decider",)),
    "hedy": ("Hedy Lamont", ("decider",)),
    "linus": ("Linus Varga", ("system-administrator",)),
}
CANDIDATES = {"ada": "Ada Quill", "noor": "Noor Salim"}
SCHEME = {
    "scheme": "tiny",
    "version": 1,
    "title": "Everyday Questions Technician",
    "body": "Lindqvist Institute",
    "authoriser": "Mary Okafor, head of certification",
    "validity": {"months": 36, "rationale": "Days of the week do not change often."},
    "parts": {
        name: f"What {name} is, in a sentence."
        for name in (
            *("scope", "job-and-task", "competence", "abilities", "prerequisites", "code-of-conduct"),
            *("certification-criteria", "assessment-methods", "recertification", "surveillance"),
            *("suspension-and-withdrawal", "scope-change"),
        )
    },
    "criteria": {"identity": "The identity was verified", "exam": "The exam was passed"},
    "reasons": {
        "GRANT": {"all-met": "Every requirement is met"},
        "REFUSE": {"exam-failed": "The exam was not passed"},
        "DEFER": {"more-evidence": "Something is still missing"},
    },
    "causes": {"misuse": "The certificate was misused"},
    "deciders": 2,
    "cut": 0.5,
}


def settings_of(folder: Path) -> Settings:
    return Settings(
        data=folder / "data",
        keys=folder / "keys",
        spool=folder / "spool",
        models=folder / "models",
        demo=True,
        workers=1,
    )


def found(folder: Path, sources: Sources) -> None:
    """Found the body: everything by the acts that everybody uses, each by the person whose act it is."""
    settings = settings_of(folder)
    create(settings, sources)
    with House(settings, sources) as house:
        for account, (name, roles) in TEAM.items():
            told = {"name": name, "born": "1980-01-01", "email": f"{account}@example.org", "login": account}
            perform(house, OPERATOR_LOGIN, "people.add", {**told, "password": PASSWORD})
            for role in roles:
                perform(house, OPERATOR_LOGIN, "people.grant", {"person": account, "role": role})
            perform(house, login(house, account), "people.commit", {})
        mary, rosalind = login(house, "mary"), login(house, "rosalind")
        for account, name in CANDIDATES.items():
            told = {"name": name, "born": "1990-01-01", "email": f"{account}@example.org", "login": account}
            perform(house, mary, "people.add", {**told, "candidate": True})
        done = perform(house, login(house, "emmy"), "bank.import", {"path": str(PACKAGES / "practice")})
        items = done["drafted"]
        perform(house, mary, "bank.approve", {"items": items})
        perform(house, rosalind, "bank.approve", {"items": items})
        keys = {item: list(key_of(house.bank.show(mary.person, item))) for item in items}
        perform(house, rosalind, "bank.keys", {"keys": keys})
        perform(house, mary, "bank.activate", {"items": items})
        perform(house, mary, "scheme.draft", {"scheme": SCHEME})
        perform(house, rosalind, "scheme.activate", {"scheme": "tiny", "version": 1})
        exam = perform(house, mary, "exam.plan", plan())["exam"]
        perform(house, mary, "exam.book", {"exam": exam, "candidate": "ada"})
        perform(house, mary, "exam.open", {"exam": exam})


def plan(**changed: Any) -> dict[str, Any]:
    """An exam day of today, in a zone two hours ahead of UTC."""
    return {
        "title": "Spring exam",
        "scheme": "tiny/1",
        "blueprint": BLUEPRINT,
        "policy": "demo",
        "opens": "2026-03-02T10:00",
        "closes": "2026-03-02T20:00",
        "zone": "Europe/Helsinki",
        "seats": "2",
        "proctors": ["grace"],
        **changed,
    }


def login(house: House, account: str) -> Login:
    return house.people.whoami(house.people.sign_in(account, PASSWORD))


@dataclass
class Browser:
    """One person's browser, on an origin of their own."""

    site: Site
    account: str
    token: str = ""

    @property
    def host(self) -> str:
        return f"{self.account}.localhost:8000"

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self._ask("GET", path, headers=headers)

    def post(self, path: str, data: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        """A form of our own page: its token is added."""
        return self.post_bare(path, {"csrf": self.form_token(), **(data or {})}, **headers)

    def post_bare(self, path: str, data: dict[str, Any], **headers: str) -> httpx.Response:
        return self._ask("POST", path, data=data, headers={"origin": f"http://{self.host}", **headers})

    def form_token(self) -> str:
        house = self.site.house
        token: str = self.site.app.state.door.form_token(house.people.whoami(self.token) if self.token else None)
        return token

    def sign_in(self) -> Browser:
        """With the password, over the page."""
        answer = self.post("/sign-in/staff", {"account": self.account, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        self.token = answer.cookies[COOKIE]
        return self

    def _ask(self, method: str, path: str, headers: dict[str, str], **what: Any) -> httpx.Response:
        cookie = {"cookie": f"{COOKIE}={self.token}"} if self.token else {}
        self.site.client.cookies.clear()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.site.client.request(method, path, headers={"host": self.host, **cookie, **named}, **what)


@dataclass
class Site:
    """The application, running, with what is in it at hand."""

    app: Starlette
    client: httpx.Client
    clock: ManualClock
    house: House
    exam: str
    sitting: str

    def browser(self, account: str) -> Browser:
        return Browser(self, account)

    def signed_in(self, account: str) -> Browser:
        """Without the cost of a page: a Login for somebody of the team."""
        return Browser(self, account, self.house.people.sign_in(account, PASSWORD))

    def candidate(self, account: str = "ada") -> Browser:
        """With the one-time code as it was spooled."""
        self.house.notices.deliver_due()
        texts = [path.read_text() for path in self.house.settings.spool.glob("*.txt")]
        text = next(one for one in texts if "code signs you in" in one and f"{account}@example.org" in one)
        code = text.split("    ")[1].split()[0]
        return Browser(self, account, self.house.people.sign_in_with_code(code))

    def person(self, account: str) -> str:
        return self.house.people.by_login(account).person

    def call(self, account: str, act: str, params: dict[str, Any], token: str = "") -> httpx.Response:
        """An act over HTTP, as the command line does it."""
        token = token or self.house.people.sign_in(account, PASSWORD)
        headers = {"authorization": f"Bearer {token}"}
        return self.client.post(f"/api/acts/{act}", json=params, headers=headers)

    # -- how far the sitting is -----------------------------------------------------------------------

    def present(self, account: str = "grace") -> None:
        policy = self.house.exams.exam(self.exam).policy
        self.app.state.desk.duty.opened(self.person(account), self.exam, policy, self.clock.now())

    def checked_in(self) -> None:
        """Ada has checked in, shown her picture and signed everything; Grace has looked at her room."""
        delivery, ada, grace = self.house.delivery, self.person("ada"), self.person("grace")
        delivery.check_in(ada, self.sitting)
        for text in (*SITTING_TEXTS, USE_TEXT):
            delivery.sign(ada, self.sitting, AgreementSigned(text, "2026-1", "ab" * 32, "en"))
        delivery.check_environment(grace, self.sitting, EnvironmentChecked(ENVIRONMENT))

    def running(self) -> None:
        self.checked_in()
        delivery, ada, grace = self.house.delivery, self.person("ada"), self.person("grace")
        delivery.show_identity(ada, self.sitting, IdentityShown("5a" * 32, 1280, 960))
        delivery.verify_identity(grace, self.sitting, IdentityVerified("5a" * 32, "passport", "live"))
        delivery.start(grace, self.sitting, present=(grace,))

    def answered(self) -> None:
        """Ada answers every question rightly."""
        delivery, ada = self.house.delivery, self.person("ada")
        writer, state = delivery.open_outbox(ada, self.sitting)
        assert state.form is not None
        for seq, place in enumerate(state.form.items, start=1):
            payload = chose(*self._right(place.ref, delivery.item(ada, self.sitting, place.position).rules[0].options))
            delivery.receive(ada, self.sitting, a_row(seq, place.position, payload, writer=writer))

    def _right(self, ref: ItemRef, options: frozenset[str]) -> tuple[str, ...]:
        """The options that score all points: found by trying, as nobody is told the key."""
        seat = Seat(self.sitting, self.house.exams.seat_seed(self.house.exams.exam(self.exam), self.sitting))
        for size in range(1, len(options) + 1):
            for chosen in combinations(sorted(options), size):
                outcome = self.house.bank.score(ref, {"RESPONSE": chosen}, seat)
                if outcome.score == outcome.max_score:
                    return chosen
        raise AssertionError("no options score all points")

    def scored(self, *, incident: bool = False) -> None:
        """Ada has handed in with every question answered rightly."""
        self.running()
        self.answered()
        delivery, ada = self.house.delivery, self.person("ada")
        if incident:
            at = self.clock.now()
            told = IncidentReported("inc-1", "face_absent", "medium", at, "No face was seen", (), "8 of 8", False)
            delivery.report(self.sitting, told)
        delivery.submit(ada, self.sitting, 0, 0)
        delivery.score(self.sitting)

    def released(self) -> None:
        self.scored()
        perform(self.house, login(self.house, "joan"), "review.release", {"sitting": self.sitting, "note": "All well"})

    def wait(self, by_ms: int) -> None:
        self.clock.advance(by_ms)


@contextmanager
def site(
    folder: Path, sources: Sources, patience: Patience | None = None, settings: Settings | None = None
) -> Iterator[Site]:
    """The application over the body in ``folder``, behind a real server in a thread."""
    app = make_app(settings or settings_of(folder), sources, patience)
    config = uvicorn.Config(
        app,
        port=0,
        log_config=None,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=WS_MOST_BYTES,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            house: House = app.state.house
            exam = house.exams.all()[0]["exam"]
            booked = next(row["sitting"] for row in house.exams.sittings(exam) if not row["practice"])
            assert isinstance(sources.clock, ManualClock)
            yield Site(app, client, sources.clock, house, exam, booked)
    finally:
        server.should_exit = True
        thread.join(30)
