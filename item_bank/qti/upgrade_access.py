"""APIP's accommodations as QTI 3.0 has them: a catalog for each, and a reference from what it is about.

APIP, the accessibility profile of QTI 2, writes accommodations at the end of an item, each pointing to elements of the
body by their ``id``. QTI 3.0 turns this round: the element names its catalogs (``data-catalog-idref``), and a catalog
holds one card for each kind of support.

    accessElement                             qti-catalog, with the same identifier
    spokenText, brailleTextString, …          qti-card of the support, the text in its ``qti-html-content``
    textToSpeechPronunciation                 an entry of the spoken card, with ``data-reading-type``
    keyWordTranslation/definitionId           an entry for each language
    audioFileInfo, videoFileInfo/fileHref     the card's or entry's ``qti-file-href``

What QTI 3.0 has no card for (companion materials such as rulers, orders of reading, ordered guidance) is refused by
name.

>>> read(Element("apipAccessibility"), lambda element, reason: None)
Access(catalogs=(), links=())

Sources: APIP 1.0 accessibility information model; QTI 3.0 catalogs and their support vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from item_bank.item import Element, Node

Refuse = Callable[[Element, str], None]

_NO_CARD: Final = "QTI 3.0 has no catalog card for this; leave it out or say it in the item"
#: Which support a kind of accommodation is, by the element that holds its text or file.
_SUPPORTS: Final = MappingProxyType(
    {
        "spoken": "spoken",
        "brailleText": "braille",
        "tactileFile": "tactile",
        "signFileASL": "sign-language",
        "signFileSignedEnglish": "sign-language",
        "keyWordTranslation": "keyword-translation",
        "simplifiedLanguagePortions": "simplified-language-portions",
        "simplifiedGraphics": "simplified-graphics",
    }
)
#: Holders that only group the kinds above.
_GROUPS: Final = frozenset({"signing"})
_TEXTS: Final = frozenset({"spokenText", "brailleTextString", "textString"})
#: How a machine should say it: an entry beside the text for people.
_PRONUNCIATION: Final = "textToSpeechPronunciation"
_FILES: Final = frozenset({"audioFileInfo", "videoFileInfo", "tactileFileInfo"})
_LINKED: Final = frozenset({"objectLink", "textLink", "fullString"})


@dataclass(frozen=True, slots=True)
class Access:
    """The catalogs, and which elements (by ``id``) name which of them."""

    catalogs: tuple[Element, ...]
    links: tuple[tuple[str, str], ...]


def read(accessibility: Element, refuse: Refuse) -> Access:
    """Every accommodation of an ``apipAccessibility``; what has no place is refused by its element."""
    catalogs: list[Element] = []
    links: list[tuple[str, str]] = []
    for part in accessibility.elements():
        if _plain(part) != "accessibilityInfo":
            refuse(part, _NO_CARD)
            continue
        for one in part.elements():
            cards = tuple(_cards(one, refuse))
            name = one.get("identifier") or ""
            if cards:
                catalogs.append(Element("qti-catalog", (("id", name),), cards, one.line))
                links.extend((target, name) for target in _targets(one, refuse))
    return Access(tuple(catalogs), tuple(links))


def linked(root: Element, links: tuple[tuple[str, str], ...]) -> tuple[Element, frozenset[str]]:
    """The tree in which each element names its catalogs, and the ids that were found in it."""
    wanted: dict[str, list[str]] = {}
    for target, name in links:
        wanted.setdefault(target, []).append(name)
    found: set[str] = set()
    return _linked(root, wanted, found), frozenset(found)


def _linked(element: Element, wanted: dict[str, list[str]], found: set[str]) -> Element:
    children: tuple[Node, ...] = tuple(
        child if isinstance(child, str) else _linked(child, wanted, found) for child in element.children
    )
    own = element.get("id") or element.get("identifier") or ""
    if own in wanted and own not in found and not element.name.endswith(("-declaration", "-catalog")):
        found.add(own)
        told = {**dict(element.attributes), "data-catalog-idref": " ".join(wanted[own])}
        return replace(element, attributes=tuple(sorted(told.items())), children=children)
    return replace(element, children=children)


def _targets(access: Element, refuse: Refuse) -> Iterator[str]:
    for link in access.elements():
        if _plain(link) == "contentLinkInfo":
            for below in link.descendants():
                if _plain(below) not in _LINKED:
                    refuse(below, "only whole elements can name a catalog in QTI 3.0, not a part of their text")
            yield link.get("qtiLinkIdentifierRef") or link.get("apipLinkIdentifierRef") or ""


def _cards(access: Element, refuse: Refuse) -> Iterator[Element]:
    for related in access.elements():
        if _plain(related) == "relatedElementInfo":
            for kind in _kinds(related):
                support = _SUPPORTS.get(_plain(kind))
                card = None if support is None else _card(kind, support, refuse)
                if card is not None:
                    yield card
                else:
                    refuse(kind, _NO_CARD)


def _kinds(related: Element) -> Iterator[Element]:
    for one in related.elements():
        if _plain(one) in _GROUPS:
            yield from one.elements()
        else:
            yield one


def _card(kind: Element, support: str, refuse: Refuse) -> Element | None:
    """One card: its text or files; beside them an entry for each language, and one for how a machine says it."""
    content = _content(tuple(one for one in kind.elements() if not _is_entry(one)), refuse)
    entries = tuple(_entry(one, refuse) for one in kind.elements() if _is_entry(one))
    if entries and content:
        content = (Element("qti-card-entry", (("default", "true"),), content, kind.line),)
    inside = (*content, *entries)
    return Element("qti-card", (("support", support),), inside, kind.line) if inside else None


def _is_entry(element: Element) -> bool:
    return _plain(element) in ("definitionId", _PRONUNCIATION)


def _entry(element: Element, refuse: Refuse) -> Element:
    if _plain(element) == _PRONUNCIATION:
        return Element("qti-card-entry", (("data-reading-type", "text-to-speech"),), (_said((element,)),), element.line)
    language = (("xml:lang", element.get("xml:lang") or "und"),)
    return Element("qti-card-entry", language, _content(tuple(element.elements()), refuse), element.line)


def _content(parts: tuple[Element, ...], refuse: Refuse) -> tuple[Element, ...]:
    """All texts as one content, then the files."""
    texts = tuple(one for one in parts if _plain(one) in _TEXTS)
    files: list[Element] = []
    for one in parts:
        if _plain(one) in _FILES:
            files.extend(_files(one, refuse))
        elif one not in texts:
            refuse(one, _NO_CARD)
    return (*((_said(texts),) if texts else ()), *files)


def _said(texts: tuple[Element, ...]) -> Element:
    paragraphs = tuple(Element("p", (), one.children, one.line) for one in texts)
    return Element("qti-html-content", (), paragraphs, texts[0].line)


def _files(info: Element, refuse: Refuse) -> Iterator[Element]:
    kind = info.get("mimeType") or "application/octet-stream"
    for one in info.elements():
        if _plain(one) == "fileHref":
            yield Element("qti-file-href", (("mime-type", kind),), (one.text.strip(),), one.line)
        else:
            refuse(one, _NO_CARD)


def _plain(element: Element) -> str:
    return element.name.rpartition("}")[2]
