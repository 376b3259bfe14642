"""A register of people over a real writer and real tables: who there is, and what each did in whose sitting.

Ada and Noor sit, Grace proctors, Hedy is anybody else who acts, Emmy decides. Sittings are led by the engine's own
commands through the writer, so every act that makes a participation is a lawful one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine import admission, conduct, delivery, ending, independence, keyring, people, sitting, store
from engine.events import SYSTEM, Event, SittingCreated
from engine.keyring import Keyring
from engine.people import People
from engine.policy import Policy
from engine.sitting import Phase, Sitting
from engine.sources import Sources
from engine.store import Connection, Database
from engine.writer import Act, Append, Appended, Fold, Writer
from tests.engine.builders import ROAD, a_score, assigned, created, sealed, shown, signed, verified

FOLDS: dict[str, Fold] = {"sitting": sitting.Fold()}
PROJECTORS = (people.project, independence.project, delivery.project)

DAY_MS = 86_400_000
Command = Callable[..., Sequence[Event]]


class Register:
    """Everything wired, and people by first name."""

    def __init__(self, folder: Path, writer: Writer, database: Database, sources: Sources) -> None:
        self.folder, self.writer, self.database, self.sources = folder, writer, database, sources
        self.keyring = Keyring(folder / "keys", sources.dice)
        self.people = self.booted()
        self._person: dict[str, str] = {}

    def booted(self) -> People:
        """The door as another start of the server would open it."""
        return People(self.writer, self.database, self.sources, self.keyring)

    # -- people ---------------------------------------------------------------------------------------

    def add(self, name: str, *, born: str = "1990-01-01", login: str = "", own_personnel: bool = True) -> str:
        """Register somebody; email and login follow from the first name."""
        first = name.split()[0].lower()
        address, login = f"{first}@example.org", login or first
        person = self.people.add("operator", name, born=born, email=address, login=login, own_personnel=own_personnel)
        self._person[first] = person
        return person

    def hire(self, name: str, *roles: str, days: int = 365) -> str:
        """Register somebody with active roles."""
        person = self.add(name)
        for role in roles:
            self.people.grant("operator", person, role, days=days)
        self.people.sign_commitment(person)
        return person

    def __getitem__(self, first_name: str) -> str:
        return self._person.get(first_name, first_name)

    # -- asking ---------------------------------------------------------------------------------------

    def ask(self, guard: Callable[..., None], *facts: Any) -> None:
        """A guard's question, on a reading connection. Raises what it raises."""
        with self.database.reading() as connection:
            guard(connection, *facts)

    def rows(self, table: str, **where: Any) -> list[dict[str, Any]]:
        with self.database.reading() as connection:
            return store.rows(connection, table, **where)

    def projections(self) -> dict[str, list[dict[str, Any]]]:
        """Every projected table, each in the order of its own contents."""
        with self.database.reading() as connection:
            return {name: sorted(store.rows(connection, name), key=repr) for name in store.projections()}

    def events(self, stream: str) -> list[Event]:
        with self.database.reading() as connection:
            return [recorded.event for recorded in store.Ledger(connection).history(stream)]

    # -- sittings -------------------------------------------------------------------------------------

    def act(self, actor: str, decide: Callable[[Sitting], Sequence[Event]], name: str = "sit-1") -> Appended:
        """``actor`` (a first name, or one that is no person) does what ``decide`` makes of the sitting."""
        at = self.sources.now()
        done: Appended = self.writer.run(Append(f"sitting/{name}", self[actor], at, decide))
        return done

    def record(self, actor: str, *events: Event, name: str = "sit-1") -> None:
        self.act(actor, lambda _state: events, name)

    def sit(
        self, until: Phase = Phase.RUNNING, candidate: str = "ada", *, name: str = "sit-1", by: str = "grace"
    ) -> None:
        """Lead a sitting of ``candidate`` lawfully to ``until`` (one of `ROAD`), invigilated by ``by``."""
        at = self.sources.now()
        steps: dict[Phase, tuple[tuple[str, Callable[[Sitting], Sequence[Event]]], ...]] = {
            Phase.CREATED: (
                ("mary", lambda state: admission.create(state, self._created(candidate))),
                ("mary", lambda state: admission.assign_form(state, assigned())),
            ),
            Phase.CHECK_IN: (
                (candidate, lambda state: admission.open_check_in(state, at)),
                (candidate, lambda state: admission.show_identity(state, shown())),
            ),
            Phase.READY: (
                (by, lambda state: admission.verify_identity(state, self[by], verified())),
                *((candidate, self._signing(text)) for text in admission.SITTING_TEXTS),
                (by, lambda state: admission.check_environment(state, admission.ENVIRONMENT)),
                (by, admission.ready),
            ),
            Phase.RUNNING: (
                (by, lambda state: admission.start(state, at, self[by], "build", present=True)),
            ),
            Phase.SUBMITTED: ((candidate, lambda state: conduct.submit(state, 0, 0)),),
            Phase.SEALED: (
                (SYSTEM, lambda state: (sealed(state.rows),)),
                (SYSTEM, lambda state: ending.record_score(state, a_score())),
            ),
        }
        for phase in ROAD[: ROAD.index(until) + 1]:
            for actor, decide in steps[phase]:
                self.act(actor, decide, name)

    def practise(self, candidate: str = "ada") -> None:
        """A practice, which the candidate starts alone."""
        at, made = self.sources.now(), self._created(candidate)
        made = replace(made, practice=True, policy=Policy(attended=False))
        self.act("mary", lambda state: admission.create(state, made), "try-1")
        self.act("mary", lambda state: admission.assign_form(state, assigned()), "try-1")
        self.act(candidate, lambda state: admission.open_check_in(state, at), "try-1")
        self.act(
            candidate,
            lambda state: admission.start(state, at, self[candidate], "build", present=False),
            "try-1",
        )

    def _created(self, candidate: str) -> SittingCreated:
        return replace(created(), candidate=self[candidate])

    def _signing(self, text: str) -> Callable[[Sitting], Sequence[Event]]:
        return lambda state: admission.sign(state, signed(text))

    def inside(self, question: Callable[[Connection], Any]) -> Any:
        """Ask inside a transaction of the writer, as guards are."""
        return self.writer.run(Act(lambda tx: question(tx.connection)))


def found(folder: Path, sources: Sources) -> None:
    """Keys and an empty database in ``folder``."""
    keyring.create(folder / "keys", sources.dice)
    database = Database(folder / "invigil.db")
    store.create(database)
    database.close()


@contextmanager
def opened(folder: Path, sources: Sources) -> Iterator[Register]:
    """The register whose database and keys lie in ``folder``."""
    database = Database(folder / "invigil.db")
    with Writer(database, sources, FOLDS, PROJECTORS) as writer:
        yield Register(folder, writer, database, sources)
    database.close()
