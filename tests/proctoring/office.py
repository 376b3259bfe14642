"""A whole office for the desk's tests: a real journal, real keys, real workers, Ada's running sitting.

Ada sits, Grace proctors, Katherine investigates, Emmy is on the staff and none of these. The pool really
spawns; `Office.frames` waits for its answers and for the scribe, so that a test reads what is committed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from engine import conduct, exam, independence, keyring, people, sitting, store
from engine import delivery as deliveries
from engine.delivery import Delivery
from engine.events import OPERATOR, Recorded
from engine.keyring import Keyring
from engine.people import People, Role
from engine.policy import Policy
from engine.sitting import Phase, Sitting
from engine.sources import ManualClock, SeededDice, Sources
from engine.store import Database, Ledger, row
from engine.writer import Append, Fold, Writer
from proctoring.desk import Desk
from proctoring.evidence import Evidence, FolderShelf
from proctoring.frame import Frame, FrameChain
from proctoring.inventory import Fold as DetectorFold
from proctoring.inventory import Inventory
from proctoring.notice import Notice
from proctoring.pool import Outcome, Pool
from proctoring.track import Taken
from tests.engine.builders import NINE, World, a_sitting

SITTING = "sit-ada"


class Office:
    """Use as a context manager."""

    def __init__(self, folder: Path, pool: SharedPool, *, policy: Policy | None = None) -> None:
        self.folder = folder
        self.clock = ManualClock(NINE)
        self.sources = Sources(self.clock, SeededDice(20260302))
        keyring.create(folder / "keys", self.sources.dice)
        self.keyring = Keyring(folder / "keys", self.sources.dice)
        self.database = Database(folder / "invigil.db")
        store.create(self.database)
        projectors = (people.project, independence.project, deliveries.project, exam.project)
        folds: dict[str, Fold] = {"sitting": sitting.Fold(), "exam": exam.Fold(), "detector": DetectorFold()}
        self.writer = Writer(self.database, self.sources, folds, projectors)
        self.inventory = Inventory(self.writer, self.database, self.sources)
        self.people = People(self.writer, self.database, self.sources, self.keyring)
        nobody = cast(Any, None)  # exam days and items are other people's rooms: no method used here enters them
        self.delivery = Delivery(self.writer, self.database, self.sources, self.keyring, nobody, nobody)
        self.evidence = Evidence(FolderShelf(folder / "evidence"), self.keyring, self.writer, self.sources)
        self.pool = pool
        self.grace_beats = True
        self.policy = policy or Policy()
        self.notices: list[Notice] = []
        self.desk = self.new_desk()
        self.camera = Sender()

    def new_desk(self) -> Desk:
        """A desk over the same journal, as after a restart."""
        desk = Desk(self.delivery, self.writer, self.sources, self.evidence, self.pool)
        desk.listen(self.notices.append)
        return desk

    def __enter__(self) -> Office:
        self.writer.__enter__()
        self.katherine = self._staff("Katherine", Role.INVESTIGATOR)
        self.grace = self._staff("Grace", Role.PROCTOR)
        self.emmy = self._staff("Emmy", Role.WRITER)
        self.mary = self._staff("Mary", Role.ADMINISTRATOR)
        return self

    def __exit__(self, *_: object) -> None:
        self.desk.stop()
        self.writer.__exit__(None, None, None)
        self.database.close()

    # -- Ada's sitting --------------------------------------------------------------------------------

    def ada(self, until: Phase = Phase.RUNNING, *, practice: bool = False) -> Sitting:
        """Put Ada's sitting into the journal, led lawfully to ``until`` by Grace, and let the desk follow it."""
        world = a_sitting(until, policy=self.policy)
        self.append(*world.journal, practice=practice)
        self.desk.follow(self.state)
        return self.state

    def append(self, *journal: Recorded, practice: bool = False) -> None:
        for actor, group in groupby(journal, key=lambda each: each.actor):
            events = [each.event for each in group]
            if practice:
                events = [_practising(each) for each in events]
            by = {"grace": self.grace}.get(actor, actor)
            job = Append(f"sitting/{SITTING}", by, self.clock.now(), lambda state, events=events: events)  # type: ignore[misc]
            self.writer.run(job)

    def pacing_choice(self, route: str) -> None:
        """Ada chooses how to be watched; the desk hears of it as of any committed event."""
        choose = Append(f"sitting/{SITTING}", "ada", self.clock.now(), lambda state: conduct.choose_watch(state, route))
        self.writer.run(choose)
        self.desk.heard(self.history("WatchChosen")[-1])

    def record(self, *events: object, by: str = "grace") -> None:
        world = World()
        world.record(*events, by=by)
        self.append(*world.journal)

    @property
    def state(self) -> Sitting:
        return self.delivery.sitting(SITTING)

    def kinds(self) -> list[str]:
        """What the journal says of Ada's sitting, kind by kind."""
        with self.database.reading() as connection:
            return [each.kind for each in Ledger(connection).history(f"sitting/{SITTING}")]

    def history(self, kind: str) -> list[Recorded]:
        with self.database.reading() as connection:
            return [each for each in Ledger(connection).history(f"sitting/{SITTING}") if each.kind == kind]

    def person_row(self, person: str) -> dict[str, Any]:
        return self._row("person", person)

    def commitment_row(self, person: str) -> dict[str, Any]:
        return self._row("commitment", person)

    def _row(self, table: str, person: str) -> dict[str, Any]:
        with self.database.reading() as connection:
            found = row(connection, table, person=person)
        assert found is not None
        return found

    # -- the camera -----------------------------------------------------------------------------------

    def open_camera(self) -> None:
        self.camera = Sender()
        self.desk.camera_opened(SITTING)
        self.settle()

    def frame(self, jpeg: bytes) -> Taken:
        return self.desk.frame_arrived(SITTING, self.camera.message(jpeg), self.clock.now())

    def frames(self, jpegs: Iterable[bytes]) -> None:
        """One frame a second, each looked at before the next arrives, with the tick of each second."""
        for jpeg in jpegs:
            self.frame(jpeg)
            self.pool.wait()
            self.second()

    def second(self, count: int = 1) -> None:
        for _ in range(count):
            self.clock.advance(1_000)
            if self.grace_beats:
                self.desk.duty.heard(self.grace, "exam-1", self.clock.now())
            self.desk.tick(self.clock.now())
        self.settle()

    def settle(self) -> None:
        assert self.desk.settle()

    def told(self, kind: type) -> list[Any]:
        return [notice for notice in self.notices if isinstance(notice, kind)]

    def _staff(self, name: str, role: str) -> str:
        login = name.lower()
        person = self.people.add(OPERATOR, name, born="1990-02-04", email=f"{login}@example.org", login=login)
        self.people.grant(OPERATOR, person, role)
        self.people.sign_commitment(person)
        return person


class SharedPool(Pool):
    """The pool itself, one for a whole file of tests, and a way to wait until it has answered everything."""

    def __init__(self, model: Path | None = None) -> None:
        super().__init__(model, workers=1)
        self._begin_counting()

    def _begin_counting(self) -> None:
        self._asked = 0
        self._answered = 0
        self._settled = threading.Condition()

    def stop(self) -> None:
        """A desk ends; the next test's desk goes on with the same workers."""
        self.forget(SITTING)

    def end(self) -> None:
        super().stop()

    def submit(self, sitting: str, frame: Frame, on_done: Any, *, faces: bool = True) -> None:
        with self._settled:
            self._asked += 1

        def done(outcome: Outcome) -> None:
            on_done(outcome)
            with self._settled:
                self._answered += 1
                self._settled.notify_all()

        super().submit(sitting, frame, done, faces=faces)

    def wait(self) -> None:
        with self._settled:
            assert self._settled.wait_for(lambda: self._answered == self._asked, 60)


class Sender:
    """A camera that numbers and chains its frames as the browser does."""

    def __init__(self) -> None:
        self._chain = FrameChain()

    @property
    def newest(self) -> str:
        """The hash of the newest message, as an answer to a challenge names it."""
        return self._chain.newest.hex()

    def message(self, jpeg: bytes) -> bytes:
        return self._chain.wrap(jpeg, (self._chain.seq + 1) * 1_024)


def _practising(happened: Any) -> Any:
    return replace(happened, practice=True) if type(happened).__name__ == "SittingCreated" else happened
