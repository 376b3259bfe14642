"""Errors say who is at fault and carry what a person needs to act."""

from __future__ import annotations

import pytest

from engine.errors import SENTENCES, Busy, InvigilError, NotFound, Refused, Tampered


def test_a_refusal_tells_its_code_its_sentence_and_its_facts() -> None:
    refused = Refused("PROCTOR_ABSENT", exam="e-1", waiting=4)
    assert str(refused) == "PROCTOR_ABSENT: No invigilator is present for this exam (exam=e-1, waiting=4)"
    assert (refused.code, refused.facts) == ("PROCTOR_ABSENT", {"exam": "e-1", "waiting": 4})


def test_a_refusal_without_facts_ends_after_its_sentence() -> None:
    assert str(Refused("TIME_OVER")) == "TIME_OVER: The time of this sitting is over"


def test_a_code_that_nobody_registered_is_a_bug_of_the_caller() -> None:
    with pytest.raises(RuntimeError, match="unknown refusal code 'MADE_UP'"):
        Refused("MADE_UP")


def test_every_sentence_is_one_that_a_person_can_read() -> None:
    for code, sentence in SENTENCES.items():
        assert code == code.upper()
        assert sentence[0].isupper() and not sentence.endswith(".")


def test_not_there_and_not_yours_read_the_same() -> None:
    missing = NotFound("sitting", "sit-1")
    assert (str(missing), missing.what, missing.name) == ("no sitting 'sit-1'", "sitting", "sit-1")


def test_tampered_names_the_first_bad_row() -> None:
    tampered = Tampered("sitting/s-1#4", "the entry does not have its hash")
    assert str(tampered) == "sitting/s-1#4: the entry does not have its hash"
    assert (tampered.where, tampered.why) == ("sitting/s-1#4", "the entry does not have its hash")


def test_busy_says_when_to_try_again() -> None:
    busy = Busy("the journal", retry_after_ms=512)
    assert str(busy) == "the journal is busy; retry after 512 ms"
    assert busy.retry_after_ms == 512
    assert isinstance(busy, InvigilError)
