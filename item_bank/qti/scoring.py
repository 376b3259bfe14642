"""Response processing by the two published templates, as a pure function.

``match_correct`` gives 1 when the response equals the key, else 0. ``map_response`` gives the sum of the
mapped values, held between the bounds. Responses here are the *authored* identifiers; translating from the
opaque ones a browser sends is the renderer's affair, because only it knows what was sent.

* A multiple response is an unordered container: order never matters.
* Each option counts once in a mapping, however often it stands in the response.
* No answer scores 0 by both templates, also where the mapping's bounds or default would say otherwise.
* A response that the candidate could not have given is refused, not scored.

>>> from item_bank.item import example
>>> score(example(), {"RESPONSE": ("yes",)})
ItemOutcome(score=1.0, max_score=1.0)

Source: QTI 3.0 response processing templates; Information Model, mapResponse and § 3 (mapping).
"""

from __future__ import annotations

from collections import Counter

from engine.errors import Refused
from engine.form import ItemOutcome, Responses
from item_bank.item import Item
from item_bank.qti.choice import ChoiceInteraction, ChoiceItem, Declaration, Mapping, view


def score(authored: Item, responses: Responses) -> ItemOutcome:
    """SCORE and MAXSCORE of authored identifiers by the item's own key.

    Raises: `Refused` RESPONSE_INVALID for an unknown variable or option, or for more options than allowed.
    """
    item = view(authored)
    given = {interaction.variable: interaction for interaction in item.interactions()}
    if unknown := responses.keys() - given.keys():
        raise Refused("RESPONSE_INVALID", variable=min(unknown)[:64])
    total = 0.0
    for declaration in item.declarations:
        response = responses.get(declaration.variable, ())
        _check(given[declaration.variable], declaration, response)
        total += _points(item, declaration, response)
    return ItemOutcome(total, max_score(item))


def max_score(item: ChoiceItem) -> float:
    """The most points that any allowed response gives."""
    if item.template == "match_correct":
        return 1.0
    return sum(_most(item, declaration) for declaration in item.declarations)


def _check(interaction: ChoiceInteraction, declaration: Declaration, response: tuple[str, ...]) -> None:
    options = {choice.identifier for choice in interaction.choices}
    if set(response) - options:
        raise Refused("RESPONSE_INVALID", variable=declaration.variable, reason="an option that was never offered")
    most = interaction.max_choices if declaration.multiple else 1
    if most and len(set(response)) > most:
        raise Refused("RESPONSE_INVALID", variable=declaration.variable, chosen=len(set(response)), allowed=most)
    if not declaration.multiple and len(response) > 1:
        raise Refused("RESPONSE_INVALID", variable=declaration.variable, chosen=len(response), allowed=1)


def _points(item: ChoiceItem, declaration: Declaration, response: tuple[str, ...]) -> float:
    if not response:
        return 0.0
    if item.template == "match_correct":
        return 1.0 if Counter(response) == Counter(declaration.correct) else 0.0
    return _mapped(_mapping(declaration), set(response))


def _mapped(mapping: Mapping, chosen: set[str]) -> float:
    total = sum((mapping.value(identifier) for identifier in sorted(chosen)), 0.0)
    if mapping.lower is not None:
        total = max(total, mapping.lower)
    if mapping.upper is not None:
        total = min(total, mapping.upper)
    return total


def _most(item: ChoiceItem, declaration: Declaration) -> float:
    """The best sum: take the best options while they help, but never fewer than must be chosen."""
    mapping = _mapping(declaration)
    interaction = next(found for found in item.interactions() if found.variable == declaration.variable)
    values = sorted(
        ((mapping.value(choice.identifier), choice.identifier) for choice in interaction.choices), reverse=True
    )
    limit = (interaction.max_choices or len(values)) if declaration.multiple else 1
    least = max(1, interaction.min_choices)
    chosen = {name for place, (value, name) in enumerate(values[:limit]) if value > 0 or place < least}
    return max(0.0, _mapped(mapping, chosen))


def _mapping(declaration: Declaration) -> Mapping:
    assert declaration.mapping is not None, "the reader lets no map_response item in without a mapping"
    return declaration.mapping
