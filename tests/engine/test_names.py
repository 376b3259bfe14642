"""Names of people: written in any language, and in nothing that hides or turns the line around."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import keyring, people, sitting, store
from engine.errors import Refused
from engine.keyring import Keyring
from engine.people import People
from engine.sources import Sources
from engine.store import Database
from engine.writer import Writer


@pytest.fixture
def registry(tmp_path: Path, sources: Sources) -> Iterator[People]:
    keyring.create(tmp_path / "keys", sources.dice)
    database = Database(tmp_path / "invigil.db")
    store.create(database)
    with Writer(database, sources, {"sitting": sitting.Fold()}, [people.project]) as writer:
        yield People(writer, database, sources, Keyring(tmp_path / "keys", sources.dice))
    database.close()


def add(registry: People, name: str, email: str = "ada@example.org") -> str:
    return registry.add("operator", name, born="1990-01-01", email=email, login="ada")


@pytest.mark.parametrize("name", ["Ada Quill", "Åsa Öberg", "علی‌رضا نوری", "Nguyễn Thị Ánh", "山田 花子", "O’Brien-Sá"])
def test_a_name_of_any_language_is_a_name(registry: People, name: str) -> None:
    assert name == registry.person(add(registry, name)).name


@pytest.mark.parametrize(
    "sign", ["\n", "\r", "\t", "\x00", "\x1b", "\x85", "\u2028", "\u202e", "\u2066", "\u200f", "\ud800"]
)
def test_a_name_or_address_with_a_sign_that_hides_or_turns_the_line_is_refused(registry: People, sign: str) -> None:
    for told in (("Ada" + sign + "Quill", "ada@example.org"), ("Ada Quill", "ada" + sign + "@example.org")):
        with pytest.raises(Refused, match="INPUT_INVALID"):
            add(registry, *told)
    assert "Ada Quill" == registry.person(add(registry, "Ada Quill")).name
