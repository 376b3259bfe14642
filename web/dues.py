"""Which sittings have to be looked at now: a heap with one live entry for each.

Putting a sitting again replaces its moment; what the heap still holds of the old one is passed over when it comes
up. A second in which nothing is due costs nothing, however many thousands are running.

>>> dues = Dues()
>>> dues.put("sit-a", 64); dues.put("sit-b", 32); dues.put("sit-a", 16)
>>> dues.taken(32), dues.taken(128), len(dues)
(['sit-a', 'sit-b'], [], 0)
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush


class Dues:
    """Moments are milliseconds since 1970. For one thread only: the loop's."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._due: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, sitting: str) -> bool:
        return sitting in self._due

    def put(self, sitting: str, due_ms: int) -> None:
        if self._due.get(sitting) == due_ms:
            return
        self._due[sitting] = due_ms
        heappush(self._heap, (due_ms, sitting))
        if len(self._heap) > 64 + 4 * len(self._due):  # mostly old moments by now
            self._heap = [(moment, name) for name, moment in self._due.items()]
            heapify(self._heap)

    def drop(self, sitting: str) -> None:
        self._due.pop(sitting, None)

    def taken(self, at_ms: int) -> list[str]:
        """What is due by ``at_ms``, earliest first; each is taken out and has to be put again."""
        found = []
        while self._heap and self._heap[0][0] <= at_ms:
            moment, sitting = heappop(self._heap)
            if self._due.get(sitting) == moment:
                del self._due[sitting]
                found.append(sitting)
        return found
