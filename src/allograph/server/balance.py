"""How many connections each of several workers holds, so that each takes about as many."""

from __future__ import annotations

from ctypes import Array, c_int

ABSENT = 2**31 - 1
"""The number of a worker that takes none."""


class Balance:
    """A worker's own number in memory that all workers share: each writes its own and reads the others'."""

    def __init__(self, counts: Array[c_int], place: int) -> None:
        self._counts, self._place = counts, place

    def tell(self, count: int) -> None:
        """Let the others know how many this one holds."""
        self._counts[self._place] = count

    def is_ahead(self, count: int) -> bool:
        """Whether this one, which holds so many, holds more than another that serves."""
        return any(other < count for place, other in enumerate(self._counts) if place != self._place)
