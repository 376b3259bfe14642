"""A word planted in an item is nowhere but in its sealed record and on the page of the candidate it was served to.

The words stand in the stem, an option, the rationale, feedback, a scorer's rubric, and inside a picture's bytes. A
whole day is run: imported over HTTP, reviewed, keyed, commented on, drawn, served, answered, scored, searched for,
exported and backed up. Then every byte that is left anywhere is searched, as it is and in the forms bytes hide in.
"""

from __future__ import annotations

import base64
import io
import json
import re
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import audit
from engine.admission import ENVIRONMENT, SITTING_TEXTS, USE_TEXT
from engine.events import AgreementSigned, EnvironmentChecked, IdentityShown, IdentityVerified
from engine.store import Ledger
from tests.engine.builders import a_row, chose
from tests.item_bank.qti.sheet import png
from tests.item_bank.samples import choice_interaction, full_metadata, item_xml, resource, write_package
from tests.web.site import BLUEPRINT, Site, plan
from tests.web.test_acts import done

SHOWN = ("Canarystem7423", "Canaryoption7423")
HIDDEN = ("Canaryrationale7423", "Canaryfeedback7423", "Canaryrubric7423", "Canarycomment7423")
PICTURE = "Canarypicture7423"
WORDS = (*SHOWN, *HIDDEN, PICTURE)


def package(folder: Path) -> bytes:
    """Three items with the words in them, one with a picture, as a zip file."""
    rubric = (
        '<qti-rubric-block view="scorer" use="scoring">'
        f"<qti-content-body><p>{HIDDEN[2]}</p></qti-content-body></qti-rubric-block>"
    )
    feedback = (
        f'<qti-modal-feedback outcome-identifier="FEEDBACK" identifier="A" show-hide="show">'
        f"<qti-content-body><p>{HIDDEN[1]}</p></qti-content-body></qti-modal-feedback>"
    )
    outcomes = (
        '<qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float"/>'
        '<qti-outcome-declaration identifier="FEEDBACK" cardinality="single" base-type="identifier"/>'
    )
    choices = (
        f'<qti-simple-choice identifier="A">{SHOWN[1]}</qti-simple-choice>'
        '<qti-simple-choice identifier="B">Two</qti-simple-choice>'
    )
    items = {
        name: item_xml(
            identifier=name,
            outcomes=outcomes,
            body=f'<p>{SHOWN[0]} {name}</p><p><img src="sheet.png" alt="A sheet"/></p>{rubric}',
            interaction=choice_interaction(choices),
        )
        for name in ("canary-1", "canary-2", "canary-3")
    }
    for name, data in items.items():  # feedback stands after the response processing
        items[name] = data.replace(b"</qti-assessment-item>", f"{feedback}</qti-assessment-item>".encode())
    told = full_metadata(domain="CANARY").replace("Because one is less than two.", HIDDEN[0])
    named = "".join(
        resource(name, told).replace("</resource>", '<file href="items/sheet.png"/></resource>') for name in items
    )
    path = write_package(folder, items, named)
    (path / "items/sheet.png").write_bytes(png(60, 40, mark=PICTURE.encode()))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as into:
        for file in sorted(path.rglob("*")):
            if file.is_file():
                into.write(file, file.relative_to(path).as_posix())
    return packed.getvalue()


def forms_of(word: str) -> Iterator[bytes]:
    """The bytes a word may hide as: encodings, hexadecimal, and base64 wherever in a text it began."""
    yield word.encode()
    yield word.lower().encode()
    for encoding in ("utf-16-le", "utf-16-be"):
        yield word.encode(encoding)
    yield word.encode().hex().encode()
    for before in range(3):
        inside = base64.b64encode(b"x" * before + word.encode())[4 if before else 0 :]
        yield inside[:-4].rstrip(b"=")


NEEDLES = re.compile(b"|".join(re.escape(one) for word in WORDS for one in forms_of(word)))
_STREAM = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08|PK\x03\x04")


def found_in(data: bytes, depth: int = 2) -> set[bytes]:
    """The planted words in these bytes, and in whatever unpacks inside them."""
    found = set(NEEDLES.findall(data))
    if depth:
        for start in _STREAM.finditer(data):
            at = start.start()
            for bits in (15, 31, -15):
                try:
                    plain = zlib.decompressobj(bits).decompress(data[at : at + 1_000_000], 1_000_000)
                except zlib.error:
                    continue
                if len(plain) > 8:
                    found |= found_in(plain, depth - 1)
    return found


def test_the_search_finds_a_word_however_it_hides() -> None:
    word = WORDS[0].encode()
    for hidden in (
        *(word, zlib.compress(b"a text with " + word), WORDS[0].encode("utf-16-le"), word.hex().encode()),
        *(base64.b64encode(b"." * n + word + b" and on") for n in range(4)),
        zlib.compress(json.dumps({"sealed": base64.b64encode(b"12" + word + b"3").decode()}).encode()),
    ):
        assert found_in(b"\x00\x01" + hidden + b"\x02"), hidden
    assert set() == found_in(b"Canary stem 7423")


def active(site: Site, items: list[str]) -> None:
    for who in ("mary", "rosalind"):
        done(site, who, "bank.approve", {"items": items})
    assert items == done(site, "rosalind", "bank.keys", {"keys": {item: ["A"] for item in items}})["agreed"]
    done(site, "mary", "bank.activate", {"items": items})


def sit(site: Site, exam: str, sitting: str) -> list[str]:
    """Noor sits the exam; what was sent of its questions and pictures."""
    delivery, noor, grace = site.house.delivery, site.person("noor"), site.person("grace")
    site.present()
    policy = site.house.exams.exam(exam).policy
    site.app.state.desk.duty.opened(grace, exam, policy, site.clock.now())
    delivery.check_in(noor, sitting)
    for text in (*SITTING_TEXTS, USE_TEXT):
        delivery.sign(noor, sitting, AgreementSigned(text, "2026-1", "ab" * 32, "en"))
    delivery.check_environment(grace, sitting, EnvironmentChecked(ENVIRONMENT))
    delivery.show_identity(noor, sitting, IdentityShown("5a" * 32, 1280, 960))
    delivery.verify_identity(grace, sitting, IdentityVerified("5a" * 32, "passport", "live"))
    delivery.start(grace, sitting, present=(grace,))
    browser, sent = site.candidate("noor"), []
    writer, state = delivery.open_outbox(noor, sitting)
    assert state.form is not None
    for seq, place in enumerate(state.form.items, start=1):
        page = browser.get(f"/sit/{sitting}/item/{place.position}")
        assert 200 == page.status_code
        sent.append(page.text)
        [source] = re.findall(r'<img[^>]*src="([^"]+)"', page.text)
        picture = browser.get(source if source.startswith("/") else f"/sit/{sitting}/item/{source}")
        assert PICTURE.encode() in picture.content
        option = sorted(delivery.item(noor, sitting, place.position).rules[0].options)[0]
        delivery.receive(noor, sitting, a_row(seq, place.position, chose(option), writer=writer))
    delivery.submit(noor, sitting, 0, 0)
    delivery.score(sitting)
    return sent


def backup(site: Site, to: Path) -> None:
    with sqlite3.connect(site.house.settings.database) as source, sqlite3.connect(to) as target:
        source.backup(target)


def test_a_planted_word_is_only_where_it_was_served(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    scratch, outside = tmp_path / "temporary", tmp_path / "site"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    sent_package = base64.b64encode(package(tmp_path / "authored")).decode()
    imported = done(site, "emmy", "bank.import", {"package": sent_package})
    assert (["canary-1", "canary-2", "canary-3"], []) == (imported["drafted"], imported["refused"])
    active(site, imported["drafted"])
    done(site, "rosalind", "bank.comment", {"item": "canary-1", "text": f"Is {HIDDEN[3]} clear enough?"})
    exam = done(site, "mary", "exam.plan", plan(blueprint=_canary_plan()))["exam"]
    booked = done(site, "mary", "exam.book", {"exam": exam, "candidate": "noor"})
    done(site, "mary", "exam.open", {"exam": exam})
    sent = sit(site, exam, booked["sitting"])
    for page in sent:
        assert set(SHOWN) == {word for word in WORDS if word in page}
    assert 3 == len(done(site, "rosalind", "bank.search", {"words": SHOWN[0]}))
    leaked = base64.b64encode(sent[0].encode()).decode()
    assert [booked["sitting"]] == done(site, "mary", "bank.leak-check", {"found": leaked})[0]["sittings"]

    pages = [
        site.signed_in(who).get(path).content
        for who in ("mary", "rosalind", "grace")
        for path in ("/", "/staff", f"/exam/{exam}", f"/review/{booked['sitting']}", "/bank")
    ]
    pages += [site.candidate("noor").get(path).content for path in ("/me", f"/sit/{booked['sitting']}/receipt")]
    pages += [json.dumps(done(site, "mary", "bank.list", {})).encode()]
    pages += [json.dumps(done(site, "mary", "bank.exposure", {"item": "canary-1"})).encode()]
    with site.house.database.reading() as connection, (tmp_path / "site/journal.jsonl").open("wb") as to:
        audit.export(Ledger(connection), to, site.clock.now(), site.house.keyring.sign)
    backup(site, outside / "backup.db")

    places: dict[str, bytes] = {f"page {n}": data for n, data in enumerate(pages)}
    places["log"] = "".join(capfd.readouterr()).encode()
    for folder in (outside, scratch):
        places |= {str(path.relative_to(tmp_path)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {"site/data/invigil.db", "site/data/invigil.db-wal", "site/backup.db", "site/journal.jsonl"} <= set(places)
    assert {} == {where: found for where, data in places.items() if (found := found_in(data))}


def _canary_plan() -> dict[str, Any]:
    row = {"name": "r1", "section": "s1", "domain": "CANARY", "count": 3}
    return {**BLUEPRINT, "name": "canary", "rows": [row]}
