"""The authored item: what an item writer wrote, whole, with its key.

An `Item` is the canonical form that every import format is read into and every export is written from.
It is a value: two equal items have equal canonical bytes, and the SHA-256 of those bytes is the digest by
which a form, a seal and a score refer to exactly this revision.

* Content is a tree of `Element`, plain text and, at one place, a `ChoiceInteraction`. Names are those of
  XHTML; MathML names carry the prefix ``m:``, QTI names keep their ``qti-``.
* Whatever an import accepts is in here, also what no screen shows yet (catalogs, rubrics for scorers,
  ``data-`` attributes). What would not fit in here is refused at import, never dropped.
* `Metadata` is what the bank needs to know about the item; the rationale explains the key and is as
  secret as the key.

>>> item = decode(encode(example()))
>>> item == example(), item.declaration("RESPONSE").correct
(True, ('yes',))

Source: QTI 3.0 Assessment, Section and Item Information Model, § 2 (assessment item) and § 5 (choice).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from engine.errors import Tampered

Attributes = tuple[tuple[str, str], ...]
Template = Literal["match_correct", "map_response"]


@dataclass(frozen=True, slots=True)
class Element:
    """One element of content with its attributes sorted by name. ``line`` is where it stood in its file."""

    name: str
    attributes: Attributes = ()
    children: tuple[Node, ...] = ()
    line: int = field(default=0, compare=False)

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.attributes if key == name), None)


@dataclass(frozen=True, slots=True)
class Choice:
    """One option. ``identifier`` never leaves the server; ``fixed`` keeps its place when others are shuffled."""

    identifier: str
    content: tuple[Node, ...]
    fixed: bool = False
    attributes: Attributes = ()


@dataclass(frozen=True, slots=True)
class ChoiceInteraction:
    """A choice of options. ``max_choices`` 0 means as many as there are."""

    variable: str
    prompt: tuple[Node, ...]
    choices: tuple[Choice, ...]
    min_choices: int = 0
    max_choices: int = 1
    shuffle: bool = False
    orientation: str = ""
    attributes: Attributes = ()
    prompt_attributes: Attributes = ()


Node = str | Element | ChoiceInteraction


@dataclass(frozen=True, slots=True)
class Mapping:
    """Points per option. ``lower`` and ``upper`` bound the sum, not the single values."""

    entries: tuple[tuple[str, float], ...]
    default: float = 0.0
    lower: float | None = None
    upper: float | None = None

    def value(self, identifier: str) -> float:
        return next((points for key, points in self.entries if key == identifier), self.default)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A response variable of base type identifier, with its key."""

    variable: str
    multiple: bool
    correct: tuple[str, ...] = ()
    mapping: Mapping | None = None
    interpretation: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An outcome variable as declared. The templates of this issue set SCORE and nothing else."""

    variable: str
    base_type: str
    cardinality: str = "single"
    default: tuple[str, ...] = ()
    attributes: Attributes = ()


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
    """One authored item. ``body`` holds exactly one interaction; ``catalogs`` are kept, not shown."""

    identifier: str
    title: str
    language: str
    body: tuple[Node, ...]
    declarations: tuple[Declaration, ...]
    template: Template
    outcomes: tuple[Outcome, ...] = ()
    catalogs: tuple[Element, ...] = ()
    attributes: Attributes = ()
    body_attributes: Attributes = ()
    metadata: Metadata = field(default_factory=Metadata)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the canonical bytes."""
        return digest(encode(self))

    def declaration(self, variable: str) -> Declaration:
        return next(found for found in self.declarations if found.variable == variable)

    def interactions(self) -> tuple[ChoiceInteraction, ...]:
        """Every interaction of the body, in reading order."""
        return tuple(_interactions(self.body))


def digest(canonical: bytes) -> str:
    return hashlib.sha256(canonical).hexdigest()


def encode(item: Item) -> bytes:
    """The canonical bytes: JSON with sorted keys, so equal items give equal bytes.

    Text is ``"…"``, an element ``[name, [[attribute, value] …], [child …]]``, an interaction an object.
    """
    return orjson.dumps(
        {
            "canonical": 1,
            "identifier": item.identifier,
            "title": item.title,
            "language": item.language,
            "body": [_packed(node) for node in item.body],
            "declarations": item.declarations,
            "template": item.template,
            "outcomes": item.outcomes,
            "catalogs": [_packed(node) for node in item.catalogs],
            "attributes": item.attributes,
            "body_attributes": item.body_attributes,
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


def plain_text(nodes: tuple[Node, ...], *, options: bool = True) -> str:
    """The text a reader sees, without markup and with white space folded, with or without the options."""
    return " ".join(" ".join(_texts(nodes, options)).split())


def example() -> Item:
    """A smallest complete item, for examples and tests."""
    choices = (Choice("yes", ("Yes",)), Choice("no", ("No",)))
    return Item(
        identifier="dead-before-touch",
        title="Proving dead",
        language="en",
        body=(
            Element("p", (), ("Must a circuit be proved dead before work starts?",)),
            ChoiceInteraction("RESPONSE", (), choices),
        ),
        declarations=(Declaration("RESPONSE", multiple=False, correct=("yes",)),),
        template="match_correct",
        outcomes=(Outcome("SCORE", "float"),),
        metadata=Metadata("D1", "remember", "emmy", 0.8, (), "Work on live parts is the exception."),
    )


def _interactions(nodes: tuple[Node, ...]) -> list[ChoiceInteraction]:
    found: list[ChoiceInteraction] = []
    for node in nodes:
        if isinstance(node, ChoiceInteraction):
            found.append(node)
        elif isinstance(node, Element):
            found.extend(_interactions(node.children))
    return found


def _texts(nodes: tuple[Node, ...], options: bool) -> list[str]:
    found: list[str] = []
    for node in nodes:
        if isinstance(node, str):
            found.append(node)
        elif isinstance(node, Element):
            found.extend(_texts(node.children, options))
        else:
            found.extend(_texts(node.prompt, options))
            for choice in node.choices if options else ():
                found.extend(_texts(choice.content, options))
    return found


def _packed(node: Node) -> Any:
    match node:
        case str():
            return node
        case Element():
            return [node.name, node.attributes, [_packed(child) for child in node.children]]
        case ChoiceInteraction():
            return {
                "variable": node.variable,
                "prompt": [_packed(child) for child in node.prompt],
                "choices": [
                    {
                        "identifier": choice.identifier,
                        "content": [_packed(child) for child in choice.content],
                        "fixed": choice.fixed,
                        "attributes": choice.attributes,
                    }
                    for choice in node.choices
                ],
                "min_choices": node.min_choices,
                "max_choices": node.max_choices,
                "shuffle": node.shuffle,
                "orientation": node.orientation,
                "attributes": node.attributes,
                "prompt_attributes": node.prompt_attributes,
            }


def _item(packed: dict[str, Any]) -> Item:
    if packed.pop("canonical") != 1:
        raise ValueError("another canonical version")
    known = packed["metadata"]
    return Item(
        **packed
        | {
            "body": _nodes(packed["body"]),
            "declarations": tuple(_declaration(one) for one in packed["declarations"]),
            "outcomes": tuple(_outcome(one) for one in packed["outcomes"]),
            "catalogs": _nodes(packed["catalogs"]),
            "attributes": _attributes(packed["attributes"]),
            "body_attributes": _attributes(packed["body_attributes"]),
            "metadata": Metadata(**known | {"enemies": tuple(known["enemies"])}),
        }
    )


def _nodes(packed: list[Any]) -> tuple[Any, ...]:
    return tuple(_node(one) for one in packed)


def _node(packed: Any) -> Node:
    if isinstance(packed, str):
        return packed
    if isinstance(packed, list):
        name, attributes, children = packed
        return Element(name, _attributes(attributes), _nodes(children))
    return ChoiceInteraction(
        **packed
        | {
            "prompt": _nodes(packed["prompt"]),
            "choices": tuple(_choice(one) for one in packed["choices"]),
            "attributes": _attributes(packed["attributes"]),
            "prompt_attributes": _attributes(packed["prompt_attributes"]),
        }
    )


def _choice(packed: dict[str, Any]) -> Choice:
    content = {"content": _nodes(packed["content"]), "attributes": _attributes(packed["attributes"])}
    return Choice(**packed | content)


def _declaration(packed: dict[str, Any]) -> Declaration:
    mapping = packed["mapping"]
    if mapping is not None:
        entries = tuple((str(key), float(value)) for key, value in mapping["entries"])
        mapping = Mapping(**mapping | {"entries": entries})
    return Declaration(**packed | {"correct": tuple(packed["correct"]), "mapping": mapping})


def _outcome(packed: dict[str, Any]) -> Outcome:
    lists = {"default": tuple(packed["default"]), "attributes": _attributes(packed["attributes"])}
    return Outcome(**packed | lists)


def _attributes(packed: list[list[str]]) -> Attributes:
    return tuple((name, value) for name, value in packed)
