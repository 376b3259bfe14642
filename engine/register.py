"""The register of sittings: the tables that follow from their events.

``sitting`` lists every sitting with what lists ask for; ``client_row`` holds the key of every answer row, so
that a row which comes again is known. Both are projections: `engine.replay` makes them anew from the journal.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.events import Recorded, RowReceived
from engine.sitting import Sitting
from engine.sources import epoch_ms
from engine.store import Put, RowOp
from engine.streams import of_streams


@of_streams("sitting")
def project(recorded: Recorded, state: Any) -> Iterable[RowOp]:
    """The list of sittings and the client keys."""
    if not isinstance(state, Sitting) or not recorded.stream.startswith("sitting/"):
        return
    if isinstance(recorded.event, RowReceived):
        sent = recorded.event
        values = {"sitting": state.sitting, "writer": sent.writer, "seq": sent.seq, "sha256": sent.sha256}
        yield Put("client_row", values)
        return
    assert state.opens_at is not None and state.closes_at is not None
    yield Put(
        "sitting",
        {
            "sitting": state.sitting,
            "exam": state.exam,
            "candidate": state.candidate,
            "practice": state.practice,
            "phase": state.phase.value,
            "opens_ms": epoch_ms(state.opens_at),
            "closes_ms": epoch_ms(state.closes_at),
            "open_incidents": len(state.open_incidents),
            "scored": state.score is not None,
            "released": state.released is not None,
        },
    )
