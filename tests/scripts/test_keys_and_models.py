"""Keys are made once, backed up and put back whole; the model is kept only when it is the right one."""

from __future__ import annotations

import http.server
import shutil
import ssl
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from proctoring.model import MODEL_FILE
from scripts.server import make_certificate
from tests.bodies import free_port
from tests.scripts.shell import Shell

PASSPHRASE = "four words nobody else says\n"


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.key")}


def test_keys_are_made_once_and_never_touched_again(shell: Shell) -> None:
    assert 10 == len(str(shell.json("keys", "create")["made"]).split(","))
    made = files(shell.folder / "apart/keys")
    assert [] == shell.json("keys", "create")["made"]
    assert made == files(shell.folder / "apart/keys")


def test_a_backup_brings_the_same_keys_back(shell: Shell) -> None:
    shell.json("keys", "create")
    made = files(shell.folder / "apart/keys")
    key = shell.json("keys", "backup", "backup.json", "--passphrase-stdin", stdin=PASSPHRASE)["journal_key"]
    backup = (shell.folder / "backup.json").read_bytes()
    assert [] == [name for name, value in made.items() if value in backup or value.hex().encode() in backup]
    shutil.rmtree(shell.folder / "apart/keys")
    assert key == shell.json("keys", "restore", "backup.json", "--passphrase-stdin", stdin=PASSPHRASE)["journal_key"]
    assert made == files(shell.folder / "apart/keys")
    shell.json("keys", "restore", "backup.json", "--passphrase-stdin", stdin=PASSPHRASE)  # once more changes nothing
    assert made == files(shell.folder / "apart/keys")


def test_a_backup_is_neither_weak_nor_overwritten_nor_opened_by_another_word(shell: Shell) -> None:
    assert "NOT_FOUND" == shell.refused("keys", "backup", "b.json", "--passphrase-stdin", stdin=PASSPHRASE)
    shell.json("keys", "create")
    assert "INPUT_INVALID" == shell.refused("keys", "backup", "b.json", "--passphrase-stdin", stdin="short\n")
    assert "NOT_FOUND" == shell.refused("keys", "backup", "no/where.json", "--passphrase-stdin", stdin=PASSPHRASE)
    shell.json("keys", "backup", "b.json", "--passphrase-stdin", stdin=PASSPHRASE)
    assert "INPUT_INVALID" == shell.refused("keys", "backup", "b.json", "--passphrase-stdin", stdin=PASSPHRASE)
    assert "INPUT_INVALID" == shell.refused("keys", "restore", "b.json", "--passphrase-stdin", stdin="another word\n")
    assert "NOT_FOUND" == shell.refused("keys", "restore", "none.json", "--passphrase-stdin", stdin=PASSPHRASE)


def test_a_restore_never_replaces_another_key(shell: Shell) -> None:
    shell.json("keys", "create")
    shell.json("keys", "backup", "b.json", "--passphrase-stdin", stdin=PASSPHRASE)
    shutil.rmtree(shell.folder / "apart/keys")
    shell.json("keys", "create")
    others = files(shell.folder / "apart/keys")
    assert "INPUT_INVALID" == shell.refused("keys", "restore", "b.json", "--passphrase-stdin", stdin=PASSPHRASE)
    assert others == files(shell.folder / "apart/keys")


# -- the model ----------------------------------------------------------------------------------------


@pytest.fixture
def other_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """A server of HTTPS over a folder, with a certificate that this process believes: ``(address, folder)``."""
    certificate, key, folder = tmp_path / "tls.pem", tmp_path / "tls-key.pem", tmp_path / "served"
    folder.mkdir()
    make_certificate("127.0.0.1", certificate, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    handler = partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()
    thread.join(8)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_told: object) -> None:
        """Say nothing."""


def test_the_model_is_fetched_checked_and_then_left_alone(
    shell: Shell, other_side: tuple[str, Path], shared_data: Path
) -> None:
    address, folder = other_side
    shutil.copy2(shared_data / "models" / MODEL_FILE, folder / MODEL_FILE)
    told = shell.json("models", "fetch", "--source", f"{address}/{MODEL_FILE}")
    assert (True, True) == (told["ok"], told["fetched"])
    kept = shell.folder / "models" / MODEL_FILE
    assert (folder / MODEL_FILE).read_bytes() == kept.read_bytes()
    assert shell.json("models", "fetch")["fetched"] is False  # no address is asked any more


def test_another_file_is_never_kept_whoever_sends_it(shell: Shell, other_side: tuple[str, Path]) -> None:
    address, folder = other_side
    (folder / MODEL_FILE).write_bytes(b"a changed detector would accuse people")
    told = shell.json("models", "fetch", "--source", f"{address}/{MODEL_FILE}", code=1)
    assert "MODEL_NOT_FETCHED" == told["code"]
    assert "SHA-256" in str(told["why"])
    assert [] == list((shell.folder / "models").iterdir())


def test_a_place_that_has_it_not_is_a_clear_no(shell: Shell, other_side: tuple[str, Path]) -> None:
    address, _ = other_side
    told = shell.json("models", "fetch", "--source", f"{address}/nothing.onnx", code=1)
    assert "the other side answered 404" == told["why"]
    elsewhere = f"https://127.0.0.1:{free_port()}/{MODEL_FILE}"
    assert "out of reach" in str(shell.json("models", "fetch", "--source", elsewhere, code=1)["why"])
    assert 2 == shell("models", "fetch", "--source", "http://127.0.0.1/x").code


def test_another_file_of_the_models_name_is_left_for_somebody_to_look_at(shell: Shell) -> None:
    (shell.folder / "models").mkdir()
    wrong = shell.folder / "models" / MODEL_FILE
    wrong.write_bytes(b"who put this here?")
    assert "MODEL_IS_ANOTHER" == shell.refused("models", "fetch")
    assert b"who put this here?" == wrong.read_bytes()
