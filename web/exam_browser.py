"""Safe Exam Browser: the configuration of an exam day, its Config Key, and whether a request comes from it.

An exam day whose policy asks for it (`Policy.exam_browser`) is taken in Safe Exam Browser, started with the file that
``invigil exam seb`` writes. The browser shows with each request which settings it runs with: a header with the
SHA-256 of the address and the settings' Config Key. We write the settings ourselves, and one exam day always gives the
same, so the key is computed here and kept nowhere. It tells *which settings* a browser has; that the browser is a
genuine one it cannot tell, because whoever has the file can compute the key.

* The key is checked before check-in, before any page of the running exam and before a ticket for its Lines: a Line that
  is open was opened with the key. A hash for another address, none at all or a wrong one are all refused.
* A running sitting is not refused but *locked*: it pauses, its clock stands, nothing more is shown, and whoever
  invigilates sees why and lets it go on, with a reason, or not. Answers that were typed are taken as before.
* Once a person has let a sitting go on, the key is asked for no more: that was their decision.
* A practice asks for nothing: it is for trying out one's own computer.
* The settings leave what helps people alone: zoom, dictation and the system's ease of access stay on.
* Safe Exam Browser quits at an address that only the receipt links to.

>>> config_key({"b": "x", "A": {"d": 1, "C": False}, "gone": {}, "originatorVersion": "1"})
'0e7d34c96c5d7ffad86bb9b87d541f692c646d9e424e35d38c4528c457e0eefb'

Sources: safeexambrowser.org, developer documentation: Config Key (SEB-JSON, the header, what to do when it differs) and
File Format (the prefix ``plnd``, gzip within and without).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import plistlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import Request

from engine.conduct import EXAM_BROWSER
from engine.errors import Refused
from engine.policy import Policy
from engine.sitting import Phase, Sitting

HEADER: Final = "x-safeexambrowser-configkeyhash"
_PLAIN: Final = b"plnd"


def settings_of(exam: str, base_url: str, policy: Policy) -> dict[str, Any]:
    """The settings Safe Exam Browser runs an exam day with. The same exam day gives the same settings.

    Keys and values are those of its documentation (SEB Configuration Setting Keys); what is left out has the browser's
    own default, which is always the safer one.
    """
    host = urlsplit(base_url).netloc
    return {
        "originatorVersion": "Invigil",
        "sebConfigPurpose": 0,
        "startURL": f"{base_url}/me",
        "quitURL": quit_url(exam, base_url),
        "quitURLConfirm": False,
        "allowQuit": False,
        "sendBrowserExamKey": True,
        "browserViewMode": 1,
        "browserWindowAllowReload": True,
        "newBrowserWindowByLinkPolicy": 2,
        "newBrowserWindowByLinkBlockForeign": True,
        "allowBrowsingBackForward": False,
        "allowDictation": True,
        "allowSpellCheck": False,
        "allowVideoCapture": True,
        "allowAudioCapture": policy.sound,
        "allowScreenSharing": policy.screen,
        "allowVirtualMachine": False,
        "allowedDisplaysMaxNumber": 1,
        "enablePrivateClipboard": not policy.clipboard,
        "enablePrintScreen": False,
        "enableZoomPage": True,
        "enableZoomText": True,
        "insideSebEnableEaseOfAccess": True,
        "URLFilterEnable": True,
        "URLFilterEnableContentFilter": False,
        "URLFilterRules": [{"action": 1, "active": True, "expression": f"{host}/*", "regex": False}],
    }


def quit_url(exam: str, base_url: str) -> str:
    """Where Safe Exam Browser ends by itself."""
    return f"{base_url}/quit/{exam}"


def file_of(settings: Mapping[str, Any]) -> bytes:
    """The settings as a ``.seb`` file: not encrypted, so it holds nothing secret."""
    written = plistlib.dumps(dict(settings), sort_keys=True)
    return gzip.compress(_PLAIN + gzip.compress(written, mtime=0), mtime=0)


def config_key(settings: Mapping[str, Any]) -> str:
    """The Config Key of ``settings``: the SHA-256 of their SEB-JSON in lower-case hex."""
    told = {name: value for name, value in settings.items() if name != "originatorVersion"}
    return hashlib.sha256(seb_json(told).encode()).hexdigest()


def seb_json(value: Any) -> str:
    """JSON as the Config Key wants it: no white space, no escapes, members in order of their names regardless of case,
    empty members left out, data as base64 and moments as ISO 8601."""
    if isinstance(value, Mapping):
        members = sorted(value.items(), key=lambda member: str(member[0]).lower())
        return "{" + ",".join(f'"{name}":{seb_json(each)}' for name, each in members if each != {}) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(seb_json, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, bytes):
        return f'"{base64.b64encode(value).decode()}"'
    return f'"{value.isoformat() if isinstance(value, datetime) else value}"'


def request_hash(url: str, key: str) -> str:
    """What the header must hold for a request of ``url``, which is absolute and whose fragment does not count."""
    return hashlib.sha256(f"{url.partition('#')[0]}{key}".encode()).hexdigest()


# -- at the edge --------------------------------------------------------------------------------------


def missing(request: Request, state: Sitting) -> str:
    """Why this request does not come from the exam's own Safe Exam Browser: ``none`` or ``other``; empty if it does,
    or need not."""
    if not state.policy.exam_browser or state.practice or let_go_on(state):
        return ""
    base_url = request.app.state.house.settings.url
    told = request.headers.get(HEADER, "").strip().lower()
    right = request_hash(str(request.url), config_key(settings_of(state.exam, base_url, state.policy)))
    if hmac.compare_digest(told.encode(), right.encode()):
        return ""
    return "other" if told else "none"


def let_go_on(state: Sitting) -> bool:
    """Whether a person has seen that the key was missing and let the sitting go on."""
    return state.phase is Phase.RUNNING and any(each.kind == EXAM_BROWSER for each in state.incidents.values())


def require(request: Request, state: Sitting) -> None:
    """For what needs no saving: refuse. Raises: EXAM_BROWSER_NEEDED."""
    why = missing(request, state)
    if why:
        raise Refused("EXAM_BROWSER_NEEDED", key=why)


async def locked(request: Request, state: Sitting) -> bool:
    """Before a page of the running exam is shown: whether it is locked now, because the key is missing or another's."""
    why = missing(request, state) if state.phase is Phase.RUNNING else ""
    if why:
        house, bus = request.app.state.house, request.app.state.bus
        await bus.aside(house.delivery.lock, state.sitting, why)
    return bool(why)
