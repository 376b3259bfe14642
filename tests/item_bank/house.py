"""A small lawful bank for the tests: a writer thread on a real database, keys, and named people with roles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine import keyring, people
from engine.keyring import Keyring
from engine.people import People, Role
from engine.sources import Sources
from engine.store import Database, Ledger, create
from engine.writer import Writer
from item_bank.bank import FOLDS, PROJECTORS, Bank

#: Emmy and Hedy write; Grace and Rosalind review; Mary manages the bank; Ada runs exams; Bob has no role.
ROLES = {
    "emmy": (Role.WRITER,),
    "hedy": (Role.WRITER, Role.REVIEWER),
    "grace": (Role.REVIEWER,),
    "rosalind": (Role.REVIEWER,),
    "mary": (Role.BANK_MANAGER, Role.REVIEWER),
    "ada": (Role.ADMINISTRATOR,),
    "bob": (),
}


@dataclass(frozen=True, slots=True)
class House:
    """Everything a test of the bank asks for. ``ids`` are persons by their login."""

    bank: Bank
    writer: Writer
    database: Database
    sources: Sources
    keyring: Keyring
    people: People
    ids: dict[str, str]

    def kinds(self, stream: str) -> list[str]:
        """The kinds of the stream's events, in order."""
        with self.database.reading() as connection:
            return [one.kind for one in Ledger(connection).history(stream)]

    def make_active(self, items: list[str], key: str = "A") -> None:
        """The whole lawful way from a draft to a live item."""
        self.bank.approve(self.ids["grace"], items)
        self.bank.approve(self.ids["rosalind"], items)
        self.bank.state_keys(self.ids["grace"], dict.fromkeys(items, (key,)))
        self.bank.activate(self.ids["mary"], items)


@contextmanager
def new_house(folder: Path, sources: Sources) -> Iterator[House]:
    data, keys = folder / "data", folder / "keys"
    data.mkdir()
    keyring.create(keys, sources.dice)
    ring = Keyring(keys, sources.dice)
    database = Database(data / "invigil.db")
    create(database)
    with Writer(database, sources, FOLDS, [*PROJECTORS, people.project]) as writer:
        persons = People(writer, database, sources, ring)
        ids = {login: _person(persons, login, roles) for login, roles in ROLES.items()}
        bank = Bank(writer, database, sources, ring)
        yield House(bank, writer, database, sources, ring, persons, ids)
    database.close()


def _person(persons: People, login: str, roles: tuple[Role, ...]) -> str:
    person = persons.add("operator", login.title(), born="1980-02-29", email=f"{login}@invigil.example", login=login)
    for role in roles:
        persons.grant("operator", person, role)
    persons.sign_commitment(person)
    return person
