"""Processing an item: from responses to outcomes, as a pure function of the revision, the seed and the state.

`begin` gives the state in which an item starts: template processing has chosen the clone, by the seed alone.
`attempt` processes one set of responses and gives the next state. `faults` says, at import, what of an item could
not be carried out, so that nothing is scored that was not understood.

* An item is compiled once (`program`); each attempt only runs closures.
* A non-adaptive item's outcomes start afresh with each attempt; an adaptive item's go on, until its rules say it is
  ``completed``. After that nothing can be attempted (NOT_NOW).
* ``completionStatus`` is the rules' to set. What they leave ``unknown`` is completed after an attempt at a
  non-adaptive item, and incomplete after one at an adaptive item; but where that has controls that end an attempt,
  such as a hint, the attempt says nothing and it stays unknown.
* A template constraint that is not met starts the template processing again, `MOST_CLONES` times at most; after
  that the template variables keep their defaults.
* Numbers drawn in template processing and in each attempt come from streams of their own, and so do those of
  two items that one sitting's seed serves.

>>> from item_bank.item import example
>>> state = attempt(example(), begin(example(), bytes(32)), {"RESPONSE": ("yes",)})
>>> state.outcomes["SCORE"].item, state.completed
(1.0, True)

Source: QTI 3.0 Information Model, § 2.9 (items), § 2.10 (response processing), § 2.13 (template processing).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from engine.errors import Refused
from engine.form import Responses
from item_bank.item import Element, Item
from item_bank.qti import binding, expressions, rules, templates, variables
from item_bank.qti.chance import Stream
from item_bank.qti.compiler import Compiler, Scope, Values
from item_bank.qti.rules import ConstraintUnmet, Rules, Step
from item_bank.qti.values import Value
from item_bank.qti.variables import Declaration, Declarations, Fault, Type, child

MOST_CLONES: Final = 100
_MOST_PROGRAMS: Final = 1_024
_MOST_AT_HAND: Final = 16

NOT_ATTEMPTED: Final = Value("single", "identifier", ("not_attempted",))
UNKNOWN: Final = Value("single", "identifier", ("unknown",))
INCOMPLETE: Final = Value("single", "identifier", ("incomplete",))
COMPLETED: Final = Value("single", "identifier", ("completed",))

#: Variables that every item has without declaring them.
_BUILT_IN: Final = {
    "completionStatus": ("outcome", Type("single", "identifier"), NOT_ATTEMPTED),
    "numAttempts": ("response", Type("single", "integer"), Value("single", "integer", (0,))),
    "duration": ("response", Type("single", "duration"), Value("single", "duration", (0.0,))),
    "QTI_CONTEXT": ("context", Type("record", ""), None),
}


@dataclass(frozen=True, slots=True)
class Program:
    """An item's compiled processing. ``faults`` is empty, or the program must not be run."""

    declared: dict[str, Declaration]
    adaptive: bool
    template: tuple[Step, ...]
    response: tuple[Step, ...]
    binding: binding.Binding
    faults: tuple[Fault, ...]
    start: Values
    correct: Values
    maxima: dict[bytes, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """An item of one candidate between two attempts: every variable, what is correct in this clone, the defaults."""

    seed: bytes
    values: Values
    correct: Values
    defaults: Values
    names: frozenset[str] = field(repr=False)

    @property
    def outcomes(self) -> Values:
        """The outcome variables, completionStatus among them."""
        return {name: value for name, value in self.values.items() if name in self.names}

    @property
    def completed(self) -> bool:
        return self.values.get("completionStatus") == COMPLETED

    @property
    def attempts(self) -> int:
        told = self.values.get("numAttempts")
        return 0 if told is None else int(told.item)


def faults(item: Item) -> tuple[Fault, ...]:
    """Everything in the item that processing could not carry out; empty when all of it can."""
    return program(item).faults


def begin(
    item: Item, seed: bytes, given: Mapping[str, Value | None] | None = None, context: Value | None = None
) -> State:
    """The state before the first attempt.

    ``given`` are template defaults (of a test's reference to the item), ``context`` is the record QTI_CONTEXT.
    Raises: `Refused` ITEM_UNSUPPORTED for an item with faults.
    """
    compiled = _sound(item)
    start = {**compiled.start, "QTI_CONTEXT": context}
    for name, value in (given or {}).items():
        declared = compiled.declared.get(name)
        if declared is not None and declared.kind == "template":
            start[name] = rules.fitted(value, declared.type)
    names = frozenset(name for name, one in compiled.declared.items() if one.kind == "outcome")
    if not compiled.template:
        return State(seed, start, compiled.correct, start, names)
    chance = Stream(seed, f"template {item.identifier}")
    for _ in range(MOST_CLONES):
        scope = Scope(dict(start), dict(compiled.correct), dict(start), chance)
        try:
            rules.run(compiled.template, scope)
        except ConstraintUnmet:
            continue
        return State(seed, _cloned(compiled, scope), scope.correct, scope.defaults, names)
    return State(seed, start, compiled.correct, start, names)


def attempt(item: Item, state: State, responses: Responses, duration_s: float = 0.0) -> State:
    """The state after these responses. ``duration_s`` is how long the item has been open altogether.

    Raises: `Refused` NOT_NOW when the item is completed, RESPONSE_INVALID for what is no response to it.
    """
    compiled = _sound(item)
    if compiled.adaptive and state.completed:
        raise Refused("NOT_NOW", item=item.identifier[:64], reason="this item has been completed")
    values = dict(state.values)
    if not compiled.adaptive:
        values.update({name: state.defaults.get(name) for name in state.names})
    values["completionStatus"] = state.values["completionStatus"] if compiled.adaptive and state.attempts else UNKNOWN
    values["numAttempts"] = Value("single", "integer", (state.attempts + 1,))
    values["duration"] = Value("single", "duration", (max(0.0, duration_s),))
    compiled.binding.bind(values, responses, state.values if compiled.adaptive else state.defaults)
    chance = Stream(state.seed, f"response {state.attempts + 1} {item.identifier}")
    scope = Scope(values, state.correct, state.defaults, chance)
    rules.run(compiled.response, scope)
    if values["completionStatus"] == UNKNOWN and not (compiled.adaptive and compiled.binding.ending):
        values["completionStatus"] = INCOMPLETE if compiled.adaptive else COMPLETED
    return State(state.seed, values, state.correct, state.defaults, state.names)


# -- compiling ----------------------------------------------------------------------------------------------

_AT_HAND: Final[OrderedDict[int, tuple[Item, Program]]] = OrderedDict()
_BY_DIGEST: Final[OrderedDict[str, Program]] = OrderedDict()
_KEEPING: Final = Lock()


def program(item: Item) -> Program:
    """The item's program, compiled once for each revision however often it is opened.

    The last thousand are kept by the digest, and the last few by the very object, because that costs nothing to ask.
    """
    known = _AT_HAND.get(id(item))
    if known is not None and known[0] is item:
        return known[1]
    digest = item.digest
    compiled = _BY_DIGEST.get(digest) or _compiled(item.root)
    with _KEEPING:
        _AT_HAND[id(item)], _BY_DIGEST[digest] = (item, compiled), compiled
        if len(_AT_HAND) > _MOST_AT_HAND:
            _AT_HAND.popitem(last=False)
        if len(_BY_DIGEST) > _MOST_PROGRAMS:
            _BY_DIGEST.popitem(last=False)
    return compiled


def forget() -> None:
    """Keep no program any longer: they hold keys. For the end of an exam's custody."""
    with _KEEPING:
        _AT_HAND.clear()
        _BY_DIGEST.clear()


def _sound(item: Item) -> Program:
    compiled = program(item)
    if compiled.faults:
        first = compiled.faults[0]
        raise Refused("ITEM_UNSUPPORTED", item=item.identifier[:64], element=first.element.name, reason=first.reason)
    return compiled


def _compiled(root: Element) -> Program:
    found = variables.declarations(root)
    declared = _with_built_ins(found, root)
    compiler = Compiler(declared.get, expressions.TABLE)
    template = child(root, "qti-template-processing")
    template_steps = () if template is None else Rules(compiler, "template").steps(template)
    response_steps = _response_steps(root, compiler, declared)
    references = (*_strangers(root), *_references(root, declared))
    return Program(
        declared=declared,
        adaptive=variables.flag(root, "adaptive", False),
        template=template_steps,
        response=response_steps,
        binding=binding.of(root, declared),
        faults=(*found.faults, *compiler.faults, *references),
        start={name: one.default for name, one in declared.items()},
        correct={one.identifier: one.correct for one in found.of("response")},
    )


def _with_built_ins(found: Declarations, root: Element) -> dict[str, Declaration]:
    built_in = {name: Declaration(kind, name, told, root, default) for name, (kind, told, default) in _BUILT_IN.items()}
    declared = built_in | found.variables
    return declared | {"completionStatus": built_in["completionStatus"]}


def _response_steps(root: Element, compiler: Compiler, declared: dict[str, Declaration]) -> tuple[Step, ...]:
    processing = child(root, "qti-response-processing")
    if processing is None:
        return ()
    address = processing.get("template")
    if any(processing.elements()) or not address:
        return Rules(compiler, "response").steps(processing)
    name = templates.name_of(address)
    if name is None:
        compiler.fault(processing, "this response processing template is not a published one")
        return ()
    at = len(compiler.faults)
    steps = Rules(compiler, "response").steps(templates.rules(name, declared))
    compiler.faults[at:] = [Fault(processing, f"the template {name}: {one.reason}") for one in compiler.faults[at:]]
    return steps


#: What an item holds besides its declarations. Rules of a test, for one, would be passed over in silence.
_PARTS: Final = frozenset(
    {
        *("qti-template-processing", "qti-response-processing", "qti-item-body", "qti-modal-feedback"),
        *("qti-assessment-stimulus-ref", "qti-companion-materials-info", "qti-stylesheet", "qti-catalog-info"),
    }
)


def _strangers(root: Element) -> Iterator[Fault]:
    for one in root.elements():
        if one.name not in _PARTS and one.name not in variables.KINDS:
            yield Fault(one, "this does not stand in an item")


_NAMES: Final = {
    "response-identifier": ("response",),
    "string-identifier": ("response",),
    "template-identifier": ("template",),
}


def _references(root: Element, declared: dict[str, Declaration]) -> Iterator[Fault]:
    """Attributes of the content that name a variable which is not there, or one of another kind."""
    for element in _content(root):
        for attribute, kinds in _NAMES.items():
            name = element.get(attribute)
            known = declared.get(name) if name is not None else None
            if name is not None and (known is None or known.kind not in kinds):
                yield Fault(element, f"the {kinds[0]} variable {name[:64]} is not declared")
        if element.name == "qti-printed-variable":
            shown = declared.get(element.get("identifier") or "")
            if shown is None or shown.kind not in ("outcome", "template", "context"):
                yield Fault(element, "a printed variable is a declared outcome or template variable")


def _content(root: Element) -> Iterator[Element]:
    for one in root.elements():
        if one.name not in ("qti-response-processing", "qti-template-processing", *variables.KINDS):
            yield one
            yield from _content(one)


def _cloned(compiled: Program, scope: Scope) -> Values:
    """The variables after template processing: template variables as set, the others at their defaults."""
    return {
        name: scope.values.get(name) if one.kind in ("template", "context") else scope.defaults.get(name)
        for name, one in compiled.declared.items()
    }
