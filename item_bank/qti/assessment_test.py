"""The assessment test: parts, nested sections, item references and the rules between them, read into values.

A test is kept as the whole `Element` tree it was written as; `read` gives the typed view that selection, delivery and
outcome processing work with. What stands against a test is found before, by `assessment_test_faults`.

Item-control attributes are inherited downwards one by one; time limits are not: each level has its own.

>>> test = read(example())
>>> [part.navigation for part in test.parts], [one.name for one in test.references()]
(['linear'], ['Q1', 'Q2'])

Source: QTI 3.0 Assessment, Section and Item Information Model: assessment test, test part, section, item reference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from item_bank.item import Element, Node
from item_bank.qti.variables import Fault, child

EXITS: Final = ("EXIT_TEST", "EXIT_TESTPART", "EXIT_SECTION")
#: How deep section files may refer to section files.
DEEPEST: Final = 32
_HOLDING_SECTIONS: Final = ("qti-test-part", "qti-assessment-section", "qti-assessment-section-ref")


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """``max_ms`` 0 means none. ``allow_late``: what comes after the time still counts."""

    min_ms: int = 0
    max_ms: int = 0
    allow_late: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """What may be done with an item (``qti-item-session-control``). ``max_attempts`` 0 means without limit."""

    max_attempts: int = 1
    show_feedback: bool = False
    allow_review: bool = True
    show_solution: bool = False
    allow_comment: bool = False
    allow_skipping: bool = True
    validate_responses: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """Where to go on when the expression ``when`` is true: a later identifier, or one of `EXITS`."""

    when: Element
    target: str


@dataclass(frozen=True, slots=True)
class Gate:
    """What stands before and after a part, a section or an item. Every precondition must be true."""

    conditions: tuple[Element, ...] = ()
    branches: tuple[Branch, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """An item reference. ``mappings`` translate the item's outcome names (source) to the test's (target)."""

    name: str
    href: str
    categories: tuple[str, ...] = ()
    weights: tuple[tuple[str, float], ...] = ()
    mappings: tuple[tuple[str, str], ...] = ()
    defaults: tuple[tuple[str, Element], ...] = ()
    required: bool = False
    fixed: bool = False
    gate: Gate = Gate()
    control: Control = Control()
    limits: TimeLimits = TimeLimits()


@dataclass(frozen=True, slots=True)
class Section:
    """A section and what it holds. ``select`` None takes everything."""

    name: str
    title: str
    children: tuple[Section | Reference, ...]
    visible: bool = True
    keep_together: bool = True
    required: bool = False
    fixed: bool = False
    select: int | None = None
    with_replacement: bool = False
    shuffle: bool = False
    rubrics: tuple[Element, ...] = ()
    gate: Gate = Gate()
    limits: TimeLimits = TimeLimits()


@dataclass(frozen=True, slots=True)
class Part:
    """``navigation`` is linear or nonlinear, ``submission`` individual or simultaneous."""

    name: str
    title: str
    navigation: str
    submission: str
    sections: tuple[Section, ...]
    rubrics: tuple[Element, ...] = ()
    feedbacks: tuple[Element, ...] = ()
    gate: Gate = Gate()
    limits: TimeLimits = TimeLimits()

    @property
    def is_linear(self) -> bool:
        return self.navigation == "linear"


@dataclass(frozen=True, slots=True)
class AssessmentTest:
    """The typed view of one test; ``root`` is the whole of it."""

    root: Element
    parts: tuple[Part, ...]
    limits: TimeLimits = TimeLimits()

    @property
    def identifier(self) -> str:
        return self.root.get("identifier") or ""

    @property
    def title(self) -> str:
        return self.root.get("title") or ""

    def references(self) -> Iterator[Reference]:
        """Every item reference, in document order."""
        for part in self.parts:
            for section in part.sections:
                yield from _references(section)


#: Gives the root of the section file that an address names, or None where there is none.
SectionFile = Callable[[str], Element | None]


def read(root: Element) -> AssessmentTest:
    """The view of a test that has no faults. Sections that stand in files of their own are `inlined` before."""
    control = _control(root, Control())
    parts = tuple(_part(one, control) for one in root.elements("qti-test-part"))
    return AssessmentTest(root, parts, _limits(root))


def inlined(root: Element, section_file: SectionFile) -> Element | tuple[Fault, ...]:
    """The test with every section reference replaced by the section it names; the reference's own identifier,
    ``required`` and ``fixed`` hold. Or the faults: a file that is missing, is no section, or holds itself."""
    found: list[Fault] = []
    whole = _inlined(root, section_file, (), found)
    return tuple(found) if found else whole


# -- reading ----------------------------------------------------------------------------------------------------------


def _part(element: Element, above: Control) -> Part:
    control = _control(element, above)
    name = element.get("identifier") or ""
    return Part(
        name=name,
        title=element.get("title") or name,
        navigation=element.get("navigation-mode") or "",
        submission=element.get("submission-mode") or "",
        sections=tuple(_section(one, control) for one in element.elements("qti-assessment-section")),
        rubrics=tuple(element.elements("qti-rubric-block")),
        feedbacks=tuple(element.elements("qti-test-feedback")),
        gate=_gate(element),
        limits=_limits(element),
    )


def _section(element: Element, above: Control) -> Section:
    control = _control(element, above)
    selection = child(element, "qti-selection")
    ordering = child(element, "qti-ordering")
    return Section(
        name=element.get("identifier") or "",
        title=element.get("title") or "",
        children=tuple(_child(one, control) for one in members(element)),
        visible=truth(element, "visible", True),
        keep_together=truth(element, "keep-together", True),
        required=truth(element, "required", False),
        fixed=truth(element, "fixed", False),
        select=None if selection is None else int(selection.get("select") or 0),
        with_replacement=selection is not None and truth(selection, "with-replacement", False),
        shuffle=ordering is not None and truth(ordering, "shuffle", False),
        rubrics=tuple(element.elements("qti-rubric-block")),
        gate=_gate(element),
        limits=_limits(element),
    )


def _child(element: Element, above: Control) -> Section | Reference:
    if element.name == "qti-assessment-section":
        return _section(element, above)
    mapped = element.elements("qti-variable-mapping")
    defaults = element.elements("qti-template-default")
    return Reference(
        name=element.get("identifier") or "",
        href=element.get("href") or "",
        categories=tuple((element.get("category") or "").split()),
        weights=tuple((one.get("identifier") or "", number(one, "value")) for one in element.elements("qti-weight")),
        mappings=tuple((one.get("source-identifier") or "", one.get("target-identifier") or "") for one in mapped),
        defaults=tuple((one.get("template-identifier") or "", next(one.elements())) for one in defaults),
        required=truth(element, "required", False),
        fixed=truth(element, "fixed", False),
        gate=_gate(element),
        control=_control(element, above),
        limits=_limits(element),
    )


def _gate(element: Element) -> Gate:
    conditions = tuple(next(one.elements()) for one in element.elements("qti-pre-condition"))
    branches = element.elements("qti-branch-rule")
    return Gate(conditions, tuple(Branch(next(one.elements()), one.get("target") or "") for one in branches))


def _control(element: Element, above: Control) -> Control:
    """What is said here stands over what was said above, attribute by attribute."""
    told = child(element, "qti-item-session-control")
    if told is None:
        return above
    return replace(
        above,
        max_attempts=int(told.get("max-attempts") or above.max_attempts),
        show_feedback=truth(told, "show-feedback", above.show_feedback),
        allow_review=truth(told, "allow-review", above.allow_review),
        show_solution=truth(told, "show-solution", above.show_solution),
        allow_comment=truth(told, "allow-comment", above.allow_comment),
        allow_skipping=truth(told, "allow-skipping", above.allow_skipping),
        validate_responses=truth(told, "validate-responses", above.validate_responses),
    )


def _limits(element: Element) -> TimeLimits:
    told = child(element, "qti-time-limits")
    if told is None:
        return TimeLimits()
    least, most = (round(number(told, name) * 1_000) for name in ("min-time", "max-time"))
    return TimeLimits(least, most, truth(told, "allow-late-submission", False))


def truth(element: Element, name: str, otherwise: bool) -> bool:
    told = element.get(name)
    return otherwise if told is None else told.strip() in ("true", "1")


def number(element: Element, name: str) -> float:
    """A number of an attribute; nought where there is none, nan for what is no number."""
    try:
        return float(element.get(name) or 0)
    except ValueError:
        return math.nan


def below(element: Element, *names: str) -> Iterator[Element]:
    """Every element below, in document order; with ``names`` only those."""
    for one in element.elements():
        if not names or one.name in names:
            yield one
        yield from below(one, *names)


def members(element: Element) -> tuple[Element, ...]:
    return tuple(element.elements("qti-assessment-section", "qti-assessment-item-ref"))


def _references(section: Section) -> Iterator[Reference]:
    for one in section.children:
        if isinstance(one, Reference):
            yield one
        else:
            yield from _references(one)


# -- sections in files of their own -----------------------------------------------------------------------------------


def _inlined(element: Element, section_file: SectionFile, within: tuple[str, ...], found: list[Fault]) -> Element:
    inside: list[Node] = []
    for node in element.children:
        if not isinstance(node, Element) or node.name not in _HOLDING_SECTIONS:
            inside.append(node)
        elif node.name == "qti-assessment-section-ref":
            inside.append(_fetched(node, section_file, within, found))
        else:
            inside.append(_inlined(node, section_file, within, found))
    return replace(element, children=tuple(inside))


def _fetched(reference: Element, section_file: SectionFile, within: tuple[str, ...], found: list[Fault]) -> Element:
    href = reference.get("href") or ""
    if href in within or len(within) >= DEEPEST:
        found.append(Fault(reference, f"the section file {href[:100]!r} holds itself"))
        return reference
    section = section_file(href)
    if section is None or section.name != "qti-assessment-section":
        found.append(Fault(reference, f"there is no section in a file {href[:100]!r}"))
        return reference
    told = {name: value for name, value in reference.attributes if name in ("identifier", "required", "fixed")}
    named = replace(section, attributes=tuple(sorted({**dict(section.attributes), **told}.items())))
    return _inlined(named, section_file, (*within, href), found)


def example() -> Element:
    """A smallest complete test, for examples and tests."""
    references = (
        Element("qti-assessment-item-ref", (("href", "q1.xml"), ("identifier", "Q1"))),
        Element("qti-assessment-item-ref", (("href", "q2.xml"), ("identifier", "Q2"))),
    )
    section = Element(
        "qti-assessment-section", (("identifier", "S1"), ("title", "Safety"), ("visible", "true")), references
    )
    modes = (("identifier", "P1"), ("navigation-mode", "linear"), ("submission-mode", "individual"))
    part = Element("qti-test-part", modes, (section,))
    return Element("qti-assessment-test", (("identifier", "demo-test"), ("title", "Demo")), (part,))
