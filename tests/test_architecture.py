"""The house, checked by reading it: who imports whom, what may stand where, and how things are named.

Each rule is a function from a file's place and text to complaints. The tests below feed it every file of the house, and
then a small bad file that it must find: a rule that cannot complain holds nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# What each package may import: itself and what lies below it. Siblings do not know each other.
BELOW = {
    "engine": {"engine"},
    "item_bank": {"item_bank", "engine"},
    "proctoring": {"proctoring", "engine"},
    "web": {"web", "item_bank", "proctoring", "engine"},
    "scripts": {"scripts", "web", "item_bank", "proctoring", "engine"},
}

# What of a package may be imported from outside it: its door first, then the modules that only hold words.
DOORS = {
    "engine": {
        *("delivery", "pacing", "attempting", "attempts", "admission", "conduct", "navigation", "breaks"),
        *("cohort", "ending", "dues"),
        *("answers", "answer_line", "uploads", "exam", "notices", "audit", "replay"),
        *("errors", "sources", "events", "journal", "store", "writer", "keyring", "receipt"),
        *("people", "independence", "incident", "form", "policy", "timing", "scoring", "sitting"),
        *("charge", "day", "invigilation"),
        *(f"transparency.{name}" for name in ("checkpoint", "log", "merkle", "receipt_file", "store")),
        *(f"certification.{name}" for name in ("scheme", "dossier", "voting", "decision", "certificate")),
    },
    "item_bank": {
        *("bank", "assessment", "blueprint", "cases", "inspection", "item", "qti.package", "qti.archive"),
        *("authoring", "comparing", "gift_writing", "lint", "sheet", "table"),
    },
    "proctoring": {
        *("desk", "notice", "signals", "reports", "review", "room", "frame", "track", "gaps", "model", "scene"),
        *("evidence", "challenges"),
        *("camera", "pool", "vision"),
        *("blind", "timeline", "keeping"),
        *("replay", "labels", "error_sheet", "strain", "threshold_sheet", "inventory", "objects", "opening"),
    },
    "web": {"app", "house", "settings", "security", "acts", "words", "detectors"},
    "scripts": set[str](),
}

#: ``bench/naive`` is what a benchmark compares with: a program that stores in its request handler.
STORES = (
    "engine/store.py",
    "engine/writer.py",
    "engine/disk.py",
    "engine/projections.py",
    "*/store.py",
    "scripts/migrations/*",
    "scripts/bench/naive.py",
)
WEB = ("web/*",)


@dataclass(frozen=True, slots=True)
class Only:
    """Something that may stand in few places."""

    what: str
    names: tuple[str, ...]  # dotted, as imported or as used: an import of any part below counts too
    places: tuple[str, ...]
    but: str = ""  # the one name among them that may stand anywhere


ONLY = (
    Only("SQL", ("sqlite3", "sqlalchemy", "sqlmodel", "alembic", "psycopg"), STORES, but="sqlalchemy.Connection"),
    Only("asyncio", ("asyncio", "anyio", "uvloop"), (*WEB, "scripts/rehearse*.py", "scripts/bench/*.py")),
    Only("HTTP", ("starlette", "uvicorn", "jinja2", "pydantic_settings"), (*WEB, "scripts/*")),
    Only("the command line", ("typer", "rich"), ("scripts/*",)),
    Only("OpenCV", ("cv2",), ("proctoring/vision*.py", "scripts/doctor.py")),
    Only("XML", ("lxml", "xml", "defusedxml"), ("item_bank/qti/*", "item_bank/moodle_xml.py")),
    Only("argon2", ("argon2",), ("engine/people.py",)),
    Only("the environment", ("os.environ", "os.getenv", "os.putenv"), ("web/settings.py", "proctoring/vision.py")),
    Only(
        "decryption",
        ("cryptography.hazmat.primitives.ciphers",),
        ("item_bank/vault.py", "engine/keyring.py", "proctoring/evidence.py"),
    ),
    Only(
        "time, chance and identifiers",
        (
            *("time", "random", "secrets", "uuid", "os.urandom", "numpy.random"),
            *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
        ),
        ("engine/sources.py",),
    ),
)

# Names of other people's making that hold the word; everything else says Sitting, Login, transaction or Line.
BANNED_WORD = "session"
THEIR_WORDS = re.compile(
    r"sessionStorage|qti-item-session-control|itemSessionControl|scope=\"session\""
    r"|\bSession\(database\)|Field, Session, SQLModel"
)

MAX_LINES = 500
VAGUE = {"util", "utils", "helper", "helpers", "common", "manager", "service", "misc"}
FOLDERS = {*BELOW, "tests", ".ci"}


# --- The files -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class File:
    place: str  # from the root, with slashes
    text: str

    @property
    def package(self) -> str:
        return self.place.split("/")[0]

    @property
    def module(self) -> str:
        """Dotted, for a Python file: the package itself for an ``__init__``."""
        return self.place.removesuffix(".py").replace("/", ".").removesuffix(".__init__")

    @property
    def tree(self) -> ast.Module:
        return parsed(self.text)


@cache
def parsed(text: str) -> ast.Module:
    return ast.parse(text)


def files(*suffixes: str, packages: tuple[str, ...] = tuple(BELOW)) -> list[File]:
    found = (path for package in packages for path in sorted((ROOT / package).rglob("*")) if path.suffix in suffixes)
    return [File(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in found]


def modules() -> set[str]:
    return {file.module for file in files(".py")}


# --- The rules -------------------------------------------------------------------------------------------------------

Rule = Callable[[File], list[str]]


def import_direction(file: File) -> list[str]:
    """Nothing imports what stands above or beside it, and nothing imports the tests."""
    ours = {name.split(".")[0] for name in imports(file)} & {*BELOW, "tests"}
    return [f"{file.place} imports {name}" for name in sorted(ours - BELOW[file.package])]


def doors(file: File) -> list[str]:
    """From outside a package only its door and its word modules are imported."""
    complaints = []
    for name in sorted(imports(file)):
        package, _, inside = name.partition(".")
        if package in BELOW and package != file.package and inside not in DOORS[package]:
            complaints.append(f"{file.place} imports {name}, which is no door of {package}")
    return complaints


def only(file: File) -> list[str]:
    """What may stand in few places stands there only."""
    used = imports(file) | attributes(file)
    return [
        f"{file.place} uses {theirs}: {rule.what} only in {', '.join(rule.places)}"
        for rule in ONLY
        if not any(fnmatch(file.place, place) for place in rule.places)
        for theirs in rule.names
        if any(f"{used_name}.".startswith(f"{theirs}.") for used_name in used - {rule.but})
    ]


def no_coroutines_below_web(file: File) -> list[str]:
    """Plain functions, testable without a loop, everywhere but in web, the rehearsal client and the benchmarks."""
    if any(fnmatch(file.place, place) for place in ("web/*", "scripts/rehearse*.py", "scripts/bench/*.py")):
        return []
    waiting = [node for node in ast.walk(file.tree) if isinstance(node, ast.AsyncFunctionDef)]
    return [f"{file.place} has the coroutine {node.name}" for node in waiting]


def banned_word(file: File) -> list[str]:
    """A Sitting, a Login, a transaction, a Line: one word for four things confuses."""
    lines = enumerate(file.text.splitlines(), start=1)
    return [
        f"{file.place}:{number} says {BANNED_WORD}"
        for number, line in lines
        if BANNED_WORD in THEIR_WORDS.sub("", line).lower()
    ]


def size(file: File) -> list[str]:
    lines = len(file.text.splitlines())
    return [f"{file.place} has {lines} lines of at most {MAX_LINES}"] if lines > MAX_LINES else []


def name(file: File) -> list[str]:
    """Modules are nouns that say what is inside."""
    words = set(re.split(r"[_.\-]", Path(file.place).name.lower()))
    return [f"{file.place} is called {word}" for word in sorted(words & VAGUE)]


def chapter(file: File) -> list[str]:
    """Every module opens with what it is."""
    return [] if ast.get_docstring(file.tree) else [f"{file.place} has no docstring"]


def nothing_inline(file: File) -> list[str]:
    """The content security policy forbids inline script, inline style and foreign hosts; pages do not try."""
    forbidden = {
        r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")": "inline script",
        r"<style\b|\sstyle=": "inline style",
        r"\son[a-z]+=": "inline handler",
        r"(?:src|href|action)=\"?https?://": "a foreign host",
    }
    sent = re.sub(r"{%.*?%}|{{.*?}}", "", file.text, flags=re.DOTALL)
    return [f"{file.place} has {what}" for pattern, what in forbidden.items() if re.search(pattern, sent)]


# --- Reading Python --------------------------------------------------------------------------------------------------


def imports(file: File) -> set[str]:
    """Dotted names that a module imports; ``from engine import store`` is ``engine.store``, and of our own packages
    the module only, not what is taken from it."""
    known, found = KNOWN | {file.module}, set()
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.place} imports relative to itself; name the package"
            assert node.module is not None
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            ours = node.module.split(".")[0] in BELOW
            found |= {name if name in known or not ours else node.module for name in whole}
    return found


def attributes(file: File) -> set[str]:
    """Dotted names that a module uses, as their full names: after ``from datetime import datetime``, the call
    ``datetime.now()`` is ``datetime.datetime.now``."""
    tree = file.tree
    known_as = dict(aliases(tree))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (dotted := spelled(node)):
            first, _, rest = dotted.partition(".")
            if first in known_as:
                found.add(f"{known_as[first]}.{rest}")
    return found


def aliases(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.split(".")[0], alias.name if alias.asname else alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def spelled(node: ast.expr) -> str:
    """``a.b.c`` for a chain of attributes on a name; nothing for any other expression."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := spelled(node.value)):
        return f"{before}.{node.attr}"
    return ""


KNOWN = modules()


# --- The house keeps them --------------------------------------------------------------------------------------------

PYTHON_RULES = (import_direction, doors, only, no_coroutines_below_web, chapter)


@pytest.mark.parametrize("rule", PYTHON_RULES, ids=lambda rule: rule.__name__)
def test_every_module_keeps_the_rule(rule: Rule) -> None:
    assert [complaint for file in files(".py") for complaint in rule(file)] == []


@pytest.mark.parametrize("rule", [size, name], ids=lambda rule: rule.__name__)
def test_every_file_of_the_house_keeps_the_rule(rule: Rule) -> None:
    assert [complaint for file in files(".py", ".js", ".css", ".html") for complaint in rule(file)] == []


def test_no_file_says_the_banned_word() -> None:
    spoken = files(".py", ".js", ".mjs", ".ts", ".css", ".html", ".txt", packages=(*BELOW, "tests"))
    here = Path(__file__).relative_to(ROOT).as_posix()
    assert [complaint for file in spoken if file.place != here for complaint in banned_word(file)] == []


def test_no_page_has_anything_inline() -> None:
    assert [complaint for file in files(".html", packages=("web",)) for complaint in nothing_inline(file)] == []


def test_every_door_leads_somewhere() -> None:
    named = {f"{package}.{door}" for package, names in DOORS.items() for door in names}
    assert named - KNOWN == set()


def test_no_folder_stands_beside_the_house() -> None:
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()] + [".git"]
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    assert {name for name in folders if not any(fnmatch(name, pattern) for pattern in ignored)} - FOLDERS == set()


# --- Each rule can complain ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "place", "text", "expected"),
    [
        (import_direction, "engine/form.py", "from web.app import app", ["engine/form.py imports web"]),
        (import_direction, "item_bank/bank.py", "import proctoring", ["item_bank/bank.py imports proctoring"]),
        (import_direction, "web/app.py", "def late():\n    import scripts.demo", ["web/app.py imports scripts"]),
        (import_direction, "web/app.py", "from tests import conftest", ["web/app.py imports tests"]),
        (doors, "web/app.py", "from item_bank import vault", ["imports item_bank"]),
        (doors, "web/app.py", "from item_bank.vault import open_item", ["item_bank.vault"]),
        (doors, "scripts/demo.py", "import item_bank.qti.reader", ["item_bank.qti.reader"]),
        (only, "web/staff.py", "from sqlalchemy import select", ["sqlalchemy: SQL"]),
        (only, "engine/sitting.py", "import asyncio", ["asyncio: asyncio"]),
        (only, "proctoring/watch.py", "import cv2 as eye", ["cv2: OpenCV"]),
        (only, "item_bank/bank.py", "import xml.etree.ElementTree", ["xml: XML"]),
        (only, "web/security.py", "from argon2 import PasswordHasher", ["argon2: argon2"]),
        (only, "web/app.py", "import os\nos.environ['X']", ["os.environ: the environment"]),
        (only, "web/app.py", "from os import getenv", ["os.getenv: the environment"]),
        (
            only,
            "item_bank/bank.py",
            "from cryptography.hazmat.primitives.ciphers.aead import AESGCM",
            ["cryptography.hazmat.primitives.ciphers: decryption"],
        ),
        (only, "web/app.py", "import time", ["time: time"]),
        (only, "web/app.py", "from datetime import datetime as d\nd.now()", ["datetime.datetime.now: time"]),
        (only, "web/app.py", "import datetime\ndatetime.date.today()", ["datetime.date.today: time"]),
        (only, "web/app.py", "import numpy as np\nnp.random.default_rng()", ["numpy.random: time"]),
        (no_coroutines_below_web, "engine/writer.py", "async def drain(): ...", ["has the coroutine drain"]),
        (banned_word, "web/app.py", "x = 1\nSessionStore = 2", ["web/app.py:2 says"]),
        (banned_word, "web/static/a.js", "sessionStorage.session = 1", ["web/static/a.js:1 says"]),
        (size, "web/app.py", "\n" * 501, ["501 lines"]),
        (name, "web/string_utils.py", "", ["is called utils"]),
        (name, "web/static/js/common.js", "", ["is called common"]),
        (chapter, "web/app.py", "x = 1", ["has no docstring"]),
        (nothing_inline, "web/templates/a.html", "<script>alert()</script>", ["inline script"]),
        (nothing_inline, "web/templates/a.html", "<p style='x'>", ["inline style"]),
        (nothing_inline, "web/templates/a.html", "<p onclick='x()'>", ["inline handler"]),
        (nothing_inline, "web/templates/a.html", '<img src="https://other.example/">', ["a foreign host"]),
    ],
)
def test_each_rule_finds_its_breach(rule: Rule, place: str, text: str, expected: list[str]) -> None:
    complaints = rule(File(place, text))
    assert len(complaints) == len(expected)
    assert [part for part, complaint in zip(expected, complaints, strict=True) if part not in complaint] == []


@pytest.mark.parametrize(
    ("rule", "place", "text"),
    [
        (import_direction, "scripts/demo.py", "import web.app, item_bank.bank, proctoring.desk, engine.form"),
        (doors, "item_bank/bank.py", "from item_bank import vault\nfrom engine.errors import Refused"),
        (only, "item_bank/store.py", "from sqlalchemy import select"),
        (only, "engine/people.py", "from sqlalchemy import Connection"),
        (only, "engine/timing.py", "from datetime import UTC, datetime\nstart = datetime(2026, 3, 2, tzinfo=UTC)"),
        (only, "engine/timing.py", "timing.time.random = 1"),
        (banned_word, "web/static/a.js", "sessionStorage.clear()"),
        (nothing_inline, "web/templates/a.html", '<script type="module" src="/static/a.js"></script>'),
        (nothing_inline, "web/templates/a.html", '{% macro at(moment, style="both") %}<i data-style="x"></i>'),
    ],
)
def test_each_rule_lets_the_lawful_twin_pass(rule: Rule, place: str, text: str) -> None:
    assert rule(File(place, text)) == []
