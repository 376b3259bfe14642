"""From responses to a score: item outcomes by versioned keys, points by the form, a cut.

* Each item is scored by the port `Items` with the key of the very revision on the form; this module only
  weighs and adds. A missing response scores as an empty one.
* ``points`` of an item: its weight on the form times SCORE / MAXSCORE, floored at zero.
* The outcome is a *computed recommendation*. It decides nothing: a person screens it, people decide
  (ISO/IEC 17024:2012 clauses 7.4.3 f, 9.4.2).
* Rows flagged late are counted; the total without them is computed too, and where the two fall on
  different sides of the cut the dossier says so.

Source: QTI 3.0, § 2.10 (SCORE, MAXSCORE), § 5.8 (weights).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from engine.events import ItemScore, ScoreComputed
from engine.form import Form, Items, Responses, Seat

ENGINE_VERSION = "scoring-1"


@dataclass(frozen=True, slots=True)
class Answered:
    """The counted responses of a sitting, and the same without rows that came in late."""

    counted: Mapping[str, Responses]
    in_time: Mapping[str, Responses]


def score(form: Form, answered: Answered, seat: Seat, items: Items, cut: float) -> ScoreComputed:
    """Score a whole form. ``cut`` is the share of the points (0 to 1) from which the result is a pass.

    Raises: `engine.errors.Tampered` when an item's sealed content is not the form's revision.
    """
    scores = tuple(_item(form, position, answered.counted, seat, items) for position in _positions(form))
    points, possible = total(scores)
    alternative = points
    given, in_time = answered.counted, answered.in_time
    late = [position for position in _positions(form) if given.get(position) != in_time.get(position)]
    if late:
        others = {one.position: one for one in scores}
        others.update({position: _item(form, position, answered.in_time, seat, items) for position in late})
        alternative, _ = total(tuple(others.values()))
    return ScoreComputed(
        items=scores,
        points=points,
        max_points=possible,
        cut=cut,
        passed=passes(points, possible, cut),
        alternative=alternative,
        engine=ENGINE_VERSION,
    )


def total(scores: tuple[ItemScore, ...]) -> tuple[float, float]:
    """Points reached and possible, each rounded to a millionth so that sums compare exactly."""
    weights = {one.position: one.points for one in scores}
    reached = math.fsum(
        weights[one.position] * max(0.0, one.score) / one.max_score if one.max_score else 0.0 for one in scores
    )
    return round(reached, 6), round(math.fsum(weights.values()), 6)


def passes(points: float, possible: float, cut: float) -> bool:
    """At the cut is a pass. Compared to within a millionth of a point, so that 0.7 x 30 is 21."""
    return points >= cut * possible - 1e-6


def _positions(form: Form) -> list[str]:
    return [item.position for item in form.items]


def _item(form: Form, position: str, responses: Mapping[str, Responses], seat: Seat, items: Items) -> ItemScore:
    item = form.at(position)
    assert item is not None
    outcome = items.score(item.ref, responses.get(position, {}), seat)
    return ItemScore(position, outcome.score, outcome.max_score, float(item.points))
