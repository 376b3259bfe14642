"""How a command acts: in process when the data folder is free, otherwise through the server that holds it.

Either way a named person acts, with the Login that ``invigil login`` keeps in a file only this user can read,
and the act, its parameters and its refusals are the same: `web.acts`.

* *The operator* (``--operator``) is whoever holds this machine. The operator's acts register people and grant
  roles, so that an installation can begin; they run in process only, never through a server, are written down
  as the operator's, and open no act that asks for a person.
* `acting` keeps one house open for several acts; `act` is one act.

    with acting() as hand:
        hand.act("exam.open", {"exam": exam})
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from engine.errors import SENTENCES, Busy, InvigilError, NotFound, Refused, Tampered
from engine.sources import system
from scripts.console import database
from web.acts import OPERATOR_LOGIN, perform
from web.house import House
from web.settings import Settings

ADDRESS_FILE = "address"
TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Hand:
    """Whoever acts. ``here``: acts run in this process, so that paths of this machine may be parameters."""

    here: bool
    act: Callable[[str, dict[str, Any]], Any]


@contextmanager
def acting(*, operator: bool = False) -> Iterator[Hand]:
    """Acts of whoever signed in with ``invigil login``, or of the operator.

    Raises: NOT_SIGNED_IN; for the operator DATA_FOLDER_LOCKED beside a running server; `NotFound` where there
    is no installation.
    """
    settings = existing(Settings())
    token = "" if operator else kept_login(settings.login)["token"]
    with ExitStack() as stack:
        house = _opened(settings, stack, must=operator)
        if house is None:
            yield Hand(False, lambda name, params: ask(settings, f"/api/acts/{name}", params, token)["done"])
        else:
            login = OPERATOR_LOGIN if operator else house.people.whoami(token)
            yield Hand(True, lambda name, params: perform(house, login, name, params))


@contextmanager
def operating() -> Iterator[House]:
    """The house itself, for what only the operator does on this machine. Raises: DATA_FOLDER_LOCKED beside a server."""
    with ExitStack() as stack:
        house = _opened(existing(Settings()), stack, must=True)
        assert house is not None
        yield house


def act(name: str, params: dict[str, Any], *, operator: bool = False) -> Any:
    """Do one act. Raises what the act refuses, and what `acting` does."""
    with acting(operator=operator) as hand:
        return hand.act(name, params)


def sign_in(account: str, password: str) -> dict[str, str]:
    """``token`` and ``name`` of a new Login. Raises: WRONG_CREDENTIALS, TOO_MANY_TRIES."""
    settings = existing(Settings())
    with ExitStack() as stack:
        house = _opened(settings, stack)
        if house is not None:
            token = house.people.sign_in(account, password)
            return {"token": token, "name": house.people.whoami(token).name}
    found = ask(settings, "/api/login", {"account": account, "password": password}, "none")
    return {"token": str(found["token"]), "name": str(found["name"])}


def sign_out(token: str) -> None:
    """End a Login. Raises: NOT_SIGNED_IN when it had ended."""
    settings = existing(Settings())
    with ExitStack() as stack:
        house = _opened(settings, stack)
        if house is not None:
            house.people.sign_out(house.people.whoami(token))
            return
    ask(settings, "/api/logout", {}, token)


def keep_login(path: Path, token: str, account: str) -> None:
    """Write the Login where only this user can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # a file that was there keeps its own mode
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"token": token, "account": account}, file)


def kept_login(path: Path) -> dict[str, str]:
    """``token`` and ``account``. Raises: NOT_SIGNED_IN."""
    try:
        told = json.loads(path.read_text())
        return {"token": str(told["token"]), "account": str(told["account"])}
    except (OSError, ValueError, KeyError, TypeError):
        raise Refused("NOT_SIGNED_IN") from None


def ask(settings: Settings, path: str, content: dict[str, Any], token: str) -> dict[str, Any]:
    """POST to the server that holds the data folder. Raises what it refused, or `Busy` when it is out of reach."""
    try:
        address = urlsplit((settings.data / ADDRESS_FILE).read_text().strip())
    except OSError:
        raise Refused("DATA_FOLDER_LOCKED", folder=str(settings.data)) from None
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "accept": "application/json"}
    connection = _connection(settings, address)
    try:
        connection.request("POST", path, json.dumps(content, default=str), headers)
        told = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        raise Busy("the server", retry_after_ms=2_000) from None
    finally:
        connection.close()
    if not isinstance(told, dict):
        raise Busy("the server", retry_after_ms=2_000)
    if "refused" in told:
        raise refusal_of(told["refused"])
    return told


def refusal_of(told: dict[str, Any]) -> InvigilError:
    """The server's refusal as the error that it was there."""
    code, facts = str(told.get("code")), dict(told.get("facts") or {})
    match code:
        case "NOT_FOUND":
            return NotFound("thing here for you", "")
        case "BUSY":
            return Busy("the server", int(facts.get("retry_after_ms", 2_000)))
        case "TAMPERED":
            return Tampered(str(facts.get("where", "the server's journal")), str(told.get("sentence")))
    if code in SENTENCES:
        return Refused(code, **facts)
    reference = f" (reference {told['reference']})" if "reference" in told else ""
    return InvigilError(f"{told.get('sentence', 'The server refused')}{reference}")


def existing(settings: Settings) -> Settings:
    """Raises: `NotFound`, instead of making an empty installation by accident; DATABASE_OUTDATED."""
    database(settings).close()
    if not any(settings.keys.glob("*.key")):
        raise NotFound("folder of keys", str(settings.keys))
    return settings


def _opened(settings: Settings, stack: ExitStack, *, must: bool = False) -> House | None:
    """The house, open until ``stack`` ends; None when a server holds its folder, unless it ``must`` be had."""
    house = House(settings, system())
    try:
        return stack.enter_context(house)
    except Refused as refused:
        house.database.close()
        if must or refused.code != "DATA_FOLDER_LOCKED":
            raise
    return None


def _connection(settings: Settings, address: SplitResult) -> http.client.HTTPConnection:
    host, port = address.hostname or "127.0.0.1", address.port
    if address.scheme != "https":
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    trusted = ssl.create_default_context()
    own = settings.keys / "tls.pem"  # what `serve --tls self` made: no authority knows it, we do
    if own.is_file():
        trusted.load_verify_locations(own)
    return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=trusted)
