"""Why something cannot be taken: file, line, element, reason. Every reader of every format says it this way.

A reader does not stop at the first fault: it notes what it finds and goes on, so that a writer sees every
fault of a file at once. The first fifty are kept, which is more than anyone reads.

>>> notes = Notes("q.xml")
>>> notes.refuse(7, "qti-prompt", "a second prompt")
>>> notes.refusals
[Refusal(file='q.xml', line=7, element='qti-prompt', reason='a second prompt')]
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

_MANY: Final = 50
#: What becomes of a construct of a file that is read.
Fate = Literal["kept", "mapped", "refused"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that stands against an import: where it is and why. ``line`` 0 means the file as a whole."""

    file: str
    line: int
    element: str
    reason: str


@dataclass(slots=True)
class Notes:
    """Collects the refusals of one file while it is read."""

    file: str
    refusals: list[Refusal] = field(default_factory=list)
    most: int = _MANY

    def refuse(self, line: int, element: str, reason: str) -> None:
        if len(self.refusals) < self.most:
            self.refusals.append(Refusal(self.file, line, element, reason))
