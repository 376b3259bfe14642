"""Notices: what people are told, in which version of which text, and whether it reached them.

A notice is *queued in the transaction of the act that causes it*: if the act is undone, nobody is told; if
it is committed, the notice is never forgotten. Each is a stream ``notice/<id>`` that says which template in
which version went to whom over which channel, and every delivery or failure of it (not what it said).

* The text waits in the outbox table, sealed with the key ``notices``; it is wiped after delivery and the
  template's retention. One-time codes have none: they are wiped the moment they are delivered.
* Channels: ``page`` (the recipient's own page shows it), ``spool`` (a folder of text files, for the demo
  and for printing) and ``smtp``. Addresses and texts never reach a log.
* A failed delivery is tried again after 30 s, 1 min, 2 min … up to an hour, eight times in all; a refusal
  for good (an address that does not exist) ends it at once. A crash between sending and writing it down
  sends a second time: told twice is better than never.
"""

from __future__ import annotations

import os
import re
import smtplib
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from string import Template as Blanks
from typing import Any, Final, Protocol

from engine.errors import NotFound, Refused
from engine.events import SYSTEM, Event, event
from engine.keyring import Keyring
from engine.sources import Sources, epoch_ms, later
from engine.store import Change, Connection, Database, Ledger, Put, row, rows
from engine.writer import Act, Transaction, Writer

QUEUED, DELIVERED, FAILED, WIPED = "QUEUED", "DELIVERED", "FAILED", "WIPED"
MOST_TRIES = 8
FIRST_PAUSE_MS = 30_000
LONGEST_PAUSE_MS = 3_600_000
DAY_MS = 86_400_000
MOST_TEXT = 20_000
PAGE: Final = "page"
#: One address and nothing that a header could read as more: stricter than RFC 5322, on purpose.
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}@[^\s@<>()\[\],;:\\\"]{1,255}")


# -- what happens to a notice (stream notice/<id>) -------------------------------------------------------


@event()
class NoticeQueued:
    recipient: str
    channel: str
    template: str
    template_version: str
    subject: str
    sitting: str


@event()
class NoticeDelivered:
    channel: str
    detail: str


@event()
class NoticeFailed:
    channel: str
    detail: str
    attempt: int


# -- texts --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Template:
    """A text with blanks (``$name``). ``secret`` texts are never shown on a page; ``retention_ms`` is how
    long a delivered text is kept. A changed text is a new ``version``."""

    name: str
    version: str
    subject: str
    text: str
    retention_ms: int
    secret: bool = False

    def fill(self, blanks: Mapping[str, str]) -> tuple[str, str]:
        """Subject and text. Raises: `RuntimeError` for a blank the caller forgot; INPUT_INVALID when a
        value would break a line of the subject or the text is too long."""
        try:
            subject, text = (Blanks(part).substitute(blanks) for part in (self.subject, self.text))
        except KeyError as forgotten:
            raise RuntimeError(f"notice {self.name} needs {forgotten}") from None
        if not subject.isprintable() or len(subject) > 200 or len(text) > MOST_TEXT:
            raise Refused("INPUT_INVALID", notice=self.name)
        return subject, text


TEMPLATES: Final = {
    template.name: template
    for template in (
        Template(
            "one-time-code",
            "2026-1",
            "Your code for $exam",
            "Dear $name,\n\nthis code signs you in to $exam:\n\n    $code\n\n"
            "It is yours alone and is good for this exam only. The exam opens $opens.\n"
            "Sign in at $address\n\nIf anything does not work, call $contact.\n",
            retention_ms=0,
            secret=True,
        ),
        Template(
            "practice-available",
            "2026-1",
            "You can practise for $exam",
            "Dear $name,\n\na practice sitting with invented questions is open for you until $until. It uses the\n"
            "same page and the same camera check as the exam itself.\nSign in at $address\n",
            retention_ms=30 * DAY_MS,
        ),
        Template(
            "result-released",
            "2026-1",
            "Your result in $exam",
            "Dear $name,\n\nyour answers have been marked and a person has looked at how the exam went.\n"
            "You reached $points of $possible points. This is not yet a decision on certification: people\n"
            "of the certification body who had no part in your exam decide on it, and you will be told.\n"
            "Before they can, please sign the agreement on the use of certificates at $address\n",
            retention_ms=30 * DAY_MS,
        ),
        Template(
            "decision-made",
            "2026-1",
            "The decision on your certification: $title",
            "Dear $name,\n\nthe certification body has decided on your certification as $title.\n\n"
            "Decision: $decision\nReasons:\n$reasons\n$certificate\n"
            "If you do not agree, you may appeal within $appeal_days days. An appeal is decided by people who\n"
            "had no part in this decision, and it is never held against you.\n",
            retention_ms=60 * DAY_MS,
        ),
    )
}


# -- channels -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Letter:
    notice: str
    address: str
    subject: str
    text: str


class Undelivered(Exception):
    """A channel could not deliver. ``lasting``: trying again will not help. ``detail`` names no address."""

    def __init__(self, detail: str, *, lasting: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.lasting = lasting


class Channel(Protocol):
    """A way to reach somebody. `deliver` returns a short detail for the journal, without the address."""

    def deliver(self, letter: Letter) -> str:
        """Raises: `Undelivered`."""


@dataclass(frozen=True, slots=True)
class Spool:
    """One text file a notice, readable by this user alone; a file appears whole or not at all."""

    folder: Path

    def deliver(self, letter: Letter) -> str:
        content = f"To: {letter.address}\nSubject: {letter.subject}\n\n{letter.text}"
        file = self.folder / f"{letter.notice}.txt"
        partial = file.with_suffix(".part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            partial.replace(file)
        except OSError as error:
            raise Undelivered(f"the spool folder cannot be written: {error.strerror}") from None
        return file.name


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server. ``security`` is ``tls`` (from the first byte), ``starttls`` or ``none`` (a relay on
    this machine); certificates are checked against ``context``, the system's when it is None."""

    host: str
    port: int
    sender: str
    security: str = "starttls"
    user: str = ""
    password: str = ""
    timeout_s: int = 20
    context: ssl.SSLContext | None = None

    def deliver(self, letter: Letter) -> str:
        if not _ADDRESS.fullmatch(letter.address):
            raise Undelivered("the address is malformed", lasting=True)
        message = self._message(letter)
        try:
            with self._connected() as server:
                if self.user:
                    server.login(self.user, self.password)
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            raise Undelivered(f"the recipient was refused: {code}", lasting=code >= 500) from None
        except smtplib.SMTPResponseException as error:
            raise Undelivered(f"the mail server answered {error.smtp_code}") from None
        except (OSError, smtplib.SMTPException) as error:
            raise Undelivered(f"the mail server was not reached: {type(error).__name__}") from None
        return "accepted by the mail server"

    def _connected(self) -> smtplib.SMTP:
        context = self.context or ssl.create_default_context()
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout_s, context=context)
        server = smtplib.SMTP(self.host, self.port, timeout=self.timeout_s)
        if self.security == "starttls":
            try:
                server.starttls(context=context)
            except (OSError, smtplib.SMTPException):
                server.close()
                raise
        return server

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self.sender
        message["To"] = letter.address
        message["Subject"] = letter.subject
        message["Message-ID"] = f"<{letter.notice}@{self.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        return message


# -- the outbox ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice on its recipient's own page."""

    notice: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Round:
    """What one call of `Notices.deliver_due` did."""

    delivered: int = 0
    failed: int = 0
    wiped: int = 0


class Notices:
    """The outbox. ``channels`` by name; ``usual`` is the one that is used unless a caller asks for another.
    The page needs no channel: what stands there is delivered once it is committed."""

    def __init__(
        self,
        writer: Writer,
        database: Database,
        sources: Sources,
        keyring: Keyring,
        channels: Mapping[str, Channel],
        usual: str = PAGE,
    ) -> None:
        if usual != PAGE and usual not in channels:
            raise RuntimeError(f"no channel {usual!r}")
        self._writer = writer
        self._database = database
        self._sources = sources
        self._keyring = keyring
        self._channels = dict(channels)
        self._usual = usual
        self._one_round = threading.Lock()
        self._wipe_from_ms = 0  # nothing has to be wiped before this; 0 means it is not known yet

    def queue(
        self,
        tx: Transaction,
        by: str,
        at: datetime,
        recipient: str,
        template: str,
        *,
        sitting: str = "",
        channel: str = "",
        **blanks: str,
    ) -> str:
        """Queue one notice inside the caller's act and return its identifier. ``name`` is filled in.

        Raises: `NotFound` for an unknown person; INPUT_INVALID for a secret that would stand on a page.
        """
        form = TEMPLATES[template]
        person = row(tx.connection, "person", person=recipient)
        if person is None:
            raise NotFound("person", recipient)
        chosen = channel or self._usual
        if chosen != PAGE and chosen not in self._channels:
            raise RuntimeError(f"no channel {chosen!r}")
        if form.secret and chosen == PAGE:
            raise Refused("INPUT_INVALID", notice=template, why="a secret cannot stand on the page it opens")
        subject, text = form.fill({"name": person["name"], **blanks})
        notice = self._sources.new_id("note")
        queued = NoticeQueued(recipient, chosen, form.name, form.version, form.subject, sitting)
        tx.append(f"notice/{notice}", by, at, queued)
        tx.apply(
            Put(
                "notice",
                {
                    "notice": notice,
                    "recipient": recipient,
                    "address": person["email"],
                    "channel": chosen,
                    "subject": subject,
                    "sealed_text": self._keyring.seal("notices", text.encode(), notice),
                    "state": QUEUED,
                    "attempts": 0,
                    "due_ms": epoch_ms(at),
                },
            )
        )
        return notice

    def deliver_due(self, most: int = 100) -> Round:
        """Deliver what is due, at most ``most`` letters, then wipe what has been kept long enough.

        Blocks while channels send: call it from a thread that may wait, every few seconds. Two calls at
        once take turns, so nobody is written to twice.
        """
        with self._one_round:
            now = epoch_ms(self._sources.now())
            with self._database.reading() as connection:
                waiting = rows(connection, "notice", state=QUEUED, order="due_ms")
            due = [found for found in waiting if found["due_ms"] <= now]
            arrived = [self._deliver(found) for found in due[:most]]
            wiped = self._wipe(now) if now >= self._wipe_from_ms else 0
            return Round(arrived.count(True), arrived.count(False), wiped)

    def page_of(self, person: str) -> list[Shown]:
        """What this person's own page shows: every notice without a secret that is not wiped yet."""
        with self._database.reading() as connection:
            shown = [QUEUED, DELIVERED]
            found = rows(connection, "notice", recipient=person, channel=PAGE, state=shown, order="due_ms")
        return [Shown(one["notice"], one["subject"], self._text(one)) for one in found]

    def states(self, **where: Any) -> list[dict[str, Any]]:
        """Delivery states without texts or addresses: notice, recipient, channel, subject, state, attempts.
        ``where`` narrows them: ``recipient="per-…"``, ``state="FAILED"``."""
        told = ("notice", "recipient", "channel", "subject", "state", "attempts")
        with self._database.reading() as connection:
            found = rows(connection, "notice", order="notice", **where)
        return [{name: one[name] for name in told} for one in found]

    # -- one letter -----------------------------------------------------------------------------------

    def _deliver(self, found: Mapping[str, Any]) -> bool:
        notice, channel = found["notice"], self._channels.get(found["channel"])
        attempt = found["attempts"] + 1
        try:
            detail = "on the page"
            if found["channel"] != PAGE:
                if channel is None:
                    raise Undelivered("this channel is not set up")
                detail = channel.deliver(Letter(notice, found["address"], found["subject"], self._text(found)))
        except Undelivered as failure:
            self._failed(found, attempt, failure)
            return False
        at = self._sources.now()
        self._record(notice, at, NoticeDelivered(found["channel"], detail), self._kept(notice, at, attempt))
        return True

    def _kept(self, notice: str, at: datetime, attempt: int) -> dict[str, Any]:
        """The row after delivery: ``due_ms`` is now when its text has to go."""
        with self._database.reading() as connection:
            retention_ms = _retention_ms(connection, notice)
        due_ms = epoch_ms(later(at, retention_ms))
        self._wipe_from_ms = min(self._wipe_from_ms, due_ms)
        gone = {"sealed_text": b"", "state": WIPED} if retention_ms == 0 else {"state": DELIVERED}
        return {**gone, "attempts": attempt, "due_ms": due_ms}

    def _failed(self, found: Mapping[str, Any], attempt: int, failure: Undelivered) -> None:
        at = self._sources.now()
        over = failure.lasting or attempt >= MOST_TRIES
        pause = min(FIRST_PAUSE_MS << (attempt - 1), LONGEST_PAUSE_MS)
        values: dict[str, Any] = {"attempts": attempt, "due_ms": epoch_ms(later(at, pause))}
        if over:
            values |= {"state": FAILED, "sealed_text": b""}
        self._record(found["notice"], at, NoticeFailed(found["channel"], failure.detail[:200], attempt), values)

    def _wipe(self, now_ms: int) -> int:
        with self._database.reading() as connection:
            kept = rows(connection, "notice", state=DELIVERED)
        over = [found["notice"] for found in kept if found["due_ms"] <= now_ms]
        if over:
            gone = {"sealed_text": b"", "state": WIPED}
            changes = [Change("notice", {"notice": notice, "state": DELIVERED}, gone) for notice in over]
            self._writer.run(Act(lambda tx: tx.apply(*changes)))
        later_ones = [found["due_ms"] for found in kept if found["due_ms"] > now_ms]
        self._wipe_from_ms = min(later_ones, default=now_ms + DAY_MS)
        return len(over)

    def _record(self, notice: str, at: datetime, happened: Event, values: dict[str, Any]) -> None:
        def fn(tx: Transaction) -> None:
            tx.append(f"notice/{notice}", SYSTEM, at, happened)
            tx.apply(Change("notice", {"notice": notice}, values))

        self._writer.run(Act(fn))

    def _text(self, found: Mapping[str, Any]) -> str:
        return self._keyring.unseal("notices", found["sealed_text"], found["notice"]).decode()


def _retention_ms(connection: Connection, notice: str) -> int:
    """From the template the journal names; a text nobody knows any more is not kept."""
    for happened in Ledger(connection).history(f"notice/{notice}"):
        if isinstance(happened.event, NoticeQueued) and happened.event.template in TEMPLATES:
            return TEMPLATES[happened.event.template].retention_ms
    return 0
