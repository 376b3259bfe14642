"""XML in, a tree of `Element` out, within bounds that no file can talk us out of.

This is the one place where XML becomes content: QTI of every version, manifests and Moodle's files come
through here. A file is hostile until shown otherwise.

* No document type, no entities but XML's own five, no network, no included documents.
* At most ``LARGEST`` bytes, ``DEEPEST`` levels, ``MOST_ELEMENTS`` elements, ``MOST_ATTRIBUTES`` on one.
* Any usual encoding is read, by its mark or its declaration; what does not decode is refused.
* Comments are no content and are left out, and the text around them becomes one. Processing instructions
  are refused, except hints to schemas and style sheets for the XML as such, in front of the root.
* Names are made short by their namespace: that of the root (QTI) and XHTML have no prefix, MathML ``m:``,
  SSML ``ssml:``, SVG ``svg:``. A name of any other namespace stays ``{namespace}name``, which no grammar
  knows, so it is refused where content is checked.

>>> document = read(b"<a xml:lang='en'>x<!-- y -->z</a>", Notes("x.xml"))
>>> document.root if document else None
Element(name='a', attributes=(('xml:lang', 'en'),), children=('xz',), line=1)

Source: XML 1.0; Namespaces in XML 1.0; QTI 3.0 XML binding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from lxml import etree

from item_bank.item import Attributes, Element, Node
from item_bank.refusal import Notes

QTI: Final = "http://www.imsglobal.org/xsd/imsqtiasi_v3p0"
XHTML: Final = "http://www.w3.org/1999/xhtml"
MATHML: Final = "http://www.w3.org/1998/Math/MathML"
#: Bytes of one file. The largest public item has a third of this.
LARGEST: Final = 4 << 20
#: Levels of elements. Twice this must stay below the 254 levels that the canonical bytes may have.
DEEPEST: Final = 100
MOST_ELEMENTS: Final = 50_000
MOST_ATTRIBUTES: Final = 100
#: Prefixes that stand for these namespaces, of elements and of attributes.
PREFIXES: Final = MappingProxyType(
    {
        XHTML: "",
        MATHML: "m:",
        "http://www.w3.org/2001/10/synthesis": "ssml:",
        "http://www.w3.org/2010/10/synthesis": "ssml:",
        "http://www.w3.org/2000/svg": "svg:",
        "http://www.w3.org/2001/XInclude": "xi:",
        "http://www.w3.org/1999/xlink": "xlink:",
        "http://www.w3.org/XML/1998/namespace": "xml:",
        "http://www.w3.org/2001/XMLSchema-instance": "xsi:",
    }
)
_ENCODING: Final = re.compile(rb"""\A\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_READABLE: Final = re.compile(r"utf-?(8|16)(-?[lb]e)?|(us-)?ascii|iso-?8859-?\d+|latin-?\d|(windows-|cp)125\d", re.I)
#: What may stand before the root: declaration, comments, instructions. A document type would come next.
_PROLOGUE: Final = re.compile(r"(?:\s+|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)
_HINTS: Final = ("xml-model", "xml-stylesheet")


@dataclass(frozen=True, slots=True)
class Document:
    """One file as a tree, and the namespace of its root, which says what kind of file it is."""

    root: Element
    namespace: str


def read(data: bytes, notes: Notes, times: int = 1) -> Document | None:
    """The tree of this file, or None with at least one refusal noted. Never raises for bad input.

    ``times`` widens the bounds for a file that tells about many items.
    """
    before = len(notes.refusals)
    root = parse(data, notes, times)
    if root is None:
        return None
    document = Document(tree(root, notes, times), etree.QName(root).namespace or "")
    return document if len(notes.refusals) == before else None


def parse(data: bytes, notes: Notes, times: int = 1) -> etree._Element | None:
    """The root of this file as lxml knows it, or None with a refusal noted."""
    text = _decoded(data, notes, LARGEST * times)
    if text is None:
        return None
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        line = error.lineno if isinstance(error.lineno, int) else 0
        notes.refuse(line, "", f"not well-formed: {error.msg}")
        return None
    for aside in (*root.itersiblings(preceding=True), *root.itersiblings()):
        if isinstance(aside, etree._ProcessingInstruction) and aside.target not in _HINTS:
            _refuse_instruction(aside, notes)
    return root


def tree(root: etree._Element, notes: Notes, times: int = 1) -> Element:
    """The element and all below as a tree. What cannot be taken is noted; the tree is then not whole."""
    return _Tree(etree.QName(root).namespace or "", notes, MOST_ELEMENTS * times).element(root, 1)


class _Tree:
    def __init__(self, own: str, notes: Notes, most: int) -> None:
        self._own = own
        self._notes = notes
        self._names: dict[str, str] = {}
        self._most = self._left = most

    def element(self, source: etree._Element, depth: int) -> Element:
        name, line = self._name(str(source.tag)), _line(source)
        self._left -= 1
        if self._left == 0:
            self._notes.refuse(line, name, f"the file has more than {self._most} elements")
        if len(source.attrib) > MOST_ATTRIBUTES:
            self._notes.refuse(line, name, f"the element has more than {MOST_ATTRIBUTES} attributes")
        if depth > DEEPEST:
            self._notes.refuse(line, name, f"content is nested more than {DEEPEST} deep")
        if self._left <= 0 or depth > DEEPEST:
            return Element(name, line=line)
        return Element(name, self._attributes(source), self._nodes(source, depth), line)

    def _nodes(self, source: etree._Element, depth: int) -> tuple[Node, ...]:
        """What stands inside, in order. Neighbouring texts (a comment stood between them) become one."""
        nodes: list[Node] = []
        text = source.text or ""
        for child in source:
            tag: object = child.tag
            if isinstance(tag, str):
                if text:
                    nodes.append(text)
                    text = ""
                nodes.append(self.element(child, depth + 1))
            else:
                self._aside(child)
            text += child.tail or ""
        if text:
            nodes.append(text)
        return tuple(nodes)

    def _aside(self, found: etree._Element) -> None:
        if isinstance(found, etree._ProcessingInstruction):
            _refuse_instruction(found, self._notes)
        elif not isinstance(found, etree._Comment):
            self._notes.refuse(_line(found), "&", "entities are not resolved")

    def _attributes(self, source: etree._Element) -> Attributes:
        found = source.items()
        if not found:
            return ()
        return tuple(sorted([(self._attribute(str(name)), str(value)) for name, value in found]))

    def _name(self, tag: str) -> str:
        """The short name of an element; an element without a namespace is at home only under such a root."""
        known = self._names.get(tag)
        if known is None:
            space, _, local = tag.rpartition("}")
            space = space.removeprefix("{")
            prefix = "" if space == self._own else PREFIXES.get(space, f"{{{space}}}")
            known = self._names[tag] = prefix + local
        return known

    def _attribute(self, tag: str) -> str:
        if tag[0] != "{":
            return tag
        space, _, local = tag[1:].rpartition("}")
        return PREFIXES.get(space, f"{{{space}}}") + local


def _decoded(data: bytes, notes: Notes, most: int) -> str | None:
    if len(data) > most:
        notes.refuse(0, "", f"the file has more than the {most} bytes that are read")
        return None
    try:
        text = data.decode(_encoding(data))
    except (LookupError, UnicodeError) as error:
        notes.refuse(0, "", f"the file is not in the encoding it says or in UTF-8 ({type(error).__name__})")
        return None
    text = text.removeprefix("\ufeff")
    if (prologue := _PROLOGUE.match(text)) and text.startswith("<!DOCTYPE", prologue.end()):
        line = text.count("\n", 0, prologue.end()) + 1
        notes.refuse(line, "", "a document type is declared; DTDs and their entities are never read")
        return None
    return text


def _encoding(data: bytes) -> str:
    """The encoding by byte order mark, else by its look, else as declared, else UTF-8."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if data.startswith((b"<\0", b"\0<")):
        return "utf-16-le" if data.startswith(b"<\0") else "utf-16-be"
    declared = _ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
    if declared is None or data.startswith(b"\xef\xbb\xbf"):
        return "utf-8"
    name = declared[1].decode()
    if not _READABLE.fullmatch(name):
        raise LookupError(name)
    return "utf-8" if name.lower().startswith("utf") else name


def _refuse_instruction(found: etree._ProcessingInstruction, notes: Notes) -> None:
    notes.refuse(_line(found), "?", f"the processing instruction {found.target!s} is not known to the bank")


def _line(node: etree._Element) -> int:
    """The line an element starts in, 0 where the parser does not know."""
    line: object = node.sourceline
    return line if isinstance(line, int) else 0
