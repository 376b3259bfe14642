"""The authored item: what an item writer wrote, whole, with its key.

An `Item` is the canonical form that every import format is read into and every export is written from:
a QTI 3.0 ``qti-assessment-item`` as a tree, with the stimuli and resources it refers to. It is a value: two
equal items have equal canonical bytes, and the SHA-256 of those bytes is the digest by which a form, a seal
and a score refer to exactly this revision.

* Names are QTI 3.0's. XHTML names are plain; MathML, SSML and SVG names carry ``m:``, ``ssml:``, ``svg:``.
* Whatever an import accepts is in here, also what no screen shows. What would not fit in here is refused at
  import, never dropped. Comments are no content.
* White space stands as it was written. An element's ``line`` says where it stood in the source; it is no
  part of the value.
* `Metadata` is what the bank needs to know about the item; the rationale explains the key and is as
  secret as the key.

>>> item = decode(encode(example()))
>>> item == example(), item.title, plain_text(item.body, options=False)
(True, 'Proving dead', 'Must a circuit be proved dead before work starts?')

Source: QTI 3.0 Assessment, Section and Item Information Model, § 2 (assessment item).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from engine.errors import Tampered

Attributes = tuple[tuple[str, str], ...]

#: What a candidate chooses among. Without it, an item's text is its question.
_OPTIONS: Final = frozenset(
    {
        "qti-simple-choice",
        "qti-inline-choice",
        "qti-simple-associable-choice",
        "qti-gap-text",
        "qti-gap-img",
    }
)
#: What stands in an item without being its question.
_ASIDE: Final = frozenset(
    {
        "qti-catalog-info",
        "qti-feedback-block",
        "qti-feedback-inline",
        "qti-modal-feedback",
        "qti-stylesheet",
    }
)


@dataclass(frozen=True, slots=True)
class Element:
    """One element with its attributes, sorted by name, and what it holds."""

    name: str
    attributes: Attributes = ()
    children: tuple[Node, ...] = ()
    line: int = field(default=0, compare=False)

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.attributes if key == name), None)

    def elements(self, *names: str) -> Iterator[Element]:
        """The child elements, in order; with ``names`` only those."""
        for child in self.children:
            if isinstance(child, Element) and (not names or child.name in names):
                yield child

    def descendants(self, *names: str) -> Iterator[Element]:
        """Every element below, in document order; with ``names`` only those."""
        for child in self.elements():
            if not names or child.name in names:
                yield child
            yield from child.descendants(*names)

    @property
    def text(self) -> str:
        """All text inside, as written."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


Node = str | Element


@dataclass(frozen=True, slots=True)
class Resource:
    """A file that an item refers to: a picture, a sound, captions, a style sheet. Its bytes travel beside."""

    href: str
    media_type: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the bank knows about an item besides its content.

    ``difficulty`` is the writer's estimate of the share of borderline candidates who answer rightly (0 to 1),
    ``enemies`` are identifiers of items that must not stand on the same form.
    """

    domain: str = ""
    cognitive_level: str = ""
    author: str = ""
    difficulty: float | None = None
    enemies: tuple[str, ...] = ()
    rationale: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One authored item: the whole ``qti-assessment-item``, and the stimuli it refers to, in its order."""

    root: Element
    stimuli: tuple[Element, ...] = ()
    resources: tuple[Resource, ...] = ()
    metadata: Metadata = field(default_factory=Metadata)

    @property
    def identifier(self) -> str:
        return self.root.get("identifier") or ""

    @property
    def title(self) -> str:
        return self.root.get("title") or ""

    @property
    def language(self) -> str:
        """The language of the item as a whole; ``und`` where it does not say."""
        return self.root.get("xml:lang") or "und"

    @property
    def body(self) -> tuple[Node, ...]:
        """What the item body holds."""
        return next((one.children for one in self.root.elements("qti-item-body")), ())

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the canonical bytes."""
        return digest(encode(self))


def digest(canonical: bytes) -> str:
    return hashlib.sha256(canonical).hexdigest()


def encode(item: Item) -> bytes:
    """The canonical bytes: JSON with sorted keys, so equal items give equal bytes.

    Text is ``"…"``, an element ``[name, [[attribute, value] …], [child …]]``.
    """
    return orjson.dumps(
        {
            "canonical": 2,
            "root": _packed(item.root),
            "stimuli": [_packed(one) for one in item.stimuli],
            "resources": item.resources,
            "metadata": item.metadata,
        },
        option=orjson.OPT_SORT_KEYS,
    )


def decode(canonical: bytes) -> Item:
    """The item of these canonical bytes.

    Raises: `Tampered` when the bytes are not what `encode` writes.
    """
    try:
        item = _item(orjson.loads(canonical))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise Tampered("item", f"the canonical bytes cannot be read ({type(error).__name__})") from error
    if encode(item) != canonical:
        raise Tampered("item", "the bytes are not canonical")
    return item


def plain_text(nodes: Iterable[Node], *, options: bool = True) -> str:
    """The text a candidate reads, without markup and with white space folded, with or without the options."""
    return " ".join(" ".join(_texts(nodes, _ASIDE if options else _ASIDE | _OPTIONS)).split())


def example() -> Item:
    """A smallest complete item, for examples and tests."""
    single = (("base-type", "identifier"), ("cardinality", "single"), ("identifier", "RESPONSE"))
    key = Element("qti-correct-response", (), (Element("qti-value", (), ("yes",)),))
    score = (("base-type", "float"), ("cardinality", "single"), ("identifier", "SCORE"))
    choices = tuple(
        Element("qti-simple-choice", (("identifier", name),), (text,)) for name, text in (("yes", "Yes"), ("no", "No"))
    )
    asked = (("max-choices", "1"), ("response-identifier", "RESPONSE"))
    interaction = Element("qti-choice-interaction", asked, choices)
    stem = Element("p", (), ("Must a circuit be proved dead before work starts?",))
    template = "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/match_correct.xml"
    root = Element(
        "qti-assessment-item",
        (
            ("adaptive", "false"),
            ("identifier", "dead-before-touch"),
            ("time-dependent", "false"),
            ("title", "Proving dead"),
            ("xml:lang", "en"),
        ),
        (
            Element("qti-response-declaration", single, (key,)),
            Element("qti-outcome-declaration", score),
            Element("qti-item-body", (), (stem, interaction)),
            Element("qti-response-processing", (("template", template),)),
        ),
    )
    metadata = Metadata("D1", "remember", "emmy", 0.8, (), "Work on live parts is the exception.")
    return Item(root, metadata=metadata)


def _texts(nodes: Iterable[Node], left_out: frozenset[str]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif node.name not in left_out and not _is_for_others(node):
            yield from _texts(node.children, left_out)


def _is_for_others(element: Element) -> bool:
    """Whether this is a rubric for scorers, authors, proctors or tutors only."""
    return element.name == "qti-rubric-block" and "candidate" not in (element.get("view") or "candidate").split()


def _packed(node: Node) -> Any:
    if isinstance(node, str):
        return node
    return [node.name, node.attributes, [_packed(child) for child in node.children]]


def _item(packed: dict[str, Any]) -> Item:
    if packed["canonical"] != 2:
        raise ValueError("another canonical version")
    known = packed["metadata"]
    return Item(
        root=_element(packed["root"]),
        stimuli=tuple(_element(one) for one in packed["stimuli"]),
        resources=tuple(Resource(**one) for one in packed["resources"]),
        metadata=Metadata(**known | {"enemies": tuple(known["enemies"])}),
    )


def _element(packed: list[Any]) -> Element:
    name, attributes, children = packed
    return Element(
        name,
        tuple((key, value) for key, value in attributes),
        tuple(child if isinstance(child, str) else _element(child) for child in children),
    )
