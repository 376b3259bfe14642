"""A mail server for the tests: a real socket that speaks just enough SMTP (RFC 5321), with and without TLS.

It keeps what it is given in `letters` and answers as `answers` says, so a test can refuse a recipient for now or for
good, want a login, or hang up in the middle.
"""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Postbox(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None = None, *, at_once: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.context = context
        self.at_once = at_once
        self.letters: list[str] = []
        self.logins: list[str] = []
        self.answers: dict[str, str] = {}

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Visit(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        box = cast(Postbox, self.server)
        secured = False
        if box.at_once:
            self._secure(box)
        self._say("220 postbox")
        while line := self.rfile.readline().decode().strip():
            word = line.split()[0].upper()
            if word in box.answers:
                self._say(box.answers[word])
            elif word == "EHLO":
                offers = ["250-postbox", *(["250-STARTTLS"] if box.context and not secured else []), "250 AUTH PLAIN"]
                self._say("\r\n".join(offers))
            elif word == "STARTTLS":
                self._say("220 go on")
                self._secure(box)
                secured = True
            elif word == "AUTH":
                box.logins.append(line)
                self._say("235 welcome")
            elif word == "DATA":
                self._say("354 go on")
                box.letters.append(self._letter())
                self._say("250 kept")
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def _letter(self) -> str:
        lines = []
        while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            lines.append(line)
        return "\n".join(lines)

    def _secure(self, box: Postbox) -> None:
        assert box.context is not None
        self.request = box.context.wrap_socket(self.request, server_side=True)
        self.rfile = self.request.makefile("rb")

    def _say(self, text: str) -> None:
        self.request.sendall(f"{text}\r\n".encode())


@contextmanager
def postbox(context: ssl.SSLContext | None = None, *, at_once: bool = False) -> Iterator[Postbox]:
    with Postbox(context, at_once=at_once) as box:
        thread = threading.Thread(target=box.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield box
        finally:
            box.shutdown()
            thread.join()


def certified(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate made for this test, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "postbox")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "postbox.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=str(file))
