"""``invigil serve``: the server, one process, until it is told to stop.

It needs a database (``invigil db upgrade`` makes an empty one, ``invigil demo`` a whole body) and the data
folder to itself. Camera and microphone work only on a secure origin: behind HTTPS, on ``localhost`` or on
``*.localhost``; ``--tls self`` makes a certificate for a first look.
"""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import sys
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

import structlog
import typer
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.errors import InvigilError, Refused
from engine.sources import system
from engine.writer import hold_folder
from scripts import console
from scripts.calling import ADDRESS_FILE, existing
from web.settings import Settings

WS_MOST_BYTES: Final = 262_144


def command(
    host: Annotated[str, typer.Option(help="Address to listen on. [default: INVIGIL_HOST, else 127.0.0.1]")] = "",
    port: Annotated[int, typer.Option(help="Port. [default: INVIGIL_PORT, else 8000]")] = 0,
    tls: Annotated[str, typer.Option(help="'self' for a self-signed certificate, or a PEM file.")] = "",
    key: Annotated[Path | None, typer.Option(help="The PEM file's private key.")] = None,
    proxy: Annotated[str, typer.Option(help="Address of the proxy whose forwarding headers are believed.")] = "",
    as_json: console.Json = False,
) -> None:
    """Run the server until it is stopped (Ctrl-C or SIGTERM; running sittings lose nothing)."""
    found = Settings()
    changes: dict[str, Any] = {}
    if host:
        changes["host"] = host
    if port:
        changes["port"] = port
    serve(found.model_copy(update=changes), tls=tls, key=key, proxy=proxy, as_json=as_json)


def serve(
    settings: Settings, *, tls: str = "", key: Path | None = None, proxy: str = "", as_json: bool | None = None
) -> None:
    """Serve until stopped; tell the address first, unless ``as_json`` is None.

    Raises: `NotFound` without database or keys; DATA_FOLDER_LOCKED; INPUT_INVALID for TLS and for a port that is
    taken.
    """
    existing(settings)
    log_as_json()
    certificate, private = _certificate(settings, tls, key)
    if certificate and not settings.base_url:
        settings = settings.model_copy(update={"base_url": f"https://{settings.host}:{settings.port}"})
    os.close(hold_folder(settings.data))  # refuse before anything of the server that runs there is touched
    listening = _listening(settings)
    from web.app import make_app  # after the refusals: it brings the whole house along

    app = make_app(settings)
    write_address(settings, tls=tls)
    if as_json is not None:
        console.tell({"ok": True, "url": settings.url, "data": str(settings.data.resolve())}, as_json)
        sys.stdout.flush()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        **uvicorn_settings(),
        proxy_headers=bool(proxy),
        forwarded_allow_ips=proxy or None,
        ssl_certfile=certificate,
        ssl_keyfile=private,
    )
    server = uvicorn.Server(config)
    _end_in_order(server)
    try:
        server.run(sockets=[listening])
    finally:
        (settings.data / ADDRESS_FILE).unlink(missing_ok=True)
    if not server.started:
        raise InvigilError("The server did not start; its log says why")


def uvicorn_settings() -> dict[str, Any]:
    """How uvicorn runs this server, and every server that a benchmark compares it with."""
    return {
        "ws": "websockets-sansio",
        "ws_per_message_deflate": False,
        "ws_max_size": WS_MOST_BYTES,
        "ws_ping_interval": 20,
        "ws_ping_timeout": 20,
        "http": "httptools",
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "timeout_graceful_shutdown": 5,
    }


def _end_in_order(server: uvicorn.Server) -> None:
    """A signal ends the server and not this process: uvicorn raises it once more when it is done, and what comes
    after would never run."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, end)


def log_as_json() -> None:
    """One JSON object a line on standard error: codes, counts and identifiers, never texts or keys."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def write_address(settings: Settings, *, tls: str = "") -> None:
    """Where a command line beside this server finds it: the address it listens on, which no proxy stands before.

    A certificate of one's own names the public address, so with one that is the address.
    """
    host = "127.0.0.1" if settings.host in ("", "0.0.0.0", "::") else settings.host  # noqa: S104 — compared
    here = f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else host}:{settings.port}"
    descriptor = os.open(settings.data / ADDRESS_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(settings.url if tls not in ("", "self") else here)


def _listening(settings: Settings) -> socket.socket:
    """The socket, bound before anything starts. Raises: INPUT_INVALID for an address that cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        why = error.strerror or "cannot be listened on"
        raise Refused("INPUT_INVALID", host=settings.host, port=settings.port, why=why) from None
    return listening


def _certificate(settings: Settings, tls: str, key: Path | None) -> tuple[str | None, str | None]:
    if not tls:
        return None, None
    if tls != "self":
        if not Path(tls).is_file() or key is None or not key.is_file():
            raise Refused("INPUT_INVALID", tls=tls, why="--tls FILE needs --key FILE, both PEM")
        return tls, str(key)
    certificate, private = settings.keys / "tls.pem", settings.keys / "tls-key.pem"
    if not certificate.is_file():
        make_certificate(settings.host, certificate, private)
        console.progress(f"A self-signed certificate was made: {certificate}. Browsers will warn about it.")
    return str(certificate), str(private)


def make_certificate(host: str, certificate: Path, private: Path) -> None:
    """A self-signed certificate for ``host`` and ``localhost``, good for 90 days, and its key, as PEM files."""
    signer = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Invigil")])
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    try:
        names.append(x509.IPAddress(ipaddress.ip_address(host)))
    except ValueError:
        names.append(x509.DNSName(host))
    now = system().now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(signer.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(signer, hashes.SHA256())
    )
    _write(certificate, made.public_bytes(serialization.Encoding.PEM))
    _write(
        private,
        signer.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
