"""Content from HTML, Markdown or plain text, and back to HTML: what GIFT, Moodle and the authored text hold.

HTML is taken strictly: an element or attribute that an item may not hold is refused by its name and line,
and every end must fit its beginning, save the few that HTML lets one leave out.

* What stands loose between blocks becomes a paragraph.
* ``style`` is kept as ``data-style``, which no page shows; comments are no content. Both are told.
* A picture must come with the question (``files``) or stand in the text as base 64; others are refused,
  as links and every other way out of the exam are.
* Formulas in TeX stay as they were typed, which is told.

>>> notes = Notes("q.gift")
>>> html("Is <b>this</b> it?", Place(notes, 3)) == (Element("p", (), ("Is ", Element("b", (), ("this",)), " it?")),)
True
>>> _ = html("<script>", Place(notes, 3)); notes.refusals[0].reason
'scripts never run in a secure exam'

Source: HTML Living Standard, § 13.1 (syntax); QTI 3.0 Information Model, § 4 (content); CommonMark 0.31.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from typing import Final

from markdown_it import MarkdownIt

from item_bank.item import Element, Node, Resource
from item_bank.qti import media
from item_bank.qti.vocabulary import BLOCKS, MATH
from item_bank.refusal import Fate, Notes

Nodes = tuple[Node, ...]
#: Characters of one text. The longest honest stem is far below.
LONGEST: Final = 200_000
#: Markdown is read in a time that grows with the square of its length where it is made for that.
LONGEST_MARKDOWN: Final = 30_000
_DEEPEST: Final = 40


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


PHRASING: Final = _words(
    "abbr b bdi bdo br cite code del dfn em i img ins kbd q rp rt ruby s samp small span strong sub sup u var"
)
_VOID: Final = _words("br hr img col")
STRUCTURED: Final = _words("ul ol dl table thead tbody tfoot tr colgroup")
_MAY_STAY_OPEN: Final = _words("p li dt dd td th tr tbody thead tfoot")
_GLOBAL: Final = _words("class dir id lang role title xml:lang")
_OWN: Final = {
    "img": _words("src alt width height"),
    "ol": _words("start type reversed"),
    "li": _words("value"),
    "td": _words("colspan rowspan headers"),
    "th": _words("colspan rowspan headers scope abbr"),
    "col": _words("span"),
    "colgroup": _words("span"),
    "bdo": _words("dir"),
}
_MATH_ATTRIBUTES: Final = _words(
    "display alttext mathvariant displaystyle scriptlevel stretchy fence separator accent linethickness width height "
    "columnspan rowspan columnalign rowalign xmlns"
)
_REASONS: Final = {
    "script": "scripts never run in a secure exam",
    "a": "links would lead out of the exam",
    "iframe": "embedded pages would lead out of the exam",
    "object": "embedded objects are not taken in this format; use a QTI package",
    "audio": "sound is not taken in this format; use a QTI package",
    "video": "film is not taken in this format; use a QTI package",
    "input": "form controls come from the question's own fields only",
    "style": "style sheets of items are not applied, so the layout would be lost",
}
_CLOSES: Final = {
    "li": (_words("li"), _words("ul ol")),
    "dt": (_words("dt dd"), _words("dl")),
    "dd": (_words("dt dd"), _words("dl")),
    "tr": (_words("tr td th"), _words("table thead tbody tfoot")),
    "td": (_words("td th"), _words("tr")),
    "th": (_words("td th"), _words("tr")),
}
_PICTURES: Final = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/svg+xml": "svg"}
_TEX: Final = re.compile(r"\\\(.*?\\\)|\\\[.*?\\\]|\$\$.+?\$\$", re.DOTALL)
_MARKDOWN: Final = MarkdownIt("commonmark")


@dataclass(slots=True)
class Place:
    """Where a text stands, what came with it, and what is told of it. ``used`` gathers the pictures it shows."""

    notes: Notes
    line: int
    files: Mapping[str, bytes] = field(default_factory=dict)
    used: dict[str, bytes] = field(default_factory=dict)
    told: list[tuple[int, str, Fate, str]] = field(default_factory=list)

    def refuse(self, construct: str, reason: str, line: int = 0) -> None:
        self.notes.refuse(line or self.line, construct, reason)

    def tell(self, construct: str, fate: Fate, note: str = "", line: int = 0) -> None:
        self.told.append((line or self.line, construct, fate, note))


def html(text: str, place: Place) -> Nodes:
    """Blocks of content. Faults are noted at ``place``; the result is then not to be used."""
    return blocks(_parsed(text, place))


def markdown(text: str, place: Place) -> Nodes:
    """CommonMark; what it lets pass as HTML is held to the same rules."""
    if len(text) > LONGEST_MARKDOWN:
        place.refuse("text", f"the text is longer than {LONGEST_MARKDOWN} characters of Markdown; write it as html")
        return ()
    return html(_MARKDOWN.render(text).rstrip("\n"), place)


def moodle(text: str, place: Place) -> Nodes:
    """Moodle's own format: HTML in which an empty line parts paragraphs and a line's end stands."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return (
        html("".join(f"<p>{part.strip()}</p>" for part in paragraphs).replace("\n", "<br>"), place)
        if not re.search(r"</?(?:p|div|ul|ol|table|pre|h[1-6])\b", text)
        else html(text.strip(), place)
    )


def plain(text: str, place: Place) -> Nodes:
    """Text that means what it shows: an empty line parts paragraphs, a line's end stands."""
    paragraphs = [part for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]
    return html("".join(f"<p>{escape(part, quote=False)}</p>" for part in paragraphs).replace("\n", "<br>"), place)


FORMATS: Final = {"html": html, "markdown": markdown, "moodle": moodle, "plain": plain}


def phrase(nodes: Nodes) -> Nodes:
    """The content of a single plain paragraph by itself, where a line is wanted and no block; else as it is."""
    if len(nodes) == 1 and isinstance(nodes[0], Element) and nodes[0].name == "p" and not nodes[0].attributes:
        return nodes[0].children
    return nodes


def blocks(nodes: Iterable[Node]) -> Nodes:
    """Content in which everything stands in a block; white space between blocks is none."""
    found: list[Node] = []
    loose: list[Node] = []
    for node in (*nodes, Element("p")):
        if isinstance(node, Element) and (node.name in BLOCKS or node.name in ("field-block",)):
            if any(not isinstance(one, str) or one.strip() for one in loose):
                found.append(Element("p", (), _trimmed(loose)))
            loose = []
            found.append(node)
        else:
            loose.append(node)
    return tuple(found[:-1])


def written(nodes: Iterable[Node]) -> str:
    """Content as HTML that `html` reads back to the same content."""
    return "".join(escape(node, quote=False) if isinstance(node, str) else _written(node) for node in nodes)


def resources(used: Mapping[str, bytes]) -> tuple[Resource, ...]:
    """The pictures of a question as the item's resources."""
    return tuple(
        Resource(href, media_type(href, data), hashlib.sha256(data).hexdigest(), len(data))
        for href, data in sorted(used.items())
    )


def media_type(href: str, data: bytes) -> str:
    """What a picture is, by its first bytes; empty when it is none that a page may show, or is too large for one."""
    found = media.kind(data, "picture")
    return found if isinstance(found, str) and found in _PICTURES else ""


def _written(element: Element) -> str:
    name = element.name.removeprefix("m:")
    told = "".join(f' {key}="{escape(value)}"' for key, value in element.attributes)
    return f"<{name}{told}>" if name in _VOID else f"<{name}{told}>{written(element.children)}</{name}>"


def _trimmed(nodes: list[Node]) -> Nodes:
    kept = list(nodes)
    if isinstance(kept[0], str):
        kept[0] = kept[0].lstrip()
    if isinstance(kept[-1], str):
        kept[-1] = kept[-1].rstrip()
    return tuple(node for node in kept if node != "")


def _parsed(text: str, place: Place) -> Nodes:
    if len(text) > LONGEST:
        place.refuse("text", f"the text is longer than {LONGEST} characters")
        return ()
    if any(ord(letter) < 32 and letter not in "\t\n\r" for letter in text):
        place.refuse("text", "a control character stands in the text")
        return ()
    if _TEX.search(text):
        place.tell("TeX", "kept", "the formula stays as it was typed; use MathML to have it set")
    reader = _Reader(place)
    try:
        reader.feed(text)
        reader.close()
    except AssertionError:  # what Python's parser raises where a marked section has no name
        place.refuse("!", "a marked section is no content")
        return ()
    return reader.finish()


@dataclass(slots=True)
class _Open:
    name: str
    attributes: tuple[tuple[str, str], ...]
    line: int
    children: list[Node] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self, place: Place) -> None:
        super().__init__(convert_charrefs=True)
        self._place = place
        self._stack = [_Open("", (), place.line)]

    def finish(self) -> Nodes:
        while len(self._stack) > 1:
            if self._stack[-1].name not in _MAY_STAY_OPEN:
                self._place.refuse(self._stack[-1].name, f"<{self._stack[-1].name}> is never closed", self._line)
            self._close()
        return tuple(self._stack[0].children)

    @property
    def _line(self) -> int:
        return self._place.line + self.getpos()[0] - 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._is_known(tag):
            reason = _REASONS.get(tag, "this element is not known to the bank, and leaving it out would lose content")
            self._place.refuse(tag, reason, self._line)
            return
        if len(self._stack) > _DEEPEST:
            self._place.refuse(tag, f"content is nested more than {_DEEPEST} deep", self._line)
            return
        self._imply(tag)
        self._stack.append(_Open(tag, self._attributes(tag, attrs), self._line))
        if tag in _VOID:
            self._close()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID and self._stack[-1].name == tag:
            self._close()

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID or not self._is_known(tag):
            return
        while len(self._stack) > 1 and self._stack[-1].name != tag and self._stack[-1].name in _MAY_STAY_OPEN:
            self._close()
        if self._stack[-1].name == tag:
            self._close()
        else:
            self._place.refuse(tag, f"</{tag}> closes nothing, or what was opened inside is still open", self._line)

    def handle_data(self, data: str) -> None:
        self._add(data)

    def handle_comment(self, data: str) -> None:
        self._place.tell("comment", "mapped", "a comment in HTML is no content and was left out", self._line)

    def handle_decl(self, decl: str) -> None:
        self._place.refuse("!", "a declaration is no content", self._line)

    def unknown_decl(self, data: str) -> None:
        self._place.refuse("!", "a marked section is no content", self._line)

    def handle_pi(self, data: str) -> None:
        self._place.refuse("?", "a processing instruction is no content", self._line)

    def _is_known(self, tag: str) -> bool:
        return tag in BLOCKS or tag in PHRASING or tag in MATH

    def _add(self, node: Node) -> None:
        children = self._stack[-1].children
        if isinstance(node, str) and self._stack[-1].name in STRUCTURED:
            if node.strip():
                self._place.refuse(self._stack[-1].name, "text stands where only elements may stand", self._line)
            return
        if isinstance(node, str) and children and isinstance(children[-1], str):
            children[-1] += node
        elif node != "":
            children.append(node)

    def _imply(self, tag: str) -> None:
        """Close what this element ends by beginning, as HTML does."""
        if tag in BLOCKS and self._stack[-1].name == "p":
            self._close()
        ends, within = _CLOSES.get(tag, (frozenset(), frozenset()))
        while self._stack[-1].name in (*ends, "p") and any(one.name in within for one in self._stack) and ends:
            self._close()
        if tag in BLOCKS and self._stack[-1].name in PHRASING:
            self._place.refuse(tag, f"the block <{tag}> stands inside <{self._stack[-1].name}>", self._line)

    def _close(self) -> None:
        done = self._stack.pop()
        name = f"m:{done.name}" if done.name in MATH else done.name
        self._add(Element(name, done.attributes, tuple(done.children), done.line))

    def _attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> tuple[tuple[str, str], ...]:
        kept: dict[str, str] = {}
        for name, value in attrs:
            said = value if value is not None else name
            if name == "style":
                self._place.tell("style", "mapped", f"kept as data-style on <{tag}>; no page shows it", self._line)
                kept["data-style"] = said
            elif tag in MATH and name in _MATH_ATTRIBUTES:
                if name != "xmlns":
                    kept[name] = said
            elif name in _GLOBAL or name in _OWN.get(tag, ()) or re.fullmatch(r"(data|aria)-[a-z0-9-]+", name):
                kept["xml:lang" if name == "lang" else name] = said
            else:
                self._place.refuse(tag, f"the attribute {name} of <{tag}> is not known to the bank", self._line)
        if tag == "img":
            kept["src"] = self._picture(kept.get("src", ""))
            kept.setdefault("alt", "")
        return tuple(sorted(kept.items()))

    def _picture(self, source: str) -> str:
        if source.startswith("data:"):
            return self._inline(source)
        name = source.removeprefix("@@PLUGINFILE@@/").split("?")[0]
        data = self._place.files.get(name) or self._place.files.get(name.replace("%20", " "))
        if re.match(r"[a-z][a-z0-9+.-]*:|//", source, re.IGNORECASE):
            self._place.refuse(
                "img", "a picture from elsewhere would never be fetched; bring it with the question", self._line
            )
        elif data is None:
            self._place.refuse("img", f"the picture {name[:80]!r} did not come with the question", self._line)
        elif not media_type(name, data):
            self._place.refuse("img", f"the picture {name[:80]!r} is no PNG, JPEG or GIF of a usual size", self._line)
        else:
            self._place.used[name] = data
        return name

    def _inline(self, source: str) -> str:
        head, _, body = source.partition(",")
        kind = head.removeprefix("data:").removesuffix(";base64")
        try:
            data = base64.b64decode(body, validate=True) if head.endswith(";base64") else b""
        except (binascii.Error, ValueError):
            data = b""
        if kind not in _PICTURES or media_type("", data) != kind:
            self._place.refuse("img", "the picture in the text is no PNG, JPEG or GIF in base 64", self._line)
            return "picture"
        name = f"{hashlib.sha256(data).hexdigest()[:16]}.{_PICTURES[kind]}"
        self._place.used[name] = data
        self._place.tell("img", "mapped", f"the picture in the text became the file {name}", self._line)
        return name
