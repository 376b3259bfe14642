"""Attempts at a question within a sitting: what is recorded when a candidate ends one, and what the fold keeps of it.

Most questions are answered once, by what stands when the sitting is handed in. An adaptive item, one with buttons of
its own such as a hint, and one that a test lets a candidate try again are attempted: the candidate ends an attempt, the
server runs the item's rules on the response that is saved, and the question goes on as its outcomes say.

* The event names the row it took and has its digest, the item's completionStatus, and a digest of every variable of the
  item under the seat's secret. The variables themselves are in no journal: whoever has the item, the seat and the
  responses finds them again (`engine.form.Items`).
* Attempts at a question are numbered. A page names the number it ends: sent twice, it is one attempt.
* A settled question can be looked at, and not answered.

>>> taken = Given({"RESPONSE": ("a",)}, epoch=1, writer=1, seq=4)
>>> ended = AttemptEnded("q01", 1, "", 1, 4, digest_of(taken), 0, "incomplete", "00", settled=False)
>>> with_attempt({}, ended, taken)["q01"][0].responses
{'RESPONSE': ('a',)}

Source: QTI 3.0 Information Model, § 2.9 (attempts, completionStatus), end attempt interaction, max-attempts,
show-feedback.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import orjson

from engine.answers import Given
from engine.events import event
from engine.form import Attempt


@event()
class AttemptEnded:
    """``writer`` and ``seq`` name the row whose response was taken (0: none had been given), ``responses_sha256`` its
    content; ``button`` is the item's own that was pressed, "" for the page's. ``state`` is the keyed digest (hex)."""

    item: str
    number: int
    button: str
    writer: int
    seq: int
    responses_sha256: str
    duration_ms: int
    status: str
    state: str
    settled: bool


def with_attempt(
    known: Mapping[str, tuple[Attempt, ...]], ended: AttemptEnded, given: Given | None
) -> dict[str, tuple[Attempt, ...]]:
    """The attempts after one more. ``given`` is the response that stands; it is none when its row has been erased."""
    taken = given if given is not None and (given.writer, given.seq) == (ended.writer, ended.seq) else None
    attempt = Attempt(
        responses={} if taken is None else taken.responses,
        button=ended.button,
        duration_ms=ended.duration_ms,
        took=(0, 0, 0) if taken is None else taken.order,
        digest=ended.state,
        settled=ended.settled,
    )
    return {**known, ended.item: (*known.get(ended.item, ()), attempt)}


def is_settled(attempts: Sequence[Attempt]) -> bool:
    """Whether no attempt can follow these."""
    return bool(attempts) and attempts[-1].settled


def digest_of(given: Given | None) -> str:
    """SHA-256 (hex) over a response, its variables in order."""
    responses = {} if given is None else given.responses
    return hashlib.sha256(orjson.dumps(responses, option=orjson.OPT_SORT_KEYS)).hexdigest()
