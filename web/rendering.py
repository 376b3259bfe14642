"""Pages: templates, the fingerprinted static folder, and what every page is told.

The static folder is served under ``/static/<digest>/…``: its digest changes with any file in it, so files
cache for ever and relative imports work as they stand. Templates escape everything; item markup comes as
`Markup` from the bank's own allow-list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from engine.people import Login, People, Role
from web.problems import Problem
from web.security import Door
from web.settings import Settings

HERE = Path(__file__).parent

#: Where each role finds its work.
_NAVIGATION: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("/staff", "Work", frozenset(Role)),
    ("/staff/exams", "Exam days", frozenset({Role.ADMINISTRATOR})),
    ("/proctor", "Invigilation", frozenset({Role.PROCTOR})),
    ("/review", "Incidents", frozenset({Role.INVESTIGATOR})),
    ("/decision", "Decisions", frozenset({Role.DECIDER})),
)


class Pages:
    """Renders templates for a request. `strict` makes a missing value an error, for the tests."""

    def __init__(self, settings: Settings, door: Door, people: People, *, strict: bool = False) -> None:
        self._settings = settings
        self._door = door
        self._people = people
        self.fingerprint = fingerprint(HERE / "static")
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            auto_reload=False,  # else every page asks the disk about every template it is made of
            autoescape=select_autoescape(default=True, default_for_string=True),
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined if strict else Undefined,
        )
        self._environment.globals["static"] = self.static

    def static(self, path: str) -> str:
        """The address of a static file. Raises: `FileNotFoundError` for a file that is not there."""
        if not (HERE / "static" / path).is_file():
            raise FileNotFoundError(path)
        return f"/static/{self.fingerprint}/{path}"

    def page(
        self,
        request: Request,
        template: str,
        context: Mapping[str, Any],
        *,
        login: Login | None = None,
        status: int = 200,
    ) -> Response:
        """One page. Everything the templates' first comment lists beyond ``context`` is added here."""
        known = login or self._door.maybe_login(request)
        roles = self._people.roles(known.person) if known else frozenset()
        name, _, phone = self._settings.support.rpartition(", ")
        shared = {
            "csrf": self._door.form_token(known),
            "body_name": self._settings.body_name,
            "login": known and {"name": known.name, "roles_text": ", ".join(sorted(roles))},
            "nav": [
                {"href": href, "text": text, "current": request.url.path == href}
                for href, text, wanted in _NAVIGATION
                if roles & wanted
            ],
            "contact": {"name": name, "phone": phone, "email": ""},
            "lang": known.language if known else "en",
            "dir": "ltr",
            "problem": None,
            "done": None,
        }
        text = self._environment.get_template(template).render({**shared, **context})
        return HTMLResponse(text, status)

    def problem(self, request: Request, problem: Problem) -> Response:
        context = {
            "status": problem.status,
            "code": problem.code,
            "sentence": problem.sentence,
            "what_to_do": problem.what_to_do,
            "facts": [(name.replace("_", " "), value) for name, value in problem.facts.items()],
            "reference": problem.reference,
            "back": "/" if problem.status != 401 else "/sign-in",
        }
        return self.page(request, "problems.html", context, status=problem.status)


def go(to: str) -> Response:
    """See other: after a form, the browser asks for the page anew."""
    return RedirectResponse(to, status_code=303)


class FingerprintedFiles:
    """``/static/<digest>/path``: cached for ever under the right digest, not found under any other."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._files = StaticFiles(directory=HERE / "static")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        prefix, _, _ = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/").partition("/")
        if prefix != self._pages.fingerprint:
            await Response(status_code=404)(scope, receive, send)
            return

        async def lasting(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"cache-control", b"public, max-age=31536000, immutable"))
            await send(message)

        inner = {**scope, "root_path": f"{scope.get('root_path', '')}/{prefix}"}
        await self._files(inner, receive, lasting)


def fingerprint(folder: Path) -> str:
    """The digest of every file of a folder, names included."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
