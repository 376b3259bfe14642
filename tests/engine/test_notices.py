"""Notices: queued with the act or not at all, delivered once, tried again, wiped in time, never readable at rest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine import people, store
from engine.errors import NotFound, Refused, Tampered
from engine.keyring import Keyring
from engine.keyring import create as create_keys
from engine.notices import (
    MOST_TRIES,
    TEMPLATES,
    Letter,
    NoticeDelivered,
    NoticeFailed,
    NoticeQueued,
    Notices,
    Round,
    Smtp,
    Spool,
    Template,
    Undelivered,
)
from engine.people import People
from engine.sources import ManualClock, Sources
from engine.store import Change, Database, Drop, Ledger, rows
from engine.writer import Act, Transaction, Writer
from tests.engine.postbox import certified, postbox

CODE = {"exam": "Spring exam", "code": "abcd-efgh", "opens": "on 2 March", "address": "here", "contact": "555"}
PRACTICE = {"exam": "Spring exam", "until": "June", "address": "here"}
LETTER = Letter("note-1", "ada@example.org", "Your code", "Dear Ada,\n\nthis is your code: ñ\n")
DAY_MS = 86_400_000


@dataclass
class Pigeon:
    """A channel that is as reliable as a test needs it to be."""

    failures: list[Undelivered] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)

    def deliver(self, letter: Letter) -> str:
        if self.failures:
            raise self.failures.pop(0)
        self.letters.append(letter)
        return "flown"


class Office:
    """An outbox over a real writer, with Ada to write to."""

    def __init__(self, folder: Path, sources: Sources, writer: Writer, database: Database) -> None:
        create_keys(folder / "keys", sources.dice)
        self.keyring = Keyring(folder / "keys", sources.dice)
        self.sources, self.writer, self.database = sources, writer, database
        self.pigeon = Pigeon()
        self.spool = folder / "spool"
        self.notices = self.over("pigeon")
        known = People(writer, database, sources, self.keyring)
        self.ada = known.add("operator", "Ada Quill", born="2001-01-01", email="ada@example.org", login="ada")

    def over(self, usual: str, **more: Any) -> Notices:
        channels = {"pigeon": self.pigeon, "spool": Spool(self.spool), **more}
        return Notices(self.writer, self.database, self.sources, self.keyring, channels, usual=usual)

    def queue(self, template: str = "one-time-code", channel: str = "", *, sitting: str = "sit-1") -> str:
        blanks = CODE if template == "one-time-code" else PRACTICE

        def fn(tx: Transaction) -> str:
            at = self.sources.now()
            return self.notices.queue(tx, "mary", at, self.ada, template, sitting=sitting, channel=channel, **blanks)

        return str(self.writer.run(Act(fn)))

    def row(self, notice: str) -> dict[str, Any]:
        with self.database.reading() as connection:
            [found] = rows(connection, "notice", notice=notice)
        return found

    def events(self, notice: str) -> list[Any]:
        with self.database.reading() as connection:
            return [happened.event for happened in Ledger(connection).history(f"notice/{notice}")]


@pytest.fixture
def office(tmp_path: Path, sources: Sources) -> Iterator[Office]:
    (tmp_path / "data").mkdir()
    database = Database(tmp_path / "data" / "invigil.db")
    store.create(database)
    with Writer(database, sources, {}, [people.project]) as writer:
        yield Office(tmp_path, sources, writer, database)
    database.close()


# -- queueing -------------------------------------------------------------------------------------------------


def test_a_queued_notice_is_delivered_and_both_are_in_the_journal(office: Office) -> None:
    notice = office.queue()
    assert office.events(notice) == [
        NoticeQueued(office.ada, "pigeon", "one-time-code", "2026-1", "Your code for $exam", "sit-1")
    ]
    assert office.notices.deliver_due() == Round(delivered=1)
    [letter] = office.pigeon.letters
    assert (letter.address, letter.subject) == ("ada@example.org", "Your code for Spring exam")
    assert "Dear Ada Quill," in letter.text and "    abcd-efgh\n" in letter.text
    assert office.events(notice)[1:] == [NoticeDelivered("pigeon", "flown")]


def test_an_act_that_is_undone_tells_nobody(office: Office) -> None:
    def fn(tx: Transaction) -> None:
        office.notices.queue(tx, "mary", office.sources.now(), office.ada, "one-time-code", **CODE)
        raise Refused("SEATS_TAKEN")

    with pytest.raises(Refused, match="SEATS_TAKEN"):
        office.writer.run(Act(fn))
    assert office.notices.states() == []
    assert office.notices.deliver_due() == Round()
    office.queue()
    assert office.notices.deliver_due() == Round(delivered=1)


def test_what_waits_is_not_readable_at_rest(office: Office) -> None:
    notice = office.queue()
    stored = office.row(notice)
    assert b"abcd-efgh" not in stored["sealed_text"]
    assert office.keyring.unseal("notices", stored["sealed_text"], notice).decode().count("abcd-efgh") == 1
    for file in (office.database.path, office.database.path.with_name("invigil.db-wal")):
        assert b"abcd-efgh" not in file.read_bytes()


def test_no_journal_entry_holds_a_text_or_an_address(office: Office) -> None:
    notice = office.queue()
    office.pigeon.failures = [Undelivered("rain")]
    office.notices.deliver_due()
    told = repr(office.events(notice))
    assert "abcd-efgh" not in told and "ada@" not in told and "Quill" not in told


def test_a_stranger_a_channel_nobody_has_and_a_forgotten_blank_are_refused(office: Office) -> None:
    def queue(recipient: str, template: str, channel: str = "", **blanks: str) -> None:
        at = office.sources.now()
        office.writer.run(
            Act(lambda tx: office.notices.queue(tx, "mary", at, recipient, template, channel=channel, **blanks))
        )

    with pytest.raises(NotFound, match="no person"):
        queue("per-none", "one-time-code", **CODE)
    with pytest.raises(RuntimeError, match="no channel 'owl'"):
        queue(office.ada, "one-time-code", "owl", **CODE)
    with pytest.raises(RuntimeError, match="needs 'until'"):
        queue(office.ada, "practice-available", exam="x", address="y")
    with pytest.raises(RuntimeError, match="no channel 'owl'"):
        office.over("owl")
    assert office.notices.states() == []


def test_a_code_never_stands_on_the_page_it_opens(office: Office) -> None:
    with pytest.raises(Refused, match="INPUT_INVALID"):
        office.queue("one-time-code", "page")
    office.queue("practice-available", "page")
    assert [one["channel"] for one in office.notices.states()] == ["page"]


@pytest.mark.parametrize("value", ["Spring\nBcc: everybody@example.org", "Spring\r\n", "x" * 300])
def test_a_value_that_breaks_the_subject_is_refused(value: str) -> None:
    with pytest.raises(Refused, match="INPUT_INVALID"):
        TEMPLATES["practice-available"].fill({**PRACTICE, "name": "Ada", "exam": value})


def test_a_text_has_a_length() -> None:
    with pytest.raises(Refused, match="INPUT_INVALID"):
        TEMPLATES["decision-made"].fill(
            dict.fromkeys(("name", "title", "decision", "certificate", "appeal_days"), "x") | {"reasons": "y" * 20_000}
        )


def test_a_value_is_never_read_as_a_blank_of_its_own() -> None:
    template = Template("t", "1", "Hello", "$name and $other", 0)
    assert template.fill({"name": "$other", "other": "{0.__class__}"}) == ("Hello", "$other and {0.__class__}")


def test_every_text_says_its_version_and_only_codes_are_secret() -> None:
    assert {one.name for one in TEMPLATES.values() if one.secret} == {"one-time-code"}
    assert {one.name: one.version for one in TEMPLATES.values()} == dict.fromkeys(TEMPLATES, "2026-1")


# -- delivering -------------------------------------------------------------------------------------------------


def test_a_failed_delivery_is_tried_again_after_a_growing_pause(office: Office, clock: ManualClock) -> None:
    notice = office.queue()
    office.pigeon.failures = [Undelivered("rain"), Undelivered("snow")]
    for pause_ms in (30_000, 60_000):
        assert office.notices.deliver_due() == Round(failed=1)
        clock.advance(pause_ms - 1)
        assert office.notices.deliver_due() == Round()
        clock.advance(1)
    assert office.notices.deliver_due() == Round(delivered=1)
    assert office.events(notice)[1:] == [
        NoticeFailed("pigeon", "rain", 1),
        NoticeFailed("pigeon", "snow", 2),
        NoticeDelivered("pigeon", "flown"),
    ]
    assert office.row(notice)["attempts"] == 3


def test_after_the_last_try_it_has_failed_and_its_text_is_gone(office: Office, clock: ManualClock) -> None:
    notice = office.queue()
    office.pigeon.failures = [Undelivered("rain") for _ in range(MOST_TRIES)]
    pauses = []
    for _ in range(MOST_TRIES):
        before = office.row(notice)["due_ms"]
        assert office.notices.deliver_due() == Round(failed=1)
        pauses.append(office.row(notice)["due_ms"] - before)
        clock.advance(pauses[-1])
    assert pauses == [30_000, 60_000, 120_000, 240_000, 480_000, 960_000, 1_920_000, 3_600_000]
    assert office.notices.deliver_due() == Round()
    assert (office.row(notice)["state"], office.row(notice)["sealed_text"]) == ("FAILED", b"")
    assert [one["notice"] for one in office.notices.states(state="FAILED")] == [notice]


def test_a_refusal_for_good_is_not_tried_again(office: Office, clock: ManualClock) -> None:
    notice = office.queue()
    office.pigeon.failures = [Undelivered("no such bird", lasting=True)]
    assert office.notices.deliver_due() == Round(failed=1)
    clock.advance(DAY_MS)
    assert office.notices.deliver_due() == Round()
    assert office.row(notice)["state"] == "FAILED"


def test_one_that_fails_does_not_keep_the_others_back(office: Office) -> None:
    office.queue()
    office.queue()
    office.pigeon.failures = [Undelivered("rain")]
    assert office.notices.deliver_due() == Round(delivered=1, failed=1)


def test_a_round_takes_no_more_than_it_is_told(office: Office) -> None:
    for _ in range(4):
        office.queue()
    assert [office.notices.deliver_due(most=2).delivered for _ in range(3)] == [2, 2, 0]


def test_two_rounds_at_once_write_to_nobody_twice(office: Office) -> None:
    for _ in range(8):
        office.queue()
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        office.notices.deliver_due()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len({letter.notice for letter in office.pigeon.letters}) == len(office.pigeon.letters) == 8


def test_a_channel_that_was_taken_away_is_a_failure_that_says_so(office: Office) -> None:
    notice = office.queue()
    without = Notices(office.writer, office.database, office.sources, office.keyring, {})
    assert without.deliver_due() == Round(failed=1)
    assert office.events(notice)[-1] == NoticeFailed("pigeon", "this channel is not set up", 1)


def test_a_sealed_text_that_was_touched_is_never_sent(office: Office) -> None:
    notice = office.queue()
    touched = bytearray(office.row(notice)["sealed_text"])
    touched[-1] ^= 1
    change = Change("notice", {"notice": notice}, {"sealed_text": bytes(touched)})
    office.writer.run(Act(lambda tx: tx.apply(change)))
    with pytest.raises(Tampered):
        office.notices.deliver_due()
    assert office.pigeon.letters == []


# -- keeping and wiping -------------------------------------------------------------------------------------------


def test_a_code_is_wiped_the_moment_it_is_delivered(office: Office) -> None:
    notice = office.queue()
    office.notices.deliver_due()
    assert (office.row(notice)["state"], office.row(notice)["sealed_text"]) == ("WIPED", b"")


def test_other_texts_are_kept_for_their_time_and_then_wiped(office: Office, clock: ManualClock) -> None:
    notice = office.queue("practice-available")
    assert office.notices.deliver_due() == Round(delivered=1)
    clock.advance(30 * DAY_MS - 1)
    assert office.notices.deliver_due() == Round()
    assert office.row(notice)["state"] == "DELIVERED"
    clock.advance(1)
    assert office.notices.deliver_due() == Round(wiped=1)
    assert (office.row(notice)["state"], office.row(notice)["sealed_text"]) == ("WIPED", b"")
    assert len(office.pigeon.letters) == 1


def test_a_later_text_that_has_to_go_first_is_wiped_in_its_time(office: Office, clock: ManualClock) -> None:
    office.queue("practice-available")
    office.notices.deliver_due()
    clock.advance(16 * DAY_MS)
    office.queue("practice-available")
    office.notices.deliver_due()
    clock.advance(14 * DAY_MS)
    assert office.notices.deliver_due() == Round(wiped=1)
    clock.advance(16 * DAY_MS)
    afresh = office.over("pigeon")
    assert (afresh.deliver_due(), afresh.deliver_due()) == (Round(wiped=1), Round())


def test_the_page_shows_a_notice_until_it_is_wiped(office: Office, clock: ManualClock) -> None:
    notice = office.queue("practice-available", "page")
    [shown] = office.notices.page_of(office.ada)
    assert (shown.notice, shown.subject) == (notice, "You can practise for Spring exam")
    assert "until June" in shown.text
    assert office.notices.page_of("per-other") == []
    assert office.notices.deliver_due() == Round(delivered=1)
    assert office.events(notice)[-1] == NoticeDelivered("page", "on the page")
    assert office.notices.page_of(office.ada) == [shown]
    clock.advance(30 * DAY_MS)
    assert office.notices.deliver_due() == Round(wiped=1)
    assert office.notices.page_of(office.ada) == []


def test_a_text_whose_template_is_gone_is_not_kept(office: Office) -> None:
    notice = office.queue("practice-available")
    office.writer.run(Act(lambda tx: tx.erase(f"notice/{notice}", 1)))
    office.notices.deliver_due()
    assert office.row(notice)["state"] == "WIPED"


def test_states_tell_neither_text_nor_address(office: Office) -> None:
    notice = office.queue()
    assert office.notices.states(recipient=office.ada) == [
        {
            "notice": notice,
            "recipient": office.ada,
            "channel": "pigeon",
            "subject": "Your code for Spring exam",
            "state": "QUEUED",
            "attempts": 0,
        }
    ]
    office.writer.run(Act(lambda tx: tx.apply(Drop("notice", {"notice": notice}))))
    assert office.notices.states() == []


# -- the spool -----------------------------------------------------------------------------------------------------


def test_the_spool_writes_one_private_file(office: Office) -> None:
    office.queue("one-time-code", "spool")
    assert office.notices.deliver_due() == Round(delivered=1)
    [file] = office.spool.iterdir()
    assert file.suffix == ".txt"
    assert file.stat().st_mode & 0o777 == 0o600
    letter = file.read_text(encoding="utf-8")
    assert letter.startswith("To: ada@example.org\nSubject: Your code for Spring exam\n\nDear Ada Quill,")


def test_a_spool_that_cannot_be_written_fails_and_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file in the way")
    with pytest.raises(Undelivered, match="cannot be written") as caught:
        Spool(tmp_path / "spool").deliver(LETTER)
    assert caught.value.lasting is False
    assert Spool(tmp_path / "other").deliver(LETTER) == "note-1.txt"


# -- mail ------------------------------------------------------------------------------------------------------------


def mail(port: int, **how: Any) -> Smtp:
    return Smtp("127.0.0.1", port, "exams@example.org", **{"security": "none", "timeout_s": 8, **how})


def test_mail_arrives_whole() -> None:
    with postbox() as box:
        assert mail(box.port).deliver(LETTER) == "accepted by the mail server"
    [letter] = box.letters
    assert "To: ada@example.org" in letter and "From: exams@example.org" in letter
    assert "Subject: Your code" in letter and "Message-ID: <note-1@example.org>" in letter


def test_mail_goes_over_starttls_with_a_login(tmp_path: Path) -> None:
    server, client = certified(tmp_path)
    with postbox(server) as box:
        mail(box.port, security="starttls", user="exams", password="s3cret", context=client).deliver(LETTER)
    assert (len(box.letters), len(box.logins)) == (1, 1)


def test_mail_goes_over_tls_from_the_first_byte(tmp_path: Path) -> None:
    server, client = certified(tmp_path)
    with postbox(server, at_once=True) as box:
        mail(box.port, security="tls", context=client).deliver(LETTER)
    assert len(box.letters) == 1


def test_nothing_is_sent_to_a_server_without_starttls_or_with_a_certificate_nobody_trusts(tmp_path: Path) -> None:
    with postbox() as plain, pytest.raises(Undelivered, match="not reached"):
        mail(plain.port, security="starttls", user="exams", password="s3cret").deliver(LETTER)
    server, _ = certified(tmp_path)
    with postbox(server) as unknown, pytest.raises(Undelivered, match="not reached"):
        mail(unknown.port, security="starttls", user="exams", password="s3cret").deliver(LETTER)
    assert plain.letters == unknown.letters == plain.logins == unknown.logins == []


@pytest.mark.parametrize(("answer", "lasting"), [("550 no such mailbox", True), ("451 later", False)])
def test_a_refused_recipient_is_refused_for_good_or_for_now(answer: str, lasting: bool) -> None:
    with postbox() as box:
        box.answers = {"RCPT": answer}
        with pytest.raises(Undelivered, match=f"the recipient was refused: {answer[:3]}") as caught:
            mail(box.port).deliver(LETTER)
    assert caught.value.lasting is lasting


def test_a_server_that_says_no_or_is_not_there_is_tried_again() -> None:
    with postbox() as box:
        box.answers = {"MAIL": "421 closing"}
        with pytest.raises(Undelivered, match="the mail server answered 421") as caught:
            mail(box.port).deliver(LETTER)
        assert caught.value.lasting is False
        port = box.port
    with pytest.raises(Undelivered, match="not reached: ConnectionRefusedError") as caught:
        mail(port).deliver(LETTER)
    assert caught.value.lasting is False


def test_an_address_that_breaks_a_header_is_refused_for_good() -> None:
    for address in ("ada@example.org\nBcc: all@example.org", "ada@", "ada@a.org, all@a.org", "<ada@a.org>", "@", ""):
        with pytest.raises(Undelivered, match="malformed") as caught:
            mail(1).deliver(Letter("note-1", address, "Hello", "x"))
        assert caught.value.lasting is True
        assert "ada" not in caught.value.detail


def test_mail_from_the_outbox(office: Office) -> None:
    with postbox() as box:
        by_mail = office.over("smtp", smtp=mail(box.port))
        at = office.sources.now()
        office.writer.run(Act(lambda tx: by_mail.queue(tx, "mary", at, office.ada, "one-time-code", **CODE)))
        assert by_mail.deliver_due() == Round(delivered=1)
    assert "abcd-efgh" in box.letters[0]
