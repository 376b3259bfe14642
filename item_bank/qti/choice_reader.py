"""The items that a candidate can be shown so far: `reader` reads more than the page can show.

Taken are items with one choice interaction (single or multiple) that are scored by one of the published
templates match_correct and map_response. Everything else is refused by file, line, element and reason:

* other interactions, custom or missing response processing, templates, feedback, adaptive items, stimuli,
  pictures, style sheets, preset answers;
* every element and attribute that is not known, every key that names no option, every score that the item
  declares otherwise than its own key gives.

Kept whole: rubric blocks of every view (candidates see theirs, the others are for other readers), catalogs
and ``data-`` attributes (stored, not shown yet), outcome declarations that no template sets.

The parser resolves no entities, reads no network and no DTD; only UTF-8 or another ASCII-compatible
encoding is read, and no file over ``LARGEST`` bytes.

>>> read_item(b"<not-qti/>", "x.xml")
(Refusal(file='x.xml', line=1, element='not-qti', reason='this is not a QTI 3.0 item'),)

Source: QTI 3.0 Assessment, Section and Item Information Model; response processing templates of QTI 3.0.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from item_bank.item import Item, Metadata
from item_bank.qti import declarations, vocabulary, xml
from item_bank.qti.choice import TEMPLATE, Choice, ChoiceInteraction, ChoiceItem, Node, Template
from item_bank.qti.choice import Content as Element
from item_bank.qti.content import (
    ContentReader,
    Notes,
    check_aside,
    is_element,
    line_of,
    local_name,
    namespace,
)
from item_bank.qti.grammar_types import is_identifier
from item_bank.qti.xml import QTI
from item_bank.refusal import Refusal


def read_item(data: bytes, file: str, metadata: Metadata | None = None) -> Item | tuple[Refusal, ...]:
    """Read one item file. ``metadata`` comes from the package's manifest, which says what QTI does not.

    Returns the item, or every refusal (at least one, at most fifty); never raises for bad input.
    """
    notes = Notes(file)
    root = xml.parse(data, notes)
    if root is None:
        return tuple(notes.refusals)
    if local_name(root) != "qti-assessment-item" or namespace(root) != QTI:
        notes.refuse_at(root, _not_an_item(root))
        return tuple(notes.refusals)
    _ItemReader(notes).read(root)
    whole = xml.tree(root, notes)
    return tuple(notes.refusals) if notes.refusals else Item(whole, metadata=metadata or Metadata())


def _not_an_item(root: etree._Element) -> str:
    name = local_name(root)
    if name == "assessmentItem":
        return "this is a QTI 2 item; only QTI 3.0 is read so far"
    if name.startswith("qti-assessment-"):
        return "this is a QTI 3.0 file, but not an item; only items are read so far"
    return "this is not a QTI 3.0 item"


@dataclass(slots=True)
class _ItemReader:
    """Reads one item. ``place`` says where the walk is, because interactions stand in the body only."""

    notes: Notes
    place: str = "body"
    variables: list[str] = field(default_factory=list)
    content: ContentReader = field(init=False)

    def __post_init__(self) -> None:
        self.content = ContentReader(self.notes, self.special)

    def read(self, root: etree._Element) -> None:
        """Notes everything that stands against the item."""
        known = frozenset({"identifier", "title", "lang", "adaptive", "time-dependent", "label"})
        self.content.attributes(root, known | {"tool-name", "tool-version"})
        self._check_root(root)
        parts = self._parts(root)
        template = self._template(root, parts["qti-response-processing"])
        declared = declarations.responses(parts["qti-response-declaration"], self.notes)
        outcomes = declarations.outcomes(root, parts["qti-outcome-declaration"], self.notes)
        body = self._body(root, parts["qti-item-body"])
        for catalog in parts["qti-catalog-info"]:
            self._catalog_info(catalog)
        self.content.check_references()
        if template is None or self.notes.refusals:
            return
        item = ChoiceItem(root.get("identifier", ""), "und", body, declared, template, outcomes)
        for element, reason in declarations.contradictions(item):
            self.notes.refuse(line_of(root), element, reason)

    def special(self, element: etree._Element) -> Node | None:
        """What stands in content and begins with qti-: the interaction, or a rubric, or a refusal."""
        name = local_name(element)
        if name == "qti-choice-interaction" and self.place == "body":
            return self._interaction(element)
        if name == "qti-rubric-block" and self.place == "body":
            return self._rubric(element)
        if name in ("qti-choice-interaction", "qti-rubric-block"):
            self.notes.refuse_at(element, f"it may not stand inside a {self.place}")
        else:
            self.notes.refuse_at(element, vocabulary.refusal_reason(name))
        return None

    def _check_root(self, root: etree._Element) -> None:
        if not is_identifier(root.get("identifier", "")):
            self.notes.refuse_at(root, "the item needs an identifier of at most 128 letters, digits, '_', '-', '.'")
        if not root.get("title", "").strip():
            self.notes.refuse_at(root, "the item needs a title")
        if root.get("adaptive", "false") not in ("false", "0"):
            self.notes.refuse_at(root, "adaptive items are not supported yet")
        if root.get("time-dependent", "false") not in ("false", "0"):
            self.notes.refuse_at(root, "time-dependent items are not supported")

    def _parts(self, root: etree._Element) -> dict[str, list[etree._Element]]:
        """The item's children by name; every other child is refused."""
        names = ("response-declaration", "outcome-declaration", "item-body", "catalog-info", "response-processing")
        parts: dict[str, list[etree._Element]] = {f"qti-{name}": [] for name in names}
        for child in root:
            if not is_element(child):
                check_aside(child, self.notes)
            elif local_name(child) in parts and namespace(child) == QTI:
                parts[local_name(child)].append(child)
            else:
                self.notes.refuse_at(child, vocabulary.refusal_reason(local_name(child)))
        for name in ("qti-item-body", "qti-catalog-info", "qti-response-processing"):
            for extra in parts[name][1:]:
                self.notes.refuse_at(extra, "it stands more than once")
        return parts

    def _template(self, root: etree._Element, found: list[etree._Element]) -> Template | None:
        if not found:
            self.notes.refuse_at(
                root, "there is no response processing, so nothing could be scored", "qti-response-processing"
            )
            return None
        processing = found[0]
        self.content.attributes(processing, frozenset({"template"}))
        if any(is_element(child) for child in processing):
            self.notes.refuse_at(processing, "custom response processing is not supported yet; only the templates are")
            return None
        named = TEMPLATE.match(processing.get("template", "").strip())
        match named[1].lower() if named else None:
            case "match_correct":
                return "match_correct"
            case "map_response":
                return "map_response"
            case other:
                self.notes.refuse_at(processing, f"the template {other or 'named here'} is not one of those supported")
                return None

    def _body(self, root: etree._Element, found: list[etree._Element]) -> tuple[Node, ...]:
        if not found:
            self.notes.refuse_at(root, "there is no item body", "qti-item-body")
            return ()
        body = self.content.flow(found[0])
        self.content.attributes(found[0], name="div")
        if not self.variables and not self.notes.refusals:
            self.notes.refuse_at(found[0], "there is no interaction")
        return body

    def _interaction(self, element: etree._Element) -> ChoiceInteraction:
        known = frozenset({"response-identifier", "shuffle", "min-choices", "max-choices", "orientation"})
        variable = element.get("response-identifier", "")
        if self.variables:
            self.notes.refuse_at(element, "a second interaction would not be scored: the templates score one response")
        self.variables.append(variable)
        prompts = [child for child in element if is_element(child) and local_name(child) == "qti-prompt"]
        self._check_children(element, ("qti-prompt", "qti-simple-choice"))
        for extra in prompts[1:]:
            self.notes.refuse_at(extra, "a second prompt")
        prompt = self._inside("prompt", prompts[0]) if prompts else ()
        interaction = ChoiceInteraction(
            variable=variable,
            prompt=prompt,
            choices=tuple(self._choice(child) for child in element.iterchildren(f"{{{QTI}}}qti-simple-choice")),
            min_choices=declarations.whole(element, "min-choices", 0, self.notes),
            max_choices=declarations.whole(element, "max-choices", 1, self.notes),
            shuffle=declarations.truth(element, "shuffle", self.notes),
            orientation=element.get("orientation", ""),
            attributes=self.content.attributes(element, known, name="div"),
            prompt_attributes=self.content.attributes(prompts[0], name="div") if prompts else (),
        )
        self._check_interaction(element, interaction)
        return interaction

    def _check_interaction(self, element: etree._Element, interaction: ChoiceInteraction) -> None:
        identifiers = [choice.identifier for choice in interaction.choices]
        if len(identifiers) < 2:
            self.notes.refuse_at(element, "a choice needs at least two options")
        if len(set(identifiers)) != len(identifiers):
            self.notes.refuse_at(element, "two options have the same identifier")
        if interaction.orientation not in ("", "horizontal", "vertical"):
            self.notes.refuse_at(element, f"the orientation {interaction.orientation!r} is not known")
        most = interaction.max_choices or len(identifiers)
        if interaction.min_choices > most or interaction.max_choices > len(identifiers):
            self.notes.refuse_at(element, "min-choices, max-choices and the number of options do not fit together")

    def _choice(self, element: etree._Element) -> Choice:
        known = frozenset({"identifier", "fixed"})
        identifier = element.get("identifier", "")
        if not is_identifier(identifier):
            self.notes.refuse_at(element, f"the option's identifier {identifier[:40]!r} is not one")
        content = self._inside("choice", element)
        if not content:
            self.notes.refuse_at(element, "the option is empty")
        fixed = declarations.truth(element, "fixed", self.notes)
        return Choice(identifier, content, fixed, self.content.attributes(element, known, name="span"))

    def _rubric(self, element: etree._Element) -> Element:
        views = element.get("view", "").split()
        if not views or set(views) - {"author", "candidate", "proctor", "scorer", "test-constructor", "tutor"}:
            self.notes.refuse_at(element, "the rubric's view is missing or not known")
        kept = tuple((name, element.get(name, "")) for name in ("use", "view") if name in element.attrib)
        attributes = self.content.attributes(element, frozenset({"use", "view"}), name="div")
        children: list[Node] = []
        self._check_children(element, ("qti-content-body", "qti-catalog-info"))
        for child in element.iterchildren(f"{{{QTI}}}qti-content-body"):
            inner = self.content.attributes(child, name="div")
            children.append(Element("qti-content-body", inner, self._inside("rubric", child)))
        children.extend(self._catalog_info(child) for child in element.iterchildren(f"{{{QTI}}}qti-catalog-info"))
        return Element("qti-rubric-block", tuple(sorted(attributes + kept)), tuple(children))

    def _catalog_info(self, element: etree._Element) -> Element:
        """A catalog as it stands: its four levels, then content. Kept for accommodations, not shown."""
        below = {
            "qti-catalog-info": ("qti-catalog",),
            "qti-catalog": ("qti-card",),
            "qti-card": ("qti-card-entry", "qti-html-content"),
            "qti-card-entry": ("qti-html-content",),
        }
        name = local_name(element)
        attributes = self.content.attributes(element, frozenset({"support", "default"}), name="div")
        own = tuple((key, element.get(key, "")) for key in ("default", "support") if key in element.attrib)
        if name == "qti-html-content":
            children = self._inside("catalog", element)
        else:
            self._check_children(element, below[name])
            known = [child for child in element if is_element(child) and local_name(child) in below[name]]
            children = tuple(self._catalog_info(child) for child in known)
        return Element(name, tuple(sorted(attributes + own)), children)

    def _inside(self, place: str, element: etree._Element) -> tuple[Node, ...]:
        before, self.place = self.place, place
        nodes = self.content.flow(element)
        self.place = before
        return nodes

    def _check_children(self, element: etree._Element, names: tuple[str, ...]) -> None:
        texts = [element.text, *(child.tail for child in element)]
        if any(text and not text.isspace() for text in texts):
            self.notes.refuse_at(element, "text stands where only elements may stand")
        for child in element:
            if not is_element(child):
                check_aside(child, self.notes)
            elif local_name(child) not in names or namespace(child) != QTI:
                self.notes.refuse_at(child, vocabulary.refusal_reason(local_name(child)))
