"""The shelf of assessment tests: keeping one, planning an exam with it, drawing its forms.

A test is sealed in the vault like an item, under the name ``test/<identifier>``: its feedback and rubrics are content,
its rules say what counts. A revision is never changed; importing other content makes the next one. Planning pins one
active revision of every item, so a test can be planned only when all its items have been reviewed, keyed and
activated like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.errors import NotFound, Refused
from engine.events import SYSTEM, Event, Recorded, event
from engine.form import Drawn, Form, ItemRef, Onward, Outcomes, Progress, Seat
from engine.keyring import keyed
from engine.writer import Act, Transaction
from item_bank import assessment, outcomes, store, vault
from item_bank.assembly import TRIES
from item_bank.assessment import PREFIX, AssessmentPlan
from item_bank.desk import Desk
from item_bank.item import Element, Item
from item_bank.qti.assessment_test import AssessmentTest, read
from item_bank.revisions import ItemState


@event()
class AssessmentDrafted:
    """A test was taken (stream ``test/<identifier>``). ``source`` is the SHA-256 of its file."""

    revision: int
    digest: str
    source: str
    title: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """Every revision of one test, oldest first."""

    revisions: tuple[AssessmentDrafted, ...] = ()


class Fold:
    """How ``test/`` streams become `Kept`."""

    version = 1
    state = Kept
    empty = Kept()

    def evolve(self, state: Kept, happened: Recorded) -> Kept:
        told = happened.event
        return Kept((*state.revisions, told)) if isinstance(told, AssessmentDrafted) else state


class Shelf(Desk):
    """The room of tests behind the bank's door; the port `engine.form.Assessments` stands here."""

    def onward(self, form: Form, progress: Progress, seat: Seat) -> Onward:
        """See `engine.form.Assessments.onward`."""
        return outcomes.onward(self._vault, form, progress, seat)

    def outcomes(self, form: Form, progress: Progress, seat: Seat) -> Outcomes:
        """See `engine.form.Assessments.outcomes`."""
        return outcomes.of_test(self._vault, form, progress, seat)

    def rubrics(self, form: Form, position: str, seat: Seat) -> str:
        """See `engine.form.Assessments.rubrics`."""
        return outcomes.rubrics(self._vault, form, position, seat)

    def _keep_test(self, tx: Transaction, by: str, at: datetime, root: Element, source: str) -> ItemRef | None:
        """Seal the test as a new revision; None when the latest one has this very content."""
        test = read(root)
        stream = f"{PREFIX}{test.identifier}"
        known: Kept = tx.state(stream)
        sealed = self._vault.seal(Item(root), len(known.revisions) + 1, name=stream)
        if known.revisions and known.revisions[-1].digest == sealed.ref.digest:
            return None
        items = tuple(dict.fromkeys(one.href for one in test.references()))
        drafted: Event = AssessmentDrafted(sealed.ref.revision, sealed.ref.digest, source, test.title, items)
        tx.apply(*sealed.puts())
        tx.append(stream, by, at, drafted)
        return sealed.ref

    def plan_test(self, name: str) -> AssessmentPlan:
        """An exam's plan with the latest revision of ``test/<identifier>`` and the active ones of its items.

        Raises: `NotFound`; BLUEPRINT_INFEASIBLE, naming an item that is not active.
        """

        def act(tx: Transaction) -> AssessmentPlan:
            known: Kept = tx.state(name)
            if not known.revisions:
                raise NotFound("test", name.removeprefix(PREFIX))
            told = known.revisions[-1]
            ref = ItemRef(name, told.revision, told.digest)
            test = read(self._vault.open_within(tx, ref, vault.SHOWING, SYSTEM).root)
            pinned = {item: _active(tx, item) for item in told.items}
            items = tuple((one.name, pinned[one.href]) for one in test.references())
            return AssessmentPlan(name, test.title, assessment.limit_of(test), ref, items)

        plan: AssessmentPlan = self._writer.run(Act(act))
        return plan

    def _forms_of(self, plan: AssessmentPlan, seeds: Sequence[bytes]) -> list[Drawn]:
        """One form for each seed. The test is opened once.

        Raises: BLUEPRINT_INFEASIBLE when a form cannot do without an item that is out of use by now.
        """
        test = read(self._vault.open(plan.test, vault.SHOWING, SYSTEM).root)
        with self._database.reading() as connection:
            live = store.live(connection, (ref.item for _, ref in plan.items))
        return [_drawn(plan, test, seed, live) for seed in seeds]


def _drawn(plan: AssessmentPlan, test: AssessmentTest, seed: bytes, live: frozenset[ItemRef]) -> Drawn:
    """The form of a seed; where the test may select others, another one when an item is out of use."""
    out: list[str] = []
    for attempt in range(TRIES):
        form = assessment.form_of(plan, test, keyed(seed, str(attempt)) if attempt else seed)
        out = [item.ref.item for item in form.items if item.ref not in live]
        if not out:
            return Drawn(form, f"{assessment.VERSION} plan {plan.digest}", attempt + 1)
    raise Refused("BLUEPRINT_INFEASIBLE", item=out[0], reason="the item is out of use since the day was planned")


def _active(tx: Transaction, item: str) -> ItemRef:
    state: ItemState = tx.state(f"item/{item}")
    found = state.active
    if found is None:
        raise Refused("BLUEPRINT_INFEASIBLE", item=item, reason="the item is not active")
    return ItemRef(item, found.revision, found.digest)
