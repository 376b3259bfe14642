"""The human look: reasons from a list, evidence before a verdict, confirming as easy as dismissing."""

from __future__ import annotations

import pytest

from engine.errors import Refused
from engine.events import decode, encode
from engine.incident import IncidentLooked
from proctoring.review import REASONS, SIGHTS, EvidenceAdded, EvidenceErased, EvidenceOpened, StillOpened, decide, look
from tests.proctoring.test_signals import LOADED

SEEN = frozenset({"e1", "e2"})


@pytest.mark.parametrize(("verdict", "reason"), [(v, reason) for v, reasons in REASONS.items() for reason in reasons])
def test_each_reason_of_the_list_makes_a_verdict(verdict: str, reason: str) -> None:
    reviewed = decide("inc-1", ("e1", "e2"), SEEN, verdict, reason, looked=True)
    assert (reviewed.incident, reviewed.verdict, reviewed.reason) == ("inc-1", verdict, reason)
    assert reviewed.evidence_seen == ("e1", "e2")


@pytest.mark.parametrize(("verdict", "reason"), [("guilty", "light"), ("confirmed", "light"), ("dismissed", "")])
def test_a_verdict_or_reason_that_is_not_on_the_list_is_refused(verdict: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        decide("inc-1", (), frozenset(), verdict, reason, looked=True)
    assert refused.value.code == "INPUT_INVALID"


@pytest.mark.parametrize("verdict", list(REASONS))
def test_no_verdict_is_given_on_evidence_that_was_not_opened(verdict: str) -> None:
    reason = next(iter(REASONS[verdict]))
    with pytest.raises(Refused) as refused:
        decide("inc-1", ("e1", "e3"), SEEN, verdict, reason, looked=True)
    assert (refused.value.code, refused.value.facts["unseen"]) == ("INCIDENT_OPEN", 1)
    assert decide("inc-1", ("e1",), SEEN, verdict, reason, looked=True).verdict == verdict


@pytest.mark.parametrize("verdict", list(REASONS))
def test_no_verdict_is_given_before_saying_what_the_evidence_shows(verdict: str) -> None:
    reason = next(iter(REASONS[verdict]))
    with pytest.raises(Refused) as refused:
        decide("inc-1", ("e1",), SEEN, verdict, reason, looked=False)
    assert refused.value.code == "INCIDENT_OPEN"
    assert decide("inc-1", ("e1",), SEEN, verdict, reason, looked=True).verdict == verdict


def test_what_evidence_shows_is_said_in_listed_words_by_whoever_opened_it() -> None:
    assert look("inc-1", ("e1",), SEEN, "no-telling") == IncidentLooked("inc-1", "no-telling")
    assert look("inc-1", (), frozenset(), "no-telling") == IncidentLooked("inc-1", "no-telling")
    for evidence, seen, sight, code in (
        (("e1",), SEEN, "guilty", "INPUT_INVALID"),
        (("e1", "e3"), SEEN, "nothing", "INCIDENT_OPEN"),
        ((), None, "nothing", "INCIDENT_OPEN"),
    ):
        with pytest.raises(Refused) as refused:
            look("inc-1", evidence, seen, sight)
        assert refused.value.code == code


def test_confirming_offers_as_many_reasons_as_dismissing_and_none_speaks_of_intent() -> None:
    assert len(REASONS["confirmed"]) == len(REASONS["dismissed"])
    sentences = " ".join(text for listed in (*REASONS.values(), SIGHTS) for text in listed.values()).lower()
    assert [word for word in LOADED if word in sentences] == []


@pytest.mark.parametrize(
    "happened",
    [
        EvidenceAdded("inc-1", ("e1",)),
        EvidenceOpened(("e1",), "review"),
        EvidenceErased("retention", 4),
        StillOpened("a"),
    ],
)
def test_the_events_of_the_review_stand_in_the_catalogue(happened: object) -> None:
    assert decode(type(happened).__name__, 1, encode(happened)) == happened
