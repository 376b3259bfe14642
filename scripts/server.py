"""``invigil serve``: the server, one process, until it is told to stop.

It needs a database (``invigil db upgrade`` makes an empty one, ``invigil demo`` a whole body) and the data
folder to itself. Camera and microphone work only on a secure origin: behind HTTPS, on ``localhost`` or on
``*.localhost``; ``--tls self`` makes a certificate for a first look.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import structlog
import typer
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.errors import NotFound, Refused
from engine.sources import system
from scripts import console
from web.settings import Settings

WS_MOST_BYTES: Final = 262_144
ADDRESS_FILE: Final = "address"


def command(
    host: Annotated[str, typer.Option(help="Address to listen on. [default: INVIGIL_HOST, else 127.0.0.1]")] = "",
    port: Annotated[int, typer.Option(help="Port. [default: INVIGIL_PORT, else 8000]")] = 0,
    tls: Annotated[str, typer.Option(help="'self' for a self-signed certificate, or a PEM file.")] = "",
    key: Annotated[Path | None, typer.Option(help="The PEM file's private key.")] = None,
    proxy: Annotated[str, typer.Option(help="Address of the proxy whose forwarding headers are believed.")] = "",
) -> None:
    """Run the server until it is stopped (Ctrl-C or SIGTERM; running sittings lose nothing)."""
    found = Settings()
    changes: dict[str, Any] = {}
    if host:
        changes["host"] = host
    if port:
        changes["port"] = port
    serve(found.model_copy(update=changes), tls=tls, key=key, proxy=proxy)


def serve(settings: Settings, *, tls: str = "", key: Path | None = None, proxy: str = "") -> None:
    """Serve until stopped. Raises: `NotFound` without a database; DATA_FOLDER_LOCKED; INPUT_INVALID for TLS."""
    from web.app import make_app

    if not settings.database.is_file():
        raise NotFound("database", str(settings.database))
    log_as_json()
    certificate, private = _certificate(settings, tls, key)
    if certificate and not settings.base_url:
        settings = settings.model_copy(update={"base_url": f"https://{settings.host}:{settings.port}"})
    write_address(settings)
    config = uvicorn.Config(
        make_app(settings),
        host=settings.host,
        port=settings.port,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=WS_MOST_BYTES,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        http="httptools",
        access_log=False,
        log_config=None,
        proxy_headers=bool(proxy),
        forwarded_allow_ips=proxy or None,
        server_header=False,
        timeout_graceful_shutdown=5,
        ssl_certfile=certificate,
        ssl_keyfile=private,
    )
    server = uvicorn.Server(config)
    try:
        server.run()
    finally:
        (settings.data / ADDRESS_FILE).unlink(missing_ok=True)
    if not server.started:
        raise Refused("DATA_FOLDER_LOCKED", folder=str(settings.data))


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


def write_address(settings: Settings) -> None:
    """Where a command line beside this server finds it."""
    descriptor = os.open(settings.data / ADDRESS_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(settings.url)


def _certificate(settings: Settings, tls: str, key: Path | None) -> tuple[str | None, str | None]:
    if not tls:
        return None, None
    if tls != "self":
        if not Path(tls).is_file() or key is None or not key.is_file():
            raise Refused("INPUT_INVALID", tls=tls, why="--tls FILE needs --key FILE, both PEM")
        return tls, str(key)
    certificate, private = settings.keys / "tls.pem", settings.keys / "tls-key.pem"
    if not certificate.is_file():
        _self_signed(settings.host, certificate, private)
        console.progress(f"A self-signed certificate was made: {certificate}. Browsers will warn about it.")
    return str(certificate), str(private)


def _self_signed(host: str, certificate: Path, private: Path) -> None:
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
