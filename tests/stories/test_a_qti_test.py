"""A whole QTI test, from its package to its result: imported, activated, planned, drawn, sat, scored.

Emmy imports a package with a test of two parts. The first is linear: who answers its first question rightly jumps over
the second; a section opens only to those who answered the third. The second part is free and selects two of three
questions. Ada sits it through the real doors, and the result is the one that stands in the comments.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.admission import ENVIRONMENT, SITTING_TEXTS, USE_TEXT
from engine.errors import Conflict, Refused
from engine.events import AgreementSigned, EnvironmentChecked, IdentityShown, IdentityVerified
from engine.form import Form, Onward, Outcomes, Progress, Seat
from engine.pacing import Pacing
from engine.sitting import Sitting
from engine.sources import ManualClock, SeededDice, Sources
from item_bank import assessment
from item_bank.bank import key_of
from tests.engine.builders import NINE, a_row, chose
from tests.item_bank.samples import QTI, choice_interaction, full_metadata, item_xml, resource, write_package
from tests.web.site import Browser, found, login, plan, settings_of, site
from web.acts import perform
from web.house import House

MATCH_ONE = (
    '<qti-match><qti-variable identifier="{}.SCORE"/><qti-base-value base-type="float">1</qti-base-value></qti-match>'
)
TOTAL = '<qti-sum><qti-test-variables variable-identifier="SCORE" weight-identifier="W"/></qti-sum>'


def _item(name: str, rules: str = "") -> str:
    href = f"items/{name.lower()}.xml"
    return f'<qti-assessment-item-ref identifier="{name}" href="{href}">{rules}</qti-assessment-item-ref>'


TEST = f"""<qti-assessment-test {QTI} identifier="rescue" title="Rescue at height">
  <qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float"/>
  <qti-outcome-declaration identifier="MAXSCORE" cardinality="single" base-type="float"/>
  <qti-outcome-declaration identifier="BAND" cardinality="single" base-type="identifier"/>
  <qti-outcome-declaration identifier="SEEN" cardinality="single" base-type="integer"/>
  <qti-outcome-declaration identifier="RIGHT" cardinality="single" base-type="integer"/>
  <qti-time-limits max-time="3600"/>
  <qti-test-part identifier="P1" title="Theory" navigation-mode="linear" submission-mode="individual">
    <qti-assessment-section identifier="S1" title="Knots" visible="true">
      <qti-rubric-block view="candidate"><qti-content-body><p>Read each knot twice.</p></qti-content-body>
      </qti-rubric-block>
      <qti-rubric-block view="scorer"><qti-content-body><p>The reef is a trap.</p></qti-content-body></qti-rubric-block>
      {_item("Q1", f'<qti-branch-rule target="Q3">{MATCH_ONE.format("Q1")}</qti-branch-rule>')}
      {_item("Q2", '<qti-item-session-control validate-responses="true"/>')}
      {_item("Q3", '<qti-item-session-control allow-skipping="false"/><qti-time-limits min-time="16" max-time="64"/>')}
      <qti-assessment-section identifier="S2" title="For those who know" visible="true">
        <qti-pre-condition>{MATCH_ONE.format("Q3")}</qti-pre-condition>
        {_item("Q4", '<qti-weight identifier="W" value="2"/>')}
      </qti-assessment-section>
    </qti-assessment-section>
  </qti-test-part>
  <qti-test-part identifier="P2" title="Practice" navigation-mode="nonlinear" submission-mode="simultaneous">
    <qti-assessment-section identifier="S3" title="Ropes" visible="true">
      <qti-time-limits max-time="128"/>
      <qti-selection select="2"/>
      <qti-ordering shuffle="true"/>
      {"".join(_item(name, '<qti-weight identifier="W" value="1.5"/>') for name in ("Q5", "Q6", "Q7"))}
    </qti-assessment-section>
  </qti-test-part>
  <qti-outcome-processing>
    <qti-set-outcome-value identifier="SCORE">{TOTAL}</qti-set-outcome-value>
    <qti-set-outcome-value identifier="MAXSCORE">
      <qti-base-value base-type="float">8</qti-base-value>
    </qti-set-outcome-value>
    <qti-set-outcome-value identifier="BAND">
      <qti-base-value base-type="identifier">some</qti-base-value>
    </qti-set-outcome-value>
    <qti-set-outcome-value identifier="SEEN"><qti-number-presented/></qti-set-outcome-value>
    <qti-set-outcome-value identifier="RIGHT">
      <qti-number-correct section-identifier="S3"/>
    </qti-set-outcome-value>
  </qti-outcome-processing>
  <qti-test-feedback identifier="some" outcome-identifier="BAND" access="atEnd" show-hide="show" title="Some of it">
    <qti-content-body><p>You have <qti-printed-variable identifier="SCORE"/> points.</p></qti-content-body>
  </qti-test-feedback>
  <qti-test-feedback identifier="some" outcome-identifier="BAND" access="atEnd" show-hide="hide">
    <qti-content-body><p>Nothing at all.</p></qti-content-body>
  </qti-test-feedback>
</qti-assessment-test>"""
ONE = 'max-choices="1" min-choices="1"'
NAMES = [f"q{number}" for number in range(1, 8)]


class Day:
    """The house with Ada's sitting of the test."""

    def __init__(self, house: House, clock: ManualClock, sitting: str) -> None:
        self.house, self.clock, self.sitting = house, clock, sitting
        self.ada = house.people.by_login("ada").person
        self.writer, self.seq = 0, 0

    @property
    def state(self) -> Sitting:
        return self.house.delivery.sitting(self.sitting)

    @property
    def at(self) -> str:
        """The item reference Ada is at."""
        return self.name(self.state.course.at or "")

    def name(self, position: str) -> str:
        assert self.state.form is not None
        item = self.state.form.at(position)
        return "" if item is None or item.use is None else item.use.name

    def position(self, name: str) -> str:
        assert self.state.form is not None
        return next(one.position for one in self.state.form.items if one.use is not None and one.use.name == name)

    def go(self, name: str, *, leaving: bool = False) -> str:
        """Ask for a question; where one really is afterwards."""
        self.house.pacing.enter(self.ada, self.sitting, self.position(name), leaving=leaving, writer=self.writer)
        return self.at

    def answer(self, *, right: bool) -> None:
        """Answer the question one is at, rightly or wrongly."""
        self.seq += 1
        row = a_row(self.seq, self.state.course.at or "", chose(self.option(right=right)), writer=self.writer)
        self.house.delivery.receive(self.ada, self.sitting, row)

    def option(self, *, right: bool) -> str:
        """An option of the question one is at that scores, or one that does not: found by trying."""
        position, state = self.state.course.at, self.state
        assert position is not None
        assert state.form is not None
        item = state.form.at(position)
        assert item is not None
        seat = Seat(self.sitting, self.house.exams.seat_seed(self.house.exams.exam(state.exam), self.sitting))
        options = sorted(self.house.delivery.item(self.ada, self.sitting, position).rules[0].options)
        scores = {one: self.house.bank.score(item.ref, {"RESPONSE": (one,)}, seat).score for one in options}
        return next(one for one, score in scores.items() if (score > 0) is right)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The body in which Ada's sitting of the test has just started; copied for each test."""
    folder = tmp_path_factory.mktemp("founded")
    sources = Sources(ManualClock(NINE), SeededDice(1))
    found(folder, sources)
    package = write_package(
        folder / "package",
        {name: item_xml(identifier=name, interaction=choice_interaction(attributes=ONE)) for name in NAMES},
        "".join(resource(name, full_metadata()) for name in NAMES)
        + resource("rescue", href="rescue.xml", kind="imsqti_test_xmlv3p0"),
    )
    (package / "rescue.xml").write_text(TEST, encoding="utf-8")
    with House(settings_of(folder), sources) as house:
        mary, rosalind = login(house, "mary"), login(house, "rosalind")
        done = perform(house, login(house, "emmy"), "bank.import", {"path": str(package)})
        assert (NAMES, ["test/rescue"], []) == (done["drafted"], done["tests"], done["refused"])
        with pytest.raises(Refused, match="BLUEPRINT_INFEASIBLE"):
            perform(house, mary, "exam.plan", plan(blueprint="test/rescue"))
        perform(house, mary, "bank.approve", {"items": NAMES})
        perform(house, rosalind, "bank.approve", {"items": NAMES})
        keys = {item: list(key_of(house.bank.show(mary.person, item))) for item in NAMES}
        perform(house, rosalind, "bank.keys", {"keys": keys})
        perform(house, mary, "bank.activate", {"items": NAMES})
        exam = perform(house, mary, "exam.plan", plan(blueprint="test/rescue", title="Rescue day"))["exam"]
        perform(house, mary, "exam.book", {"exam": exam, "candidate": "ada"})
        perform(house, mary, "exam.open", {"exam": exam})
        house.notices.deliver_due()
        _start(house, _sitting(house))
    return folder


def _start(house: House, sitting: str) -> None:
    delivery, ada, grace = house.delivery, house.people.by_login("ada").person, house.people.by_login("grace").person
    delivery.check_in(ada, sitting)
    for text in (*SITTING_TEXTS, USE_TEXT):
        delivery.sign(ada, sitting, AgreementSigned(text, "2026-1", "ab" * 32, "en"))
    delivery.check_environment(grace, sitting, EnvironmentChecked(ENVIRONMENT))
    delivery.show_identity(ada, sitting, IdentityShown("5a" * 32, 1280, 960))
    delivery.verify_identity(grace, sitting, IdentityVerified("5a" * 32, "passport", "live"))
    delivery.start(grace, sitting, present=(grace,))


def _sitting(house: House) -> str:
    """Ada's sitting on the day of the test."""
    exams = [str(row["exam"]) for row in house.exams.all()]
    [exam] = [one for one in exams if assessment.is_record(house.exams.exam(one).blueprint.encode())]
    return next(str(row["sitting"]) for row in house.exams.sittings(exam) if not row["practice"])


@pytest.fixture
def day(founded: Path, tmp_path: Path, clock: ManualClock, sources: Sources) -> Iterator[Day]:
    shutil.copytree(founded, tmp_path / "own")
    with House(settings_of(tmp_path / "own"), sources) as house:
        told = Day(house, clock, _sitting(house))
        told.writer, _ = house.delivery.open_outbox(told.ada, told.sitting)
        yield told


def test_a_test_is_sat_by_its_rules_and_the_result_is_the_one_worked_out_by_hand(day: Day) -> None:
    form = day.state.form
    assert form is not None
    assert [("P1", "linear", "individual"), ("P2", "free", "simultaneous")] == [
        (one.name, one.navigation, one.submission) for one in form.sections
    ]
    assert (6, {"S1", "S2", "S3"}, True) == (len(form.items), {one.name for one in form.blocks}, form.ruled)
    ropes = [one.use.name for one in form.items if one.use is not None and one.section == "P2"]

    assert "Q1" == day.go("Q1")
    with pytest.raises(Refused, match="FORWARD_ONLY"):
        day.go(ropes[0], leaving=True)
    shown = day.house.delivery.item(day.ada, day.sitting, day.position("Q1")).html
    assert ("Read each knot twice." in shown, "The reef is a trap." in shown) == (True, False)
    day.answer(right=True)  # SCORE 1
    assert "Q3" == day.go("Q2")  # the branch rule of Q1
    with pytest.raises(Refused, match="ITEM_LOCKED"):
        day.go("Q2")
    with pytest.raises(Refused, match="ANSWER_FIRST"):
        day.go("Q4")
    day.answer(right=False)  # SCORE 0
    with pytest.raises(Refused, match="TOO_SOON"):
        day.go("Q4")
    day.clock.advance(16_000)
    assert ropes[0] == day.go("Q4")  # the precondition of S2 is not met, so the part ends
    assert 128_000 == day.state.clocks(day.clock.now()).section_ms
    day.answer(right=True)  # 1 x 1.5
    assert ropes[1] == day.go(ropes[1])
    assert ropes[0] == day.go(ropes[0])
    day.go(ropes[1])
    day.answer(right=False)  # 0 x 1.5

    day.house.delivery.submit(day.ada, day.sitting, day.writer, day.seq)
    score = day.house.delivery.score(day.sitting).score
    assert score is not None
    # 1 x 1 + 0 + 1 x 1.5 + 0 of the 8 the test says it gives; presented: Q1, Q3 and both ropes; right in S3: one
    assert (2.5, 8.0, False) == (score.points, score.max_points, score.passed)
    [feedback] = score.feedback
    assert "<h2>Some of it</h2><p>You have 2.5 points.</p>" in feedback
    assert "Nothing at all" not in feedback
    assert {"SCORE": ("2.5",), "BAND": ("some",), "MAXSCORE": ("8.0",), "SEEN": ("4",), "RIGHT": ("1",)} == {
        one.name: one.values for one in score.outcomes
    }


def test_the_time_of_a_section_inside_a_part_closes_its_questions_and_the_walk_goes_on(day: Day) -> None:
    day.go("Q1")
    day.answer(right=False)
    assert "Q2" == day.go("Q2")
    with pytest.raises(Refused, match="RESPONSE_INVALID"):
        day.go("Q3")
    day.answer(right=True)
    assert "Q3" == day.go("Q3")
    day.answer(right=True)
    day.clock.advance(64_000)  # Q3 has a minute, which is over
    assert "Q4" == day.go("Q4")
    ropes = [one.use.name for one in day.state.form.items if one.use and one.section == "P2"] if day.state.form else []
    assert ropes[0] == day.go(ropes[0], leaving=True)
    day.clock.advance(128_000)
    day.house.delivery.expire(day.sitting)
    assert "S3" in day.state.course.closed
    with pytest.raises(Refused, match="ITEM_LOCKED"):
        day.go(ropes[1])
    assert day.state.course.section == "P2"


def test_leaving_a_part_has_to_be_confirmed_where_the_candidate_asks_for_another(day: Day) -> None:
    day.go("Q1")
    day.answer(right=True)
    day.go("Q2")
    day.answer(right=True)
    day.clock.advance(16_000)
    assert "Q4" == day.go("Q4")
    rope = (
        next(one.use.name for one in day.state.form.items if one.use and one.section == "P2") if day.state.form else ""
    )
    with pytest.raises(Refused, match="LEAVING_LOCKS"):
        day.go(rope)
    assert rope == day.go(rope, leaving=True)
    with pytest.raises(Refused, match="ITEM_LOCKED"):
        day.go("Q4", leaving=True)


def test_the_same_seed_draws_the_same_form_and_another_test_is_not_whole(day: Day) -> None:
    exam = day.house.exams.exam(day.state.exam)
    form = day.state.form
    assert form is not None
    [first] = day.house.bank.draw_many(exam.blueprint, [bytes(32)])
    [again] = day.house.bank.draw_many(exam.blueprint, [bytes(32)])
    assert first.form == again.form
    assert () == day.house.bank.faults(exam.blueprint, form)
    other = replace(form.items[0], ref=form.items[1].ref)
    changed = replace(form, items=(other, *form.items[1:]), test=None)
    assert 2 == len(day.house.bank.faults(exam.blueprint, changed))


def test_an_item_that_is_out_of_use_is_on_no_further_form(day: Day) -> None:
    house, blueprint = day.house, day.house.exams.exam(day.state.exam).blueprint
    mary = house.people.by_login("mary").person
    house.bank.retire(mary, ["q7"], "worn out")
    drawn = house.bank.draw_many(blueprint, [number.to_bytes(32) for number in range(16)])
    assert not [one for one in drawn if any(item.ref.item == "q7" for item in one.form.items)]
    assert max(one.attempts for one in drawn) > 1
    house.bank.retire(mary, ["q1"], "worn out")
    with pytest.raises(Refused, match="BLUEPRINT_INFEASIBLE"):
        house.bank.draw(blueprint, bytes(32))


def test_the_pages_lead_where_the_rules_do_and_say_why_a_question_cannot_be_left(
    founded: Path, tmp_path: Path, sources: Sources
) -> None:
    shutil.copytree(founded, tmp_path / "own")
    with site(tmp_path / "own", sources) as served:
        texts = [path.read_text() for path in served.house.settings.spool.glob("*.txt")]
        text = next(one for one in texts if "code signs you in" in one and "Rescue day" in one)
        ada = Browser(served, "ada", served.house.people.sign_in_with_code(text.split("    ")[1].split()[0]))
        told = Day(served.house, served.clock, _sitting(served.house))
        here = f"/sit/{told.sitting}"
        page = ada.get(here, accept="text/html")
        assert f"{here}/section/P1" == page.headers["location"]
        first = ada.post(f"{here}/move", {"section": "P1", "leaving": "no"}).headers["location"]
        assert ("Q1", f"{here}/item/{told.position('Q1')}") == (told.at, first)
        ada.post(first, {"go": "next", **_choice(told, right=True)})
        assert "Q3" == told.at
        third = f"{here}/item/{told.position('Q3')}"
        stayed = ada.post(third, {"go": "next"}).headers["location"]
        assert f"{third}?stay=ANSWER_FIRST" == stayed
        assert "Theory · Knots" in ada.get(third).text
        assert "This question has to be answered before going on." in ada.get(stayed).text
        ada.post(third, {"go": "stay", **_choice(told, right=False)})
        soon = ada.post(f"{here}/move", {"to": told.position("Q4")}).headers["location"]
        assert f"{third}?stay=TOO_SOON" == soon


def _choice(told: Day, *, right: bool) -> dict[str, str]:
    option = told.option(right=right)
    return {"response.RESPONSE": option}


class Meddling:
    """The bank's port, asked while the candidate is still answering: each question of it brings another row in."""

    def __init__(self, day: Day, times: int) -> None:
        self.day, self.times = day, times

    def onward(self, form: Form, progress: Progress, seat: Seat) -> Onward:
        found = self.day.house.bank.onward(form, progress, seat)
        if self.times:
            self.times -= 1
            self.day.answer(right=True)
        return found

    def outcomes(self, form: Form, progress: Progress, seat: Seat) -> Outcomes:
        return self.day.house.bank.outcomes(form, progress, seat)

    def rubrics(self, form: Form, position: str, seat: Seat) -> str:
        return self.day.house.bank.rubrics(form, position, seat)


@pytest.mark.parametrize(("times", "expected"), [(1, "Q3"), (9, "")])
def test_an_answer_that_comes_in_while_the_rules_are_asked_is_not_overlooked(
    day: Day, times: int, expected: str
) -> None:
    day.go("Q1")
    day.answer(right=False)
    house = day.house
    pacing = Pacing(house.writer, house.sources, house.exams, house.bank, Meddling(day, times))
    if expected:
        pacing.enter(day.ada, day.sitting, day.position("Q2"))
        assert expected == day.at  # the second answer is right, so the branch rule of Q1 holds
    else:
        with pytest.raises(Conflict):
            pacing.enter(day.ada, day.sitting, day.position("Q2"))
