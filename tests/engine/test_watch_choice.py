"""How to be watched is the candidate's own choice, made before the start and kept on the record."""

from __future__ import annotations

import pytest

from engine import conduct
from engine.conduct import ROUTES
from engine.errors import Refused
from engine.events import WatchChosen
from engine.sitting import Phase, evolve
from tests.engine.builders import a_sitting


@pytest.mark.parametrize("phase", [Phase.CREATED, Phase.CHECK_IN, Phase.READY])
def test_it_is_chosen_before_the_start_and_the_last_word_stands(phase: Phase) -> None:
    world = a_sitting(phase)
    assert world.state.route == "assisted"
    for route in ("person", "person", "assisted", "person"):
        world.do(conduct.choose_watch, route, by="ada")
        assert world.state.route == route
    chosen = [one.event.route for one in world.journal if isinstance(one.event, WatchChosen)]
    assert chosen == ["person", "assisted", "person"]


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.SUBMITTED, Phase.SEALED])
def test_after_the_start_it_cannot_be_changed(phase: Phase) -> None:
    world = a_sitting(phase)
    with pytest.raises(Refused) as no:
        world.do(conduct.choose_watch, "person", by="ada")
    assert no.value.code == ("TERMINAL_STATE" if phase is Phase.SEALED else "NOT_NOW")


def test_there_are_two_routes_and_no_other() -> None:
    with pytest.raises(Refused) as no:
        a_sitting(Phase.READY).do(conduct.choose_watch, "nobody", by="ada")
    assert (no.value.code, ROUTES) == ("INPUT_INVALID", ("assisted", "person"))


def test_nothing_of_the_sitting_depends_on_it() -> None:
    """The same journal with and without the choice leads to the same sitting but for the choice itself."""
    world = a_sitting(Phase.READY)
    world.do(conduct.choose_watch, "person", by="ada")
    world.start()
    state = type(world.state)()
    for one in world.journal:
        if not isinstance(one.event, WatchChosen):
            state = evolve(state, one)
    assert [name for name in state.__slots__ if getattr(state, name) != getattr(world.state, name)] == ["route"]
