"""``invigil doctor``: is this machine ready, and what to do about each no.

Every check answers yes, no, or with a note: something to know that stops nothing. Exit 1 when anything must
be mended. The doctor changes nothing, needs no Login, and works beside a running server. What it says of the
demo is milder: there, data and keys may share a folder and nobody's exam is at stake.

The disk forecast is seats × minutes × what a minute leaves behind: `ROW_BYTES` × `ROWS_A_MINUTE` of journal, an
evidence frame of `FRAME_BYTES` for `EVIDENCE_SHARE` of the seconds (only frames around incidents are kept),
doubled for indexes and the write-ahead log. The numbers are generous; the rehearsal measures real ones.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509

from engine.errors import Tampered
from engine.exam import Exam, ExamPhase, evolve
from engine.keyring import PURPOSES
from engine.sources import from_epoch_ms, later, system
from engine.store import Connection, Database, Ledger, rows
from proctoring.inventory import approvals, rules
from proctoring.model import MODEL_FILE, MODEL_SHA256, find_model
from proctoring.signals import THRESHOLDS
from scripts.console import Json, no, tell
from scripts.migrations import schema
from web.settings import Settings

YES, NO, NOTE = "yes", "NO", "note"
DAY_MS: Final = 86_400_000
LEAST_FREE_BYTES: Final = 1 << 30
ROW_BYTES: Final = 1_600
ROWS_A_MINUTE: Final = 30
FRAME_BYTES: Final = 25_000
EVIDENCE_SHARE: Final = 0.25
#: Fixed in this SQLite: a WAL reset by two writers at once could lose pages (sqlite.org/wal.html#walresetbug).
WAL_FIXED: Final = (3, 51, 3)
_PACKAGES: Final = {"libGL.so.1": "libgl1", "libgthread-2.0.so.0": "libglib2.0-0", "libglib-2.0.so.0": "libglib2.0-0"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. ``what_to_do`` is there for every no."""

    check: str
    answer: str
    found: str
    what_to_do: str = ""


def command(as_json: Json = False) -> None:
    """Is this machine ready for an exam day? For each no, what to do about it."""
    settings = Settings()
    findings = [*machine(), *address(settings), *keys(settings), *model(settings), *storage(settings)]
    wrong = [one for one in findings if one.answer == NO]
    told: dict[str, Any] = {"ok": not wrong, "demo": settings.demo}
    checks = [
        {"check": one.check, "answer": one.answer, "found": one.found, "what_to_do": one.what_to_do or None}
        for one in findings
    ]
    title = f"{len(wrong)} to mend" if wrong else "This machine is ready"
    (no if wrong else tell)({**told, "checks": checks}, as_json, title=title)


# -- this machine -------------------------------------------------------------------------------------


def machine() -> Iterator[Finding]:
    """Python, our own packages, OpenCV and the libraries it needs."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    good = sys.version_info >= (3, 11)
    yield Finding("Python", YES if good else NO, version, "" if good else "Install Python 3.11 or later.")
    yield packages(Path(__file__).resolve().parents[1])
    yield vision()


def packages(root: Path) -> Finding:
    """``engine`` and ``web`` are common names: another package of that name must not stand before ours."""
    strangers = []
    for name in ("engine", "item_bank", "proctoring", "web", "scripts"):
        spec = importlib.util.find_spec(name)
        place = Path(spec.origin).resolve().parent if spec and spec.origin else None
        if place != root / name:
            strangers.append(f"{name} is {place}")
    if strangers:
        advice = "Use a virtual environment of its own: python -m venv .venv && .venv/bin/pip install -e ."
        return Finding("our packages", NO, "; ".join(strangers), advice)
    return Finding("our packages", YES, str(root))


def vision() -> Finding:
    """Whether cv2 can be imported, tried in a process of its own."""
    words = [sys.executable, "-c", "import cv2; print(cv2.__version__)"]
    try:
        tried = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return Finding("OpenCV", NO, "importing it took more than a minute", "Look at this machine's load and disk.")
    if tried.returncode == 0:
        return Finding("OpenCV", YES, tried.stdout.strip())
    return missing_library(tried.stderr)


def missing_library(said: str) -> Finding:
    """What an import of cv2 that failed asks for."""
    lacking = re.search(r"(lib[\w.+-]+\.so[.\d]*)", said)
    if lacking:
        library = lacking.group(1)
        package = _PACKAGES.get(library, f"the package that holds {library}")
        return Finding("OpenCV", NO, f"{library} is missing", f"Install {package} (Debian: apt-get install {package}).")
    last = (said.strip().splitlines() or ["it ended without a word"])[-1]
    return Finding("OpenCV", NO, last[:200], "Install this project's requirements again: pip install -e .")


# -- what browsers meet -------------------------------------------------------------------------------


def address(settings: Settings) -> Iterator[Finding]:
    """Cameras open on secure origins only: https, or this very machine."""
    parts = urlsplit(settings.url)
    host, https = parts.hostname or "", parts.scheme == "https"
    if https:
        yield Finding("camera origin", YES, settings.url)
    elif is_this_machine(host):
        yield Finding("camera origin", NOTE, f"{settings.url}: cameras work for browsers on this machine only")
    else:
        advice = "Set INVIGIL_BASE_URL to an https:// address, or serve with --tls."
        yield Finding("camera origin", NO, f"{settings.url}: no browser opens a camera here", advice)
    yield tls(settings, https=https)


def is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def tls(settings: Settings, *, https: bool) -> Finding:
    """The certificate that ``serve --tls self`` made, or who else answers for TLS."""
    own = settings.keys / "tls.pem"
    if not own.is_file():
        if https:
            return Finding("TLS", NOTE, "a proxy or --tls FILE has to answer for it")
        if is_this_machine(settings.host):
            return Finding("TLS", NOTE, "none; not needed for browsers on this machine")
        return Finding("TLS", NO, f"none, and it listens on {settings.host}", "Serve with --tls, or behind a proxy.")
    try:
        ends = x509.load_pem_x509_certificate(own.read_bytes()).not_valid_after_utc
    except ValueError:
        return Finding("TLS", NO, f"{own} is no certificate", f"Remove {own}; `serve --tls self` makes a new one.")
    good = ends > later(system().now(), 7 * DAY_MS)
    advice = "" if good else f"Remove {own}; `serve --tls self` makes a new one."
    return Finding("TLS", YES if good else NO, f"self-signed until {ends:%Y-%m-%d}", advice)


# -- keys and model -----------------------------------------------------------------------------------


def keys(settings: Settings) -> Iterator[Finding]:
    """All there, readable by one user, and not where the data lies."""
    folder = settings.keys
    missing = [name for name in PURPOSES if not (folder / f"{name}.key").is_file()]
    if missing:
        known = settings.database.is_file()
        advice = "Restore the backup: invigil keys restore FILE." if known else "Make them: invigil keys create."
        yield Finding("keys", NO, f"{folder} lacks {', '.join(missing)}", advice)
        return
    open_to = [
        path.name for path in (folder, *folder.glob("*.key")) if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    advice = f"chmod -R go-rwx {folder}" if open_to else ""
    found = f"others may read {', '.join(open_to)}" if open_to else f"{len(PURPOSES)} keys in {folder}"
    yield Finding("keys", NO if open_to else YES, found, advice)
    yield keys_apart(settings)


def keys_apart(settings: Settings) -> Finding:
    """A copy or a theft of the data's tree must not take the keys along."""
    data, folder = settings.data.resolve(), settings.keys.resolve()
    together = folder.is_relative_to(data.parent) or data.is_relative_to(folder.parent)
    if not together:
        return Finding("keys apart from data", YES, f"{folder} and {data}")
    if settings.demo:
        return Finding("keys apart from data", NOTE, f"both under {data.parent}; good enough for the demo only")
    advice = "Move the keys to a folder of their own, such as /etc/invigil/keys, and set INVIGIL_KEYS."
    return Finding("keys apart from data", NO, f"{folder} shares {data.parent} with the data", advice)


def model(settings: Settings) -> Iterator[Finding]:
    advice = "invigil models fetch. Until then face checks run reduced, as hints to the proctor only."
    try:
        found = find_model(settings.models)
    except Tampered as error:
        wrong = settings.models / MODEL_FILE
        yield Finding("face model", NO, f"{wrong}: {error.why}", f"Remove it, then: {advice}")
        return
    if found is None:
        yield Finding("face model", NO, f"{MODEL_FILE} is not in {settings.models}", advice)
    else:
        yield Finding("face model", YES, f"{found}, SHA-256 as it must be")
        yield approval(settings)


def approval(settings: Settings) -> Finding:
    """Face checks run only when a person has approved this model with these thresholds."""
    advice = "invigil proctor report FOLDER --out FILE, read it, then: invigil proctor approve faces --sheet FILE"
    if settings.database.is_file() and not schema.health(settings.database)[1]:
        database = Database(settings.database)
        try:
            with database.reading() as connection:
                found = approvals(connection, "faces").of(MODEL_SHA256, rules("faces", THRESHOLDS))
        finally:
            database.close()
        if found is not None:
            return Finding("face checks", YES, f"approved {found.at:%Y-%m-%d} on sheet {found.sheet[:16]}")
    return Finding("face checks", NOTE, "OFF: nobody has approved them; people watch alone", advice)


# -- storage ------------------------------------------------------------------------------------------


def storage(settings: Settings) -> Iterator[Finding]:
    """The data folder, the database, the clock held against it, and room for what is planned."""
    if not settings.data.is_dir() or not os.access(settings.data, os.W_OK):
        yield Finding(
            "data folder", NO, f"{settings.data} is not there or not writable", "Make it: invigil db upgrade."
        )
        yield disk(settings.data, 0)
        return
    yield Finding("data folder", YES, str(settings.data.resolve()))
    if not settings.database.is_file():
        yield Finding("database", NO, f"{settings.database} is not there", "Make it: invigil db upgrade.")
        yield disk(settings.data, 0)
        return
    revision, fault = schema.health(settings.database)
    if fault:
        damaged = fault != schema.OUTDATED
        advice = "Stop the server, keep this disk as it is, restore the last backup elsewhere." if damaged else ""
        yield Finding(
            "database",
            NO,
            f"revision {revision or 'none'}: {fault}",
            advice or "Bring it up to date: invigil db upgrade.",
        )
        yield disk(settings.data, 0)
        return
    yield Finding("database", YES, f"revision {revision or 'none yet'}, the tables are as they must be")
    database = Database(settings.database)
    try:
        with database.reading() as connection:
            yield sqlite(connection.dialect.server_version_info or ())
            yield clock(Ledger(connection).heartbeat_ms(), settings.database)
            yield disk(settings.data, forecast_bytes(planned(connection)))
    finally:
        database.close()


def sqlite(version: tuple[Any, ...]) -> Finding:
    told = ".".join(str(part) for part in version)
    if tuple(version) >= WAL_FIXED:
        return Finding("SQLite", YES, told)
    fixed = ".".join(str(part) for part in WAL_FIXED)
    why = f"older than {fixed}, where a bug of WAL resets with two writers was fixed; there is one writer here"
    return Finding("SQLite", NOTE, f"{told}: {why}")


def clock(heartbeat_ms: int | None, database: Path) -> Finding:
    """The clock may not stand before what the journal's server has seen."""
    now = system().now()
    seen = max(heartbeat_ms or 0, int(database.stat().st_mtime * 1000))
    behind = from_epoch_ms(seen) > later(now, 60_000)
    told = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if now.year < 2026 or behind:
        advice = "Set the clock, and let it be kept by NTP (timedatectl set-ntp true)."
        return Finding("clock", NO, f"{told}, but the data is from {from_epoch_ms(seen):%Y-%m-%d %H:%M:%S}", advice)
    return Finding("clock", YES, told)


def planned(connection: Connection) -> list[Exam]:
    """Exam days that are planned or open."""
    waiting = rows(connection, "exam", phase=[ExamPhase.PLANNED.value, ExamPhase.OPEN.value])
    histories = [Ledger(connection).history(f"exam/{found['exam']}") for found in waiting]
    return [reduce(evolve, history, Exam()) for history in histories]


def forecast_bytes(exams: list[Exam]) -> int:
    """What these exam days may leave on the disk if every seat is taken to the last minute."""
    a_minute = ROW_BYTES * ROWS_A_MINUTE + int(60 * EVIDENCE_SHARE * FRAME_BYTES)
    return sum(2 * exam.seats * -(-exam.limit_ms // 60_000) * a_minute for exam in exams)


def disk(data: Path, needed: int) -> Finding:
    place = next(path for path in (data.resolve(), *data.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free
    told = f"{_size(free)} free, {_size(needed)} forecast for the planned exam days"
    if free >= needed + LEAST_FREE_BYTES:
        return Finding("disk", YES, told)
    advice = f"Make room: {_size(needed + LEAST_FREE_BYTES)} are wanted on the disk of {place}."
    return Finding("disk", NO, told, advice)


def _size(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.0f} MiB"
