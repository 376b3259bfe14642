"""``invigil demo``: a small lawful certification body under ``./var``, an open exam day, and the server.

Everything is done by the acts that everybody uses, each by the person whose act it is: the operator registers
the people of ``demonstration.toml`` and grants roles; they sign their commitment; Emmy and Hedy import items;
Mary and Grace review them, Grace states the keys a second time, Mary activates; Mary plans the day and books
candidates. A second run continues where the first one stopped; ``--fresh`` starts over.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from engine.errors import NotFound, Refused
from engine.people import Login
from engine.sources import base32, epoch_ms, iso, system
from engine.writer import hold_folder
from item_bank.bank import key_of
from item_bank.qti.package import read_package
from proctoring.signals import THRESHOLDS
from scripts import console
from scripts.migrations.schema import upgrade
from scripts.server import serve
from web import house as houses
from web.acts import OPERATOR_LOGIN, perform
from web.detectors import installed
from web.house import House
from web.settings import Settings

HERE: Final = Path(__file__).parent
PACKAGES: Final = HERE.parent / "item_bank" / "packages"
EXAM_PACKAGE: Final = PACKAGES / "electrical_safety"
PRACTICE_PACKAGE: Final = PACKAGES / "practice"
#: What `invigil proctor report` says of this release on this project's labelled pictures.
SHEET: Final = HERE / "faces_sheet.json"


def command(
    fresh: Annotated[bool, typer.Option("--fresh", help="Throw the demo in ./var away and start over.")] = False,
    port: Annotated[int, typer.Option(help="Port to serve on.")] = 8000,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Set everything up, print it, and end.")] = False,
    as_json: console.Json = False,
) -> None:
    """A whole certification body to try out, with an exam day that is open now."""
    var = Path("var").resolve()
    if fresh and var.exists():
        _throw_away(var)
    settings = demo_settings(var, port)
    found = set_up(settings, var, told_body())
    shown = table_of(found, settings)
    if as_json:
        console.tell({"ok": True, "url": settings.url, **shown}, as_json)
    else:
        _print(shown, settings)
    if not no_serve:
        serve(settings)


def demo_settings(var: Path, port: int) -> Settings:
    """Everything under one folder. The keys' folder is beside the data here, which `doctor` would refuse."""
    return Settings(
        demo=True,
        port=port,
        data=var / "data",
        keys=var / "keys",
        spool=var / "spool",
        login=var / "login.json",
        models=Settings().models.resolve(),
    )


@dataclass(frozen=True, slots=True)
class Body:
    """What the set-up made or found: passwords by account, sittings and codes by candidate."""

    exam: str
    passwords: dict[str, str]
    codes: dict[str, str]
    sittings: dict[str, str]


def told_body() -> dict[str, Any]:
    """The demo's people, candidates, scheme and exam day, as ``demonstration.toml`` tells them."""
    return tomllib.loads((HERE / "demonstration.toml").read_text())


def set_up(settings: Settings, var: Path, told: dict[str, Any]) -> Body:
    """Make whatever is missing and return the whole. ``told``: see `told_body`.

    Raises: DATA_FOLDER_LOCKED when a server runs on this body.
    """
    houses.create(settings, system())
    upgrade(settings.database)
    memory = _Memory(var / "demo.json")
    with House(settings, system()) as house:
        team = _Team(house, memory)
        team.register(told["people"], told["candidates"])
        _fill_bank(house, team)
        _approve_faces(house, team)
        scheme = told["scheme"]
        if not any(found["scheme"] == scheme["scheme"] for found in house.schemes.all()):
            team.act("mary", "scheme.draft", {"scheme": scheme})
            team.act("grace", "scheme.activate", {"scheme": scheme["scheme"], "version": scheme["version"]})
        exam = _exam_day(house, team, told["exam"], scheme)
        sittings = _book(house, team, exam, [one["login"] for one in told["candidates"]])
        while house.notices.deliver_due().delivered:
            pass
    codes = _spooled_codes(settings.spool)
    return Body(exam, dict(memory.passwords), {login: codes[login] for login in sittings if login in codes}, sittings)


class _Memory:
    """The demo's invented passwords, so that a second run can sign in as everybody again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.passwords: dict[str, str] = json.loads(path.read_text()) if path.is_file() else {}

    def password(self, login: str) -> str:
        if login not in self.passwords:
            word = base32(system().secret(10))
            self.passwords[login] = "-".join(word[at : at + 4] for at in range(0, 16, 4))
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump(self.passwords, file, indent=1)
        return self.passwords[login]


class _Team:
    """The body's people, each acting with an own Login."""

    def __init__(self, house: House, memory: _Memory) -> None:
        self._house = house
        self._memory = memory
        self._logins: dict[str, Login] = {}

    def register(self, people: list[dict[str, Any]], candidates: list[dict[str, Any]]) -> None:
        for one in people:
            if self._known(one["login"]):
                continue
            self._operate("people.add", {**_personal(one), "password": self._memory.password(one["login"])})
            for role in one["roles"]:
                self._operate("people.grant", {"person": one["login"], "role": role})
            self.act(one["login"], "people.commit", {})
        for one in candidates:
            if not self._known(one["login"]):
                self.act("mary", "people.add", {**_personal(one), "candidate": True})

    def act(self, login: str, act: str, params: dict[str, Any]) -> Any:
        """One act of the person with this account."""
        if login not in self._logins:
            token = self._house.people.sign_in(login, self._memory.password(login))
            self._logins[login] = self._house.people.whoami(token)
        return perform(self._house, self._logins[login], act, params)

    def _operate(self, act: str, params: dict[str, Any]) -> Any:
        return perform(self._house, OPERATOR_LOGIN, act, params)

    def _known(self, login: str) -> bool:
        try:
            self._house.people.by_login(login)
        except NotFound:
            return False
        return True


def _personal(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": one["name"],
        "born": one["born"],
        "email": f"{one['login']}@lindqvist.example",
        "login": one["login"],
    }


def _fill_bank(house: House, team: _Team) -> None:
    """Import, two reviews, a second key, activation: each step for the items that wait for it."""
    if not house.bank.list_items():
        console.progress("The item bank: importing, reviewing, keying a second time, activating …")
        team.act("emmy", "bank.import", {"path": str(EXAM_PACKAGE)})
        team.act("hedy", "bank.import", {"path": str(PRACTICE_PACKAGE)})
    waiting = [one.ref.item for one in house.bank.list_items() if one.phase in {"DRAFT", "IN_REVIEW"}]
    if waiting:
        fresh = [one.ref.item for one in house.bank.list_items("DRAFT")]
        if fresh:
            team.act("mary", "bank.approve", {"items": fresh, "check": "content"})
        team.act("grace", "bank.approve", {"items": waiting})
    reviewed = [one.ref.item for one in house.bank.list_items("REVIEWED")]
    if reviewed:
        # What a second person works out by solving the item; in the demo it is read from the package's file.
        solved = {
            entry.item.identifier: list(key_of(entry.item))
            for package in (EXAM_PACKAGE, PRACTICE_PACKAGE)
            for entry in read_package(package).entries
        }
        unkeyed = [item for item in reviewed if house.bank.life(item).latest.keyed is None]
        if unkeyed:
            team.act("grace", "bank.keys", {"keys": {item: solved[item] for item in unkeyed}})
        team.act("mary", "bank.activate", {"items": reviewed})


def _approve_faces(house: House, team: _Team) -> None:
    """Mary approves the face checks on the sheet this project measured; without the model there are none."""
    model = installed(house)
    if house.inventory.approvals("faces").withdrawn is not None:
        return  # somebody has stopped them, and a second run of the demo is nobody's word against that
    if model and house.inventory.unapproved(model, THRESHOLDS):
        try:
            team.act("mary", "detector.approve", {"detector": "faces", "sheet": json.loads(SHEET.read_bytes())})
        except Refused as refused:
            console.progress(f"Face checks stay OFF: {refused.facts.get('why', refused.code)}")


def _exam_day(house: House, team: _Team, told: dict[str, Any], scheme: dict[str, Any]) -> str:
    """The exam day that is open now, or a new one."""
    now = house.sources.now()
    for found in house.exams.all():
        if found["phase"] in {"PLANNED", "OPEN"} and found["closes_ms"] > epoch_ms(now) + 3_600_000:
            exam = str(found["exam"])
            break
    else:
        planned = team.act(
            "mary",
            "exam.plan",
            {
                "title": told["title"],
                "scheme": f"{scheme['scheme']}/{scheme['version']}",
                "blueprint": told["blueprint"],
                "policy": told["policy"],
                "opens": iso(now),
                "closes": iso(now + timedelta(hours=told["hours"])),
                "zone": "UTC",
                "seats": told["seats"],
                "proctors": ["grace"],
                "limit_min": told["limit_min"],
            },
        )
        exam = str(planned["exam"])
    if house.exams.exam(exam).phase == "PLANNED":
        team.act("mary", "exam.open", {"exam": exam})
    return exam


def _book(house: House, team: _Team, exam: str, logins: list[str]) -> dict[str, str]:
    sittings: dict[str, str] = {}
    booked = {row["candidate"]: row["sitting"] for row in house.exams.sittings(exam) if not row["practice"]}
    for login in logins:
        person = house.people.by_login(login).person
        sittings[login] = booked.get(person) or _booked(team, exam, login)
    return sittings


def _booked(team: _Team, exam: str, login: str) -> str:
    return str(team.act("mary", "exam.book", {"exam": exam, "candidate": login})["sitting"])


def _spooled_codes(spool: Path) -> dict[str, str]:
    """The newest code that was written to each candidate: the demo's letter box is a folder."""
    codes = {}
    for letter in sorted(spool.glob("*.txt"), key=lambda path: path.stat().st_mtime):
        first, *lines = letter.read_text().splitlines()
        for line in lines:
            if line.startswith("    ") and line.count("-") == 3:
                codes[first.removeprefix("To: ").partition("@")[0]] = line.strip()
    return codes


def table_of(body: Body, settings: Settings) -> dict[str, Any]:
    """Who signs in where and with what, as plain values."""
    told = told_body()
    staff = [
        {
            "name": one["name"],
            "does": one["does"],
            "address": f"http://{one['login']}.localhost:{settings.port}",
            "account": one["login"],
            "password": body.passwords[one["login"]],
        }
        for one in told["people"]
    ]
    candidates = [
        {
            "name": one["name"],
            "does": "sits the exam",
            "address": f"http://{one['login']}.localhost:{settings.port}",
            "code": body.codes.get(one["login"], ""),
            "sitting": body.sittings[one["login"]],
        }
        for one in told["candidates"]
    ]
    return {"exam": body.exam, "staff": staff, "candidates": candidates}


def _print(shown: dict[str, Any], settings: Settings) -> None:
    table = Table(title="Who signs in where", title_justify="left", show_lines=True)
    table.add_column("person")
    table.add_column("address, and what to sign in with", no_wrap=True)
    for one in shown["candidates"]:
        table.add_row(f"{one['name']}\n{one['does']}", f"{one['address']}\ncode {one['code']}")
    for one in shown["staff"]:
        table.add_row(f"{one['name']}\n{one['does']}", f"{one['address']}\n{one['account']} / {one['password']}")
    out = Console()
    out.print(table)
    out.print(
        f"Each person has an own address, so one browser can play all parts. If a browser does not know "
        f"*.localhost, use http://127.0.0.1:{settings.port} in one private window for each person.\n"
        f"A certificate can be checked by anybody at {settings.url}/certificate"
    )
    sys.stdout.flush()


def _throw_away(var: Path) -> None:
    if not (var / "demo.json").is_file() and any(var.iterdir()):
        raise Refused("INPUT_INVALID", folder=str(var), why="this is not the demo's folder; nothing was removed")
    if (var / "data").is_dir():
        os.close(hold_folder(var / "data"))  # never under a server that runs
    shutil.rmtree(var)
