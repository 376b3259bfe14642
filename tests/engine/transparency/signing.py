"""An exam day whose writer signs: Ada hands in, and the log gets its checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.keyring import Keyring
from engine.sources import Sources
from engine.store import Database
from engine.transparency.checkpoint import signer
from engine.transparency.integrator import EVERY_MS
from engine.transparency.log import Log
from engine.writer import Act, Writer
from tests.engine.day import FOLDS, PROJECTORS, Day


@contextmanager
def signing_day(folder: Path, sources: Sources) -> Iterator[Day]:
    database, keys = Database(folder / "data/invigil.db"), Keyring(folder / "keys", sources.dice)
    with Writer(database, sources, FOLDS, PROJECTORS, signer(keys)) as writer:
        yield Day(folder, writer, database, sources)
    database.close()


def hand_in(made: Day) -> Log:
    """Ada answers once and hands in; a second later the checkpoint over it is signed."""
    made.answer(1, "q01")
    made.end_it()
    made.wait(EVERY_MS)
    made.writer.run(Act(lambda _tx: None))  # anything: the batch takes the checkpoint with it
    return Log(made.database)
