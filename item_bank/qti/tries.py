"""Attempts at an item as one seat makes them: what the next page shows, what may be ended, and what it comes to.

A sitting's journal has the responses, the item its rules, the seat the chance: so the state after any number of
attempts is found by making them again, one after the other, and nothing of it has to be kept.

* Which attempts are offered: an adaptive item takes them until its rules call it completed, an item with buttons of its
  own by these, and any item where its test allows several or shows feedback. `MOST_ATTEMPTS` bounds them all.
* Each attempt takes what stood on its page: of a response, the variables that the page asked for. The others hold what
  they held.
* What was saved after the last attempt is one more when the item is scored, if it says something that stood on no page
  yet. So an answer that was saved counts, and looking at a question again changes nothing.
* After the last attempt a test may hide all feedback: then the page is the one that it was at the beginning.

>>> from item_bank.item import example
>>> offer(example(), Attempts(), frozenset()), offer(example(), Attempts(most=3), frozenset()).left
(None, 3)

Source: QTI 3.0 Information Model, § 2.9 (items, attempts), end attempt interaction, max-attempts, show-feedback.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

import orjson

from engine.answers import check_response
from engine.errors import Tampered
from engine.form import MOST_ATTEMPTS, Attempt, Attempted, Attempts, Offer, Responses, Seat
from item_bank.item import Item
from item_bank.qti import processing, values
from item_bank.qti.page import CandidatePage
from item_bank.qti.processing import State


def offer(item: Item, attempts: Attempts, buttons: frozenset[str]) -> Offer | None:
    """How an attempt can be ended on a page with these ``buttons``; None for an item that is answered once."""
    program, made = processing.program(item), len(attempts.ended)
    by_test = attempts.most is not None and (attempts.most != 1 or attempts.feedback)
    if not (program.adaptive or program.binding.ending or by_test):
        return None
    settled = bool(attempts.ended) and attempts.ended[-1].settled
    left = None if program.adaptive or not attempts.most else max(0, attempts.most - made)
    return Offer(made, program.adaptive or by_test, buttons, left, settled)


def attempted(item: Item, seat: Seat, attempts: Attempts, ended: Attempt) -> Attempted:
    """What one more attempt comes to. Raises: as `item_bank.qti.processing.attempt`."""
    state = _after(item, seat, played(item, seat, attempts.ended), ended)
    status = state.values["completionStatus"]
    told = "unknown" if status is None else str(status.item)
    return Attempted(told, digest(state), _settled(item, attempts, state))


def _settled(item: Item, attempts: Attempts, state: State) -> bool:
    made = len(attempts.ended) + 1
    if processing.program(item).adaptive:
        return state.completed or made >= MOST_ATTEMPTS
    return made >= min(attempts.most or MOST_ATTEMPTS, MOST_ATTEMPTS)


def shown(item: Item, seat: Seat, attempts: Attempts) -> State | None:
    """The state that a page shows after these attempts; None for the one in which the item begins."""
    if not attempts.ended or (attempts.ended[-1].settled and not attempts.feedback):
        return None
    return played(item, seat, attempts.ended)


def played(item: Item, seat: Seat, ended: Sequence[Attempt]) -> State:
    """The state after these attempts, made one after the other."""
    state = processing.begin(item, seat.seed)
    for one in ended:
        state = _after(item, seat, state, one)
    return state


def final(item: Item, seat: Seat, ended: Sequence[Attempt], responses: Responses, duration_ms: int = 0) -> State:
    """The state by which an item is scored: ``responses`` are what was saved beyond the attempts."""
    state, stood = processing.begin(item, seat.seed), dict[str, tuple[str, ...]]()
    if not ended:
        return processing.attempt(item, state, authored(item, responses, seat), duration_ms / 1_000)
    for one in ended:
        stood |= _asked(CandidatePage(item, seat, state), one.responses)
        state = _after(item, seat, state, one)
    said = _asked(CandidatePage(item, seat, state), responses)
    if ended[-1].settled or all(told == stood.get(name, ()) for name, told in said.items()):
        return state
    return _after(item, seat, state, Attempt(said, duration_ms=duration_ms))


def check(item: Item, seat: Seat, ended: Sequence[Attempt]) -> None:
    """Raises: `Tampered` when the attempts do not lead to the state that was recorded when they were ended."""
    if ended and digest(played(item, seat, ended)) != ended[-1].digest:
        raise Tampered(seat.sitting, "the attempts at an item lead to another state than was recorded")


def digest(state: State) -> str:
    """HMAC-SHA256 (hex) over every variable, keyed by the seat: it gives nothing of the outcomes away."""
    held = {
        name: None if value is None else [value.cardinality, value.base_type, values.plain(value)]
        for name, value in state.values.items()
    }
    return hmac.digest(state.seed, b"attempt" + orjson.dumps(held, option=orjson.OPT_SORT_KEYS), hashlib.sha256).hex()


def authored(item: Item, responses: Responses, seat: Seat) -> Responses:
    """Opaque identifiers as this seat was sent them at first, translated back to authored ones.

    Raises: `Refused` RESPONSE_INVALID for a variable or an identifier that was never sent to this seat.
    """
    page = CandidatePage(item, seat)
    page.html()
    return _translated(page, responses)


def _translated(page: CandidatePage, responses: Responses) -> dict[str, tuple[str, ...]]:
    check_response(responses, tuple(page.rules))
    return {name: tuple(page.translated(name, value) for value in told) for name, told in responses.items()}


def _after(item: Item, seat: Seat, state: State, ended: Attempt) -> State:
    page = CandidatePage(item, seat, state)
    given = _translated(page, _asked(page, ended.responses))
    if ended.button:
        given[ended.button] = ("true",)
    return processing.attempt(item, state, given, ended.duration_ms / 1_000)


def _asked(page: CandidatePage, responses: Responses) -> dict[str, tuple[str, ...]]:
    """Of a response, what this page asks for."""
    page.html()
    names = {rule.variable for rule in page.rules}
    return {name: tuple(told) for name, told in responses.items() if name in names}
