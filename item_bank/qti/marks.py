"""The score of an item: SCORE, MAXSCORE and every other outcome, from authored responses.

Responses here are *authored* identifiers; translating from the opaque ones a browser sends, and refusing what was
never offered, is the renderer's affair. Scoring is one attempt at the item by `processing`.

* The maximum is what the item declares: MAXSCORE, else the normal maximum of SCORE. Else it is looked for: the best
  score among the responses that can matter (no answer, the key, each option, each value the rules compare with, the
  best of each mapping), in every combination, or variable by variable where those are more than `MOST_TRIES`.
  For the published templates that is exact.
* A score below nothing is not an item's maximum: the least is 0.

>>> from item_bank.item import example
>>> score(example(), {"RESPONSE": ("yes",)})
ItemOutcome(score=1.0, max_score=1.0)

Source: QTI 3.0 Information Model, § 2.10 (SCORE, MAXSCORE), normal-maximum.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Final

from engine.form import ItemOutcome, Responses
from item_bank.item import Element, Item
from item_bank.qti import processing, values
from item_bank.qti.areas import Shape
from item_bank.qti.processing import State
from item_bank.qti.variables import Declaration, child

MOST_TRIES: Final = 2_048
_MOST_CANDIDATES: Final = 64
_MOST_MAXIMA: Final = 256
_COUNTING: Final = frozenset({"numAttempts", "duration"})
_ANY_SEED: Final = bytes(32)

Texts = tuple[str, ...]


def score(item: Item, responses: Responses, seed: bytes = _ANY_SEED) -> ItemOutcome:
    """SCORE and MAXSCORE of one attempt at the clone that ``seed`` makes.

    Raises: `Refused` RESPONSE_INVALID for a variable that is not there, ITEM_UNSUPPORTED for an item with faults.
    """
    return of(item, processing.attempt(item, processing.begin(item, seed), responses))


def of(item: Item, state: State) -> ItemOutcome:
    """SCORE and MAXSCORE as the attempts so far left them."""
    return ItemOutcome(_points(state), _declared(item, state) or _looked_for(item, processing.begin(item, state.seed)))


def max_score(item: Item, seed: bytes = _ANY_SEED) -> float:
    """The most points the item can give: declared, or looked for."""
    begun = processing.begin(item, seed)
    return _declared(item, processing.attempt(item, begun, {})) or _looked_for(item, begun)


def _points(state: State) -> float:
    return _number(state, "SCORE") or 0.0


def _number(state: State, name: str) -> float | None:
    value = state.values.get(name)
    known = value is not None and value.cardinality == "single" and value.base_type in values.NUMBERS
    return float(value.item) if value is not None and known else None


def _declared(item: Item, state: State) -> float | None:
    """MAXSCORE as the attempt left it, else the normal maximum; a maximum of 0 is as good as none."""
    told = _number(state, "MAXSCORE")
    declared = processing.program(item).declared.get("SCORE")
    if (told is None or told <= 0) and declared is not None:
        told = declared.normal_maximum
    return told if told is not None and told > 0 else None


def _looked_for(item: Item, begun: State) -> float:
    """The best score found by trying. Kept with the item's program: all clones are alike where nothing is drawn."""
    program = processing.program(item)
    seed = begun.seed if program.template else b""
    if seed not in program.maxima:
        if len(program.maxima) >= _MOST_MAXIMA:
            program.maxima.clear()
        program.maxima[seed] = max(0.0, _best(item, begun))
    return program.maxima[seed]


def _best(item: Item, begun: State) -> float:
    program = processing.program(item)
    if not program.response:
        return 0.0
    if program.adaptive:
        return _best_of_many(item, begun)
    names = [declared.identifier for declared in program.binding.declared]
    candidates = [_candidates(item, declared, begun) for declared in program.binding.declared]
    if math.prod(map(len, candidates)) <= MOST_TRIES:
        tries = (dict(zip(names, chosen, strict=True)) for chosen in itertools.product(*candidates))
        return max(_tried(item, begun, one) for one in tries)
    best = dict(zip(names, (found[0] for found in candidates), strict=True))
    most = _tried(item, begun, best)
    for _ in range(2):
        for name, found in zip(names, candidates, strict=True):
            for chosen in found:
                if (points := _tried(item, begun, best | {name: chosen})) > most:
                    best, most = best | {name: chosen}, points
    return most


def _best_of_many(item: Item, begun: State) -> float:
    """The best score of an adaptive item: from each state that is reached, whatever can matter is attempted next."""
    program = processing.program(item)
    names = [declared.identifier for declared in program.binding.declared]
    candidates = [_candidates(item, declared, begun) for declared in program.binding.declared]
    responses = [dict(zip(names, chosen, strict=True)) for chosen in _one_by_one(candidates)]
    reached, known, best = [begun], set[frozenset[object]](), 0.0
    for tried in range(0, MOST_TRIES, max(1, len(responses))):
        if not reached or tried > MOST_TRIES:
            break
        state = reached.pop(0)
        for response in responses:
            after = processing.attempt(item, state, response)
            best = max(best, _points(after))
            stands = frozenset((name, value) for name, value in after.values.items() if name not in _COUNTING)
            if not after.completed and stands not in known:
                known.add(stands)
                reached.append(after)
    return best


def _one_by_one(candidates: Sequence[Sequence[Texts]]) -> list[tuple[Texts, ...]]:
    """Every combination while these are few; else the key with one variable changed at a time."""
    if math.prod(map(len, candidates)) <= _MOST_CANDIDATES:
        return list(itertools.product(*candidates))
    key = tuple(found[0] for found in candidates)
    changed = [(*key[:at], chosen, *key[at + 1 :]) for at, found in enumerate(candidates) for chosen in found]
    return list(dict.fromkeys([key, *changed]))


def _tried(item: Item, begun: State, responses: Responses) -> float:
    return _points(processing.attempt(item, begun, responses))


# -- responses that can matter ------------------------------------------------------------------------------


def _candidates(item: Item, declared: Declaration, begun: State) -> Sequence[Texts]:
    """The key first, then everything else worth trying, each once."""
    bound = (one for one in item.root.descendants() if one.get("response-identifier") == declared.identifier)
    interaction = next(bound, None)
    found = list[Texts]()
    correct = begun.correct.get(declared.identifier)
    if correct is not None and correct.cardinality != "record":
        found.append(tuple(values.write(correct.base_type, atom) for atom in correct.items))
    found.append(())
    found.extend(_best_mapped(declared, interaction))
    found.extend(_best_areas(declared, interaction))
    if declared.type.base_type == "boolean":
        found.extend((("true",), ("false",)))
    literals = _literals(item.root, declared)
    found.extend((one,) for one in (*_options(interaction), *literals))
    if declared.type.cardinality in values.CONTAINERS and len(literals) > 1:
        found.append(tuple(literals))
    return tuple(dict.fromkeys(found))[:_MOST_CANDIDATES]


def _best_mapped(declared: Declaration, interaction: Element | None) -> Iterator[Texts]:
    """What a mapping pays best: the best values while they help, but never fewer than must be chosen."""
    if declared.mapping is None:
        return
    base_type, mapping = declared.type.base_type, declared.mapping
    keys = {values.write(base_type, entry.value): entry.points for entry in mapping.entries}
    if base_type == "identifier":
        keys = {one: mapping.one(base_type, one) for one in _options(interaction)} or keys
    ranked = sorted(keys.items(), key=lambda one: -one[1])
    least, most = _limits(declared, interaction)
    ranked = _associable(ranked, interaction) if base_type in ("pair", "directedPair") else ranked
    chosen = (key for place, (key, points) in enumerate(ranked[:most]) if points > 0 or place < least)
    yield tuple(chosen)


def _best_areas(declared: Declaration, interaction: Element | None) -> Iterator[Texts]:
    if declared.area_mapping is None:
        return
    places = ((_inside(area), points) for area, points in declared.area_mapping.entries if area.coords)
    ranked = sorted(places, key=lambda one: -one[1])
    _, most = _limits(declared, interaction)
    yield tuple(f"{x:g} {y:g}" for (x, y), points in ranked[:most] if points > 0)


def _inside(area: Shape) -> tuple[float, float]:
    """A point of the area: its centre, or a corner."""
    if area.kind == "rect":
        left, top, right, bottom = area.coords
        return (left + right) / 2, (top + bottom) / 2
    return area.coords[0], area.coords[1]


def _limits(declared: Declaration, interaction: Element | None) -> tuple[int, int | None]:
    """How few and how many values a response may hold; None without end."""
    if declared.type.cardinality == "single":
        return 0, 1
    if interaction is None:
        return 0, None
    least = max(_count(interaction, "min-choices"), _count(interaction, "min-associations"))
    most = _count(interaction, "max-choices") or _count(interaction, "max-associations")
    return least, most or None


def _associable(ranked: list[tuple[str, float]], interaction: Element | None) -> list[tuple[str, float]]:
    """The pairs that can be made together, best first, as often as each of their choices may be used."""
    left = {
        one.get("identifier") or "": _count(one, "match-max") or len(ranked)
        for one in (interaction.descendants() if interaction is not None else ())
        if one.get("match-max") is not None
    }
    made = []
    for pair, points in ranked:
        ends = pair.split()
        if all(left.get(end, len(ranked)) > 0 for end in ends):
            made.append((pair, points))
            for end in ends:
                left[end] = left.get(end, len(ranked)) - 1
    return made


def _options(interaction: Element | None) -> list[str]:
    """The identifiers of an interaction's choices."""
    found = interaction.descendants() if interaction is not None else ()
    return [identifier for one in found if (identifier := one.get("identifier"))]


def _literals(root: Element, declared: Declaration) -> list[str]:
    """The values that the rules hold against something of this variable's base type."""
    rules = child(root, "qti-response-processing")
    found = rules.descendants("qti-base-value") if rules is not None else ()
    fitting = (one for one in found if one.get("base-type") == declared.type.base_type)
    return list(dict.fromkeys(one.text for one in fitting))


def _count(element: Element, name: str) -> int:
    told = (element.get(name) or "").strip()
    return int(told) if told.isdigit() and len(told) < 6 else 0
