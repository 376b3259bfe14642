"""The whole house on one machine, wired: the only place that knows every room.

`House` opens the data folder, starts the writer and hands out the doors. The server and the command line
use the same one: a command that gets the folder's lock works in process, otherwise it asks the server.

>>> with House(Settings(), system()) as house:      # doctest: +SKIP
...     house.people.by_login("grace")
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType

from engine import delivery, exam, independence, people, sitting, store, uploads
from engine import keyring as keys
from engine.attempting import Attempting
from engine.certification import certificate, decision, scheme, voting
from engine.certification.certificate import Certificates
from engine.certification.decision import Decisions
from engine.certification.scheme import Schemes
from engine.cohort import Cohort
from engine.delivery import Delivery
from engine.exam import Exams
from engine.invigilation import Invigilation
from engine.keyring import Keyring
from engine.notices import Channel, Notices, Smtp, Spool
from engine.pacing import Pacing
from engine.people import People
from engine.sources import Sources
from engine.store import Database
from engine.transparency import checkpoint
from engine.transparency.log import Log
from engine.uploads import Uploads
from engine.writer import Fold, Projector, Writer
from item_bank import bank
from item_bank.bank import Bank
from proctoring import inventory
from proctoring import review as review  # its events: whoever folds a sitting must be able to read them
from proctoring.inventory import Inventory
from web.settings import Settings

#: How each kind of stream folds, and every reading of events into tables.
FOLDS: dict[str, Fold] = {
    "sitting": sitting.Fold(),
    "exam": exam.Fold(),
    "upload": uploads.Fold(),
    "scheme": scheme.Fold(),
    "decision": voting.Fold(),
    "certificate": certificate.Fold(),
    "detector": inventory.Fold(),
    **bank.FOLDS,
}
PROJECTORS: tuple[Projector, ...] = (
    people.project,
    independence.project,
    exam.project,
    delivery.project,
    scheme.project,
    decision.project,
    certificate.project,
    *bank.PROJECTORS,
)


def create(settings: Settings, sources: Sources) -> None:
    """Make folders, keys and an empty database where they are missing. An operator's act; safe to repeat."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys.create(settings.keys, sources.dice)
    if not settings.database.exists():
        store.create(Database(settings.database))


def channels(settings: Settings) -> dict[str, Channel]:
    """How notices reach people: a spool of files always, mail where a server is named."""
    ways: dict[str, Channel] = {"spool": Spool(settings.spool)}
    if settings.smtp_host:
        ways["mail"] = Smtp(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_sender,
            user=settings.smtp_user,
            password=settings.smtp_password,
        )
    return ways


class House:
    """All doors of one installation. Raises: DATA_FOLDER_LOCKED when another process holds the folder."""

    def __init__(self, settings: Settings, sources: Sources) -> None:
        self.settings = settings
        self.sources = sources
        self.keyring = Keyring(settings.keys, sources.dice)
        self.database = Database(settings.database)
        self.writer = Writer(self.database, sources, FOLDS, PROJECTORS, checkpoint.signer(self.keyring))
        self.log = Log(self.database)
        common = (self.writer, self.database, sources, self.keyring)
        self.people = People(*common)
        self.bank = Bank(*common)
        self.exams = Exams(*common, self.bank)
        self.delivery = Delivery(*common, self.exams, self.bank, self.bank)
        self.cohort = Cohort(self.writer, sources, self.exams)
        self.invigilation = Invigilation(self.writer, sources, self.exams)
        #: Who is present at a wall of an exam. Nobody is, until there are walls: `web.wall` says so.
        self.present: Callable[[str], tuple[str, ...]] = lambda _exam: ()
        self.uploads = Uploads(self.writer, sources, self.keyring, self.delivery, settings.uploads)
        self.pacing = Pacing(self.writer, sources, self.exams, self.bank, self.bank)
        self.attempting = Attempting(self.writer, sources, self.exams, self.bank, self.bank)
        self.schemes = Schemes(self.writer, self.database, sources)
        self.certificates = Certificates(self.database, sources, self.keyring)
        self.notices = Notices(*common, channels(settings), "mail" if settings.smtp_host else "spool")
        self.decisions = Decisions(*common, self.notices)
        self.inventory = Inventory(self.writer, self.database, sources)
        self._open = ExitStack()

    def __enter__(self) -> House:
        self._open.enter_context(self.writer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        self.database.close()
