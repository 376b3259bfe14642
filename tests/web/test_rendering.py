"""Pages by themselves: static files under their fingerprint, and what every page is told about who reads it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import httpx
import pytest
from jinja2 import UndefinedError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from engine.people import Login, Role
from engine.sources import Sources
from tests.engine.register import Register, found, opened
from web.problems import Problem
from web.rendering import HERE, FingerprintedFiles, Pages, fingerprint, go
from web.security import COOKIE, Door
from web.settings import Settings

PASSWORD = "correct horse 2026"
SETTINGS = Settings(body_name="Harbour Certification", support="the exam office, +00 555 0142")


@pytest.fixture
def register(tmp_path: Path, sources: Sources) -> Iterator[Register]:
    found(tmp_path, sources)
    with opened(tmp_path, sources) as made:
        yield made


@pytest.fixture
def pages(register: Register) -> Pages:
    return pages_of(register, strict=True)


def pages_of(register: Register, *, strict: bool) -> Pages:
    door = Door(register.people, register.keyring, register.sources)
    return Pages(SETTINGS, door, register.people, strict=strict)


def signed_in(register: Register, name: str, *roles: str) -> str:
    register.hire(name, *roles)
    first = name.split()[0].lower()
    register.people.set_password("operator", first, PASSWORD)
    return register.people.sign_in(first, PASSWORD)


def asked(path: str = "/", token: str = "") -> Request:
    headers = [(b"cookie", f"{COOKIE}={token}".encode())] if token else []
    return Request({"type": "http", "method": "GET", "path": path, "headers": headers, "query_string": b""})


def text_of(answer: Response) -> str:
    return bytes(answer.body).decode()


def fetch(pages: Pages, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """One request to the static folder as the application mounts it."""
    app = Starlette(routes=[Mount("/static", FingerprintedFiles(pages))])
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")
    answer: httpx.Response = anyio.run(partial(client.request, method, f"/static/{path}", headers=headers))
    return answer


# -- static files -----------------------------------------------------------------------------------------


def test_a_static_file_has_its_address_under_the_fingerprint_of_the_folder(pages: Pages) -> None:
    assert fingerprint(HERE / "static") == pages.fingerprint
    assert f"/static/{pages.fingerprint}/css/app.css" == pages.static("css/app.css")
    for missing in ("css/missing.css", "css", ""):
        with pytest.raises(FileNotFoundError):
            pages.static(missing)


def test_a_file_is_kept_for_ever_under_the_right_digest(pages: Pages) -> None:
    answer = fetch(pages, f"{pages.fingerprint}/css/app.css")
    assert (200, "public, max-age=31536000, immutable") == (answer.status_code, answer.headers["cache-control"])
    assert (HERE / "static/css/app.css").read_bytes() == answer.content
    known = fetch(pages, f"{pages.fingerprint}/css/app.css", if_none_match=answer.headers["etag"])
    assert (200, answer.content) == (known.status_code, known.content)
    bare = fetch(pages, f"{pages.fingerprint}/css/app.css", method="HEAD")
    assert (200, b"") == (bare.status_code, bare.content)


@pytest.mark.parametrize("digest", ["0123456789abcdef", "css", "static", "%2e"])
def test_nothing_is_found_under_another_digest(pages: Pages, digest: str) -> None:
    for path in (f"{digest}/css/app.css", f"{digest}/{pages.fingerprint}/css/app.css", f"{digest}"):
        answer = fetch(pages, path)
        assert 404 == answer.status_code
        assert "cache-control" not in answer.headers
    assert 200 == fetch(pages, f"{pages.fingerprint}/css/app.css").status_code


@pytest.mark.parametrize(
    "path", ["css/missing.css", "css", "", "%2e%2e/app.py", "..%2fapp.py", "css/%2e%2e/%2e%2e/app.py"]
)
def test_what_is_no_static_file_is_not_found_and_its_absence_is_not_kept(pages: Pages, path: str) -> None:
    answer = fetch(pages, f"{pages.fingerprint}/{path}")
    assert 404 == answer.status_code
    assert "cache-control" not in answer.headers


def test_static_files_are_only_read(pages: Pages) -> None:
    assert 405 == fetch(pages, f"{pages.fingerprint}/css/app.css", method="POST").status_code


def test_a_fingerprint_changes_with_every_name_and_byte_and_with_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    (folder / "js").mkdir(parents=True)
    (folder / "js/app.js").write_text("go()")
    (folder / "app.css").write_text("a{}")
    first = fingerprint(folder)
    assert 16 == len(first)
    shutil.copytree(folder, tmp_path / "two")
    (tmp_path / "two/empty").mkdir()
    assert first == fingerprint(tmp_path / "two")
    seen = {first}
    (folder / "js/app.js").write_text("go();")
    seen.add(fingerprint(folder))
    (folder / "js/app.js").rename(folder / "js/main.js")
    seen.add(fingerprint(folder))
    (folder / "app.css").rename(folder / "js/app.css")
    seen.add(fingerprint(folder))
    (folder / "new.css").touch()
    seen.add(fingerprint(folder))
    assert 5 == len(seen)


# -- pages ------------------------------------------------------------------------------------------------

PROBLEM = Problem(409, "NOT_NOW", "The sitting's state does not allow this now", {"open_incidents": 2}, reference="x7")


def test_a_stranger_gets_a_page_without_a_name_or_a_way_to_work(pages: Pages) -> None:
    answer = pages.problem(asked(), PROBLEM)
    text = text_of(answer)
    assert (409, "text/html; charset=utf-8") == (answer.status_code, answer.headers["content-type"])
    assert '<html lang="en" dir="ltr">' in text
    assert "Sign out" not in text and "<nav" not in text
    for told in ("Harbour Certification", "NOT_NOW", "open incidents", "x7", "the exam office", "+00 555 0142"):
        assert told in text
    assert f"/static/{pages.fingerprint}/css/app.css" in text


@pytest.mark.parametrize(
    ("role", "links"),
    [
        (Role.ADMINISTRATOR, ["/staff", "/staff/exams"]),
        (Role.PROCTOR, ["/staff", "/proctor"]),
        (Role.INVESTIGATOR, ["/staff", "/review"]),
        (Role.DECIDER, ["/staff", "/decision"]),
        (Role.WRITER, ["/staff"]),
        (None, []),
    ],
)
def test_each_role_finds_its_own_work_and_no_others(register: Register, role: Role | None, links: list[str]) -> None:
    token = signed_in(register, "Grace Holm", *([role] if role else []))
    text = text_of(pages_of(register, strict=True).problem(asked("/staff", token), PROBLEM))
    assert "Grace Holm" in text and "Sign out" in text
    known = ["/staff", "/staff/exams", "/proctor", "/review", "/decision"]
    assert links == [path for path in known if f'<a href="{path}"' in text]
    assert (1 if links else 0) == text.count('aria-current="page"')


def test_the_login_may_be_handed_in(register: Register, pages: Pages) -> None:
    login: Login = register.people.whoami(signed_in(register, "Grace Holm", Role.PROCTOR))
    answer = pages.page(asked("/proctor"), "problems.html", told(), login=login, status=403)
    assert (403, True) == (answer.status_code, "Grace Holm" in text_of(answer))


def test_what_people_wrote_is_text_and_never_markup(register: Register, pages: Pages) -> None:
    token = signed_in(register, "Ada <script>alert(1)</script>")
    hostile = Problem(400, "INPUT_INVALID", "<b>no</b>", {"<i>field</i>": '"><img src=x onerror=alert(1)>'})
    text = text_of(pages.problem(asked("/", token), hostile))
    for markup in ("<script>alert", "<b>no</b>", "<i>field", "<img src=x"):
        assert markup not in text
    assert "Ada &lt;script&gt;alert(1)&lt;/script&gt;" in text and "&lt;b&gt;no&lt;/b&gt;" in text


def told() -> dict[str, object]:
    return {"status": 403, "code": "C", "sentence": "S", "what_to_do": "", "facts": [], "reference": "", "back": "/"}


def test_a_value_that_is_missing_is_an_error_where_it_should_be_found_and_empty_where_people_wait(
    register: Register,
) -> None:
    short = {name: value for name, value in told().items() if name != "code"}
    with pytest.raises(UndefinedError):
        pages_of(register, strict=True).page(asked(), "problems.html", short)
    assert 200 == pages_of(register, strict=False).page(asked(), "problems.html", short).status_code


def test_who_is_not_signed_in_goes_on_to_the_sign_in(pages: Pages) -> None:
    unknown = Problem(401, "NOT_SIGNED_IN", "Please sign in first", {})
    assert 'href="/sign-in"' in text_of(pages.problem(asked(), unknown))
    assert 'href="/sign-in"' not in text_of(pages.problem(asked(), PROBLEM))


def test_after_a_form_the_browser_asks_anew() -> None:
    answer = go("/staff")
    assert (303, "/staff") == (answer.status_code, answer.headers["location"])
