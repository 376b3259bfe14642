"""The public log over HTTP: checkpoints and proofs for everybody, and a receipt's check that is no oracle."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from engine.receipt import receipt_code
from engine.transparency.checkpoint import opened
from engine.transparency.integrator import EVERY_MS
from engine.transparency.merkle import consistent
from engine.transparency.receipt_file import MOST_BYTES, check, read
from engine.writer import Act
from tests.web.site import Site
from web.transparency import CHECK_BURST, MOST_FORM_BYTES, PROOF_BURST


@pytest.fixture
def handed_in(site: Site) -> Site:
    """Ada has handed in, and the checkpoint over it is signed."""
    site.running()
    site.answered()
    site.house.delivery.submit(site.person("ada"), site.sitting, 1, 3)
    tick(site)
    return site


def tick(site: Site) -> None:
    site.wait(EVERY_MS)
    site.house.writer.run(Act(lambda _tx: None))


def shown(site: Site, **parts: Any) -> httpx.Response:
    """The form of ``/receipt``, as a browser sends it."""
    anybody = site.browser("anybody")
    texts = {"csrf": anybody.form_token(), "file": "", "pasted": "", **parts}
    files = {name: value if isinstance(value, tuple) else (None, value) for name, value in texts.items()}
    headers = {"host": anybody.host, "origin": f"http://{anybody.host}"}
    site.client.cookies.clear()
    return site.client.post("/receipt", files=files, headers=headers)


def of_ada(site: Site) -> bytes:
    answer = site.candidate().get(f"/sit/{site.sitting}/receipt.json")
    assert (200, "application/json") == (answer.status_code, answer.headers["content-type"])
    return answer.content


# -- checkpoints and proofs -----------------------------------------------------------------------------


def test_the_newest_checkpoint_and_older_ones_are_there_for_everybody(site: Site) -> None:
    old = site.client.get("/checkpoint")
    assert (200, "text/plain; charset=utf-8") == (old.status_code, old.headers["content-type"])
    before = opened(old.text, site.house.keyring.public)
    site.running()
    tick(site)
    after = opened(site.client.get("/checkpoint").text, site.house.keyring.public)
    assert after.size > before.size
    assert old.text == site.client.get(f"/checkpoint?size={before.size}").text
    told = site.client.get(f"/checkpoint/consistency?from={before.size}&to={after.size}").json()
    assert {"from": before.size, "to": after.size} == {name: told[name] for name in ("from", "to")}
    proof = [bytes.fromhex(step) for step in told["proof"]]
    assert consistent(before.size, before.root, after.size, after.root, proof)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/checkpoint?size=9007199254740992", 404),
        ("/checkpoint?size=0", 400),
        ("/checkpoint?size=-1", 400),
        ("/checkpoint?size=%00", 400),
        ("/checkpoint?size=", 400),
        ("/checkpoint?size=" + "9" * 4_000, 400),
        ("/checkpoint/consistency", 400),
        ("/checkpoint/consistency?from=1", 400),
        ("/checkpoint/consistency?from=2&to=1", 404),
        ("/checkpoint/consistency?from=1&to=9007199254740992", 404),
        ("/checkpoint/consistency?from=x&to=1", 400),
    ],
)
def test_sizes_that_are_none_are_refused_clearly(site: Site, path: str, status: int) -> None:
    assert status == site.client.get(path).status_code


# -- the candidate's file -------------------------------------------------------------------------------


def test_the_file_is_there_within_a_second_of_the_seal(handed_in: Site) -> None:
    told = read(of_ada(handed_in))
    assert check(told, handed_in.house.keyring.public).size >= told["leaf_index"] + 1
    page = handed_in.candidate().get(f"/sit/{handed_in.sitting}/receipt").text
    assert f'href="/sit/{handed_in.sitting}/receipt.json"' in page
    assert "Invigil receipt v1" in page


def test_whoever_asks_before_the_checkpoint_waits_and_is_told_when_to_ask_again(site: Site) -> None:
    site.running()
    tick(site)
    site.house.delivery.submit(site.person("ada"), site.sitting, 0, 0)  # no time passes, so nothing is signed
    answer = site.candidate().get(f"/sit/{site.sitting}/receipt.json")
    assert (503, "1") == (answer.status_code, answer.headers["retry-after"])


def test_there_is_no_file_before_the_seal(site: Site) -> None:
    site.running()
    assert 404 == site.candidate().get(f"/sit/{site.sitting}/receipt.json").status_code


# -- the check of a receipt -----------------------------------------------------------------------------


def test_a_genuine_file_is_confirmed_uploaded_or_pasted(handed_in: Site) -> None:
    data = of_ada(handed_in)
    told = json.loads(data)
    for answer in (
        shown(handed_in, file=("receipt.json", data)),
        shown(handed_in, pasted=data.decode()),
        shown(handed_in, pasted="\r\n" + data.decode().replace("\n", "\r\n") + "  "),
    ):
        assert 200 == answer.status_code
        assert "This receipt is genuine" in answer.text
        assert f"entry {told['leaf_index'] + 1}" in answer.text
        assert "cookie" not in " ".join(answer.headers).lower()


def test_a_changed_file_is_not_confirmed_and_the_step_is_named(handed_in: Site) -> None:
    changed = of_ada(handed_in).replace(b"rows: 3", b"rows: 4")
    answer = shown(handed_in, file=("receipt.json", changed))
    assert 200 == answer.status_code
    assert "This receipt is not confirmed" in answer.text
    assert "the signature: it is not over this text" in answer.text


def test_a_receipt_of_a_past_that_was_never_published_is_not_confirmed(handed_in: Site) -> None:
    """The file holds in itself; the log shows another checkpoint to everybody else."""
    data = of_ada(handed_in)

    def rewrite(connection: Any) -> None:
        connection.exec_driver_sql("UPDATE checkpoint SET root = zeroblob(32)").close()

    handed_in.house.writer.run(Act(lambda tx: rewrite(tx.connection)))
    assert "another one was published at this size" in shown(handed_in, file=("receipt.json", data)).text


def test_code_and_text_together_are_confirmed(handed_in: Site) -> None:
    told = json.loads(of_ada(handed_in))
    answer = shown(handed_in, code=told["code"].lower(), text=told["receipt"].replace("\n", "\r\n"))
    assert "This receipt is genuine" in answer.text


def test_nothing_less_than_the_whole_receipt_tells_anything_about_a_sitting(handed_in: Site) -> None:
    told = json.loads(of_ada(handed_in))
    invented = told["receipt"].replace("rows: 3", "rows: 2")
    nobody = invented.replace(handed_in.sitting, "sit-00000000000000000")
    answers = [
        shown(handed_in, code=code, text=text)
        for code, text in (
            (receipt_code(invented), invented),
            (receipt_code(nobody), nobody),
            (told["code"], invented),
            ("0000-0000-0000", told["receipt"]),
        )
    ]
    told_apart = {answer.text.split('<form method="post" action="/receipt"')[0] for answer in answers}
    assert ({200}, 1) == ({answer.status_code for answer in answers}, len(told_apart))
    assert "no receipt of ours has both together" in answers[0].text
    alone = shown(handed_in, code=told["code"])
    assert (400, True) == (alone.status_code, "the code and the receipt&#39;s text together" in alone.text)
    assert "genuine" not in alone.text.split("<form")[0]


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({}, 400),
        ({"pasted": "{"}, 400),
        ({"pasted": "[" * 10_000}, 400),
        ({"pasted": '{"format":"invigil receipt"}'}, 400),
        ({"file": ("r.json", b"\xff\x00" * 64)}, 400),
        ({"file": ("r.json", b"x" * (MOST_BYTES + 1))}, 413),
        ({"code": "x" * 41, "text": "x"}, 400),
        ({"code": "x", "text": "x" * 2_001}, 400),
        ({"code": "x", "text": "\x00"}, 400),
    ],
)
def test_hostile_input_is_a_clear_refusal(site: Site, parts: dict[str, Any], status: int) -> None:
    answer = shown(site, **parts)
    assert status == answer.status_code
    assert "This could not be checked" in answer.text


def test_a_body_too_large_is_refused_before_it_is_read_and_a_foreign_form_is_too(site: Site) -> None:
    assert 413 == shown(site, pasted="x" * MOST_FORM_BYTES).status_code
    assert 409 == shown(site, csrf="another").status_code


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=b", b"--b\r\nnonsense", 409),
        ("multipart/form-data; boundary=b", b"\xff" * 512, 400),
        ("application/json", b"{}", 409),
        ("application/x-www-form-urlencoded", b"%ff=%00&" * 64, 400),
    ],
)
def test_a_body_that_is_no_form_of_ours_is_refused(site: Site, kind: str, body: bytes, status: int) -> None:
    host = site.browser("anybody").host
    headers = {"host": host, "origin": f"http://{host}", "content-type": kind}
    assert status == site.client.post("/receipt", content=body, headers=headers).status_code


def test_proofs_cannot_be_asked_without_end(site: Site) -> None:
    asked = [site.client.get("/checkpoint/consistency?from=1&to=2").status_code for _ in range(PROOF_BURST + 1)]
    assert [200] * PROOF_BURST + [429] == asked


def test_nothing_shown_is_stored(handed_in: Site) -> None:
    data = of_ada(handed_in)
    with handed_in.house.database.reading() as connection:
        before = list(connection.exec_driver_sql("SELECT max(position) FROM entry"))
    shown(handed_in, file=("receipt.json", data))
    with handed_in.house.database.reading() as connection:
        assert before == list(connection.exec_driver_sql("SELECT max(position) FROM entry"))


def test_the_check_cannot_be_asked_without_end(site: Site) -> None:
    asked = [shown(site, code="x", text="x").status_code for _ in range(CHECK_BURST + 1)]
    assert [200] * CHECK_BURST + [429] == asked
    site.wait(2**12)
    assert 200 == shown(site, code="x", text="x").status_code


def test_the_form_and_the_footer_lead_there_without_a_sign_in(site: Site) -> None:
    anybody = site.browser("anybody")
    assert "Check a receipt" in anybody.get("/receipt").text
    assert 'href="/receipt"' in anybody.get("/statement").text
