"""Rules that every template and style sheet keeps, read from their source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

WEB = Path(__file__).parents[2] / "web"
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
NAMED = [str(path.relative_to(WEB / "templates")) for path in TEMPLATES]
APP = (WEB / "static/js/app.js").read_text()


def source(name: str) -> str:
    """The template without its comments."""
    return re.sub(r"\{#.*?#\}", "", (WEB / "templates" / name).read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("name", NAMED)
def test_a_template_compiles(name: str) -> None:
    environment = Environment(loader=FileSystemLoader(WEB / "templates"), autoescape=True)
    assert environment.get_template(name).name == name


@pytest.mark.parametrize("name", NAMED)
def test_a_template_says_on_top_what_it_is(name: str) -> None:
    assert (WEB / "templates" / name).read_text().startswith("{#")


@pytest.mark.parametrize("name", NAMED)
def test_nothing_is_inline_that_the_security_policy_refuses(name: str) -> None:
    text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", source(name), flags=re.DOTALL)
    assert re.findall(r"\sstyle\s*=", text) == []
    assert re.findall(r"\son[a-z]+\s*=", text) == []
    assert re.findall(r"<style|javascript:", text) == []
    assert [tag for tag in re.findall(r"<script[^>]*>", text) if "src=" not in tag] == []


@pytest.mark.parametrize("name", NAMED)
def test_every_form_that_changes_something_carries_the_token(name: str) -> None:
    text = source(name)
    forms = re.findall(r"<form[^>]*method=\"post\".*?</form>", text, flags=re.DOTALL)
    assert [form[:80] for form in forms if "forms.csrf(csrf)" not in form] == []


@pytest.mark.parametrize("name", NAMED)
def test_every_element_of_ours_is_brought_to_life(name: str) -> None:
    used = set(re.findall(r"<([a-z]+-[a-z-]+)", source(name)))
    assert {tag for tag in used if f'"{tag}":' not in APP} == set()


@pytest.mark.parametrize("name", NAMED)
def test_every_static_file_that_is_named_is_there(name: str) -> None:
    named = re.findall(r"static\('([^']+)'\)", source(name))
    assert [path for path in named if not (WEB / "static" / path).is_file()] == []


def test_every_style_sheet_is_imported_once_and_exists() -> None:
    folder = WEB / "static/css"
    imported = re.findall(r'@import url\("([^"]+)"\) layer', (folder / "app.css").read_text())
    there = [str(path.relative_to(folder)) for path in folder.rglob("*.css") if path.name != "app.css"]
    assert sorted(imported) == sorted(there)


def test_every_module_the_pages_import_is_there() -> None:
    scripts = sorted((WEB / "static/js").rglob("*.js"))
    missing = [
        f"{path.name}: {target}"
        for path in scripts
        for target in re.findall(r"(?:from|import\() ?\"(\.[^\"]+)\"", path.read_text())
        if not (path.parent / target).is_file()
    ]
    assert missing == []


def test_no_script_turns_text_into_markup_or_code() -> None:
    banned = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser")
    scripts = sorted((WEB / "static/js").rglob("*.js"))
    found = [
        f"{path.name}: {line.strip()}"
        for path in scripts
        for line in path.read_text().splitlines()
        if banned.search(line) and not line.lstrip().startswith(("*", "/*", "//"))
    ]
    assert found == []


def test_models_know_no_page() -> None:
    page = re.compile(r"\b(document|window|navigator|location|indexedDB|WebSocket|fetch)\b[.(]")
    models = sorted((WEB / "static/js/models").glob("*.js"))
    found = [
        f"{path.name}: {line.strip()}"
        for path in models
        for line in path.read_text().splitlines()
        if page.search(line) and not line.lstrip().startswith(("*", "/*", "//"))
    ]
    assert found == []
