"""How a command acts: in process when the data folder is free, otherwise through the server that holds it.

Either way a named person acts, with the Login that ``invigil login`` keeps in a file only this user can read.
The same act, parameters and refusals: `web.acts`.
"""

from __future__ import annotations

import http.client
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine.errors import Busy, NotFound, Refused
from engine.sources import system
from web.acts import perform
from web.house import House
from web.settings import Settings

ADDRESS_FILE = "address"


def act(name: str, params: dict[str, Any]) -> Any:
    """Do one act as whoever signed in with ``invigil login``. Raises what the act refuses; NOT_SIGNED_IN."""
    settings = Settings()
    token = kept_login(settings.login)
    try:
        with House(_existing(settings), system()) as house:
            return perform(house, house.people.whoami(token), name, params)
    except Refused as refused:
        if refused.code != "DATA_FOLDER_LOCKED":
            raise
    done = ask(settings, f"/api/acts/{name}", params, token)
    return done["done"]


def sign_in(account: str, password: str) -> dict[str, str]:
    """``token`` and ``name`` of a new Login. Raises: WRONG_CREDENTIALS, TOO_MANY_TRIES."""
    settings = Settings()
    try:
        with House(_existing(settings), system()) as house:
            token = house.people.sign_in(account, password)
            return {"token": token, "name": house.people.whoami(token).name}
    except Refused as refused:
        if refused.code != "DATA_FOLDER_LOCKED":
            raise
    found: dict[str, str] = ask(settings, "/api/login", {"account": account, "password": password}, "none")
    return found


def keep_login(path: Path, token: str) -> None:
    """Write the Login where only this user can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"token": token}, file)


def kept_login(path: Path) -> str:
    """Raises: NOT_SIGNED_IN."""
    try:
        token = json.loads(path.read_text())["token"]
    except (OSError, ValueError, KeyError, TypeError):
        raise Refused("NOT_SIGNED_IN") from None
    return str(token)


def ask(settings: Settings, path: str, content: dict[str, Any], token: str) -> Any:
    """POST to the server that holds the data folder. Raises what it refused, or `Busy` when it is out of reach."""
    try:
        address = urlsplit((settings.data / ADDRESS_FILE).read_text().strip())
    except OSError:
        raise Refused("DATA_FOLDER_LOCKED", folder=str(settings.data)) from None
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname or "127.0.0.1", address.port, timeout=60)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "accept": "application/json"}
    try:
        connection.request("POST", path, json.dumps(content, default=str), headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException):
        raise Busy("the server", retry_after_ms=2_000) from None
    finally:
        connection.close()
    if "refused" not in told:
        return told
    refused = told["refused"]
    if refused["code"] == "NOT_FOUND":
        raise NotFound("thing", path)
    raise Refused(refused["code"], **refused.get("facts", {}))


def _existing(settings: Settings) -> Settings:
    """Raises: `NotFound`, instead of making an empty installation by accident."""
    if not settings.database.is_file():
        raise NotFound("database", str(settings.database))
    return settings
