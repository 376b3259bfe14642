"""QTI elements from the text a person would write, for tests: ``tree("<qti-null/>")``."""

from __future__ import annotations

from typing import Any

from lxml import etree

from item_bank.item import Element


def tree(text: str) -> Element:
    """The element of this XML, without namespaces. White space between elements is left out."""
    return _element(etree.fromstring(text))


def _element(node: Any) -> Element:
    children: list[str | Element] = [node.text] if node.text and node.text.strip() else []
    for child in node:
        children.append(_element(child))
        if child.tail and child.tail.strip():
            children.append(child.tail)
    return Element(node.tag, tuple(sorted(node.attrib.items())), tuple(children), node.sourceline)
