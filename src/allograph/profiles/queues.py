"""Waiting one's turn: who changes the same thing waits in this process and not in the database, and not for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from allograph.errors import StorageError

LOCKED = 5.0
"""Seconds to wait for what another process or caller holds."""
STILL = 1.0
"""Seconds without anybody being served after which a line stands still."""


@dataclass
class _Line:
    moved: threading.Condition
    moved_at: float
    """When somebody was served last, or the line began."""
    busy: bool = False
    waiting: int = 0


class Queues:
    """Queues of callers, one for each thing that only one of them can have at a time.

    A line that moves may be long. Where it stands still, because the database is locked from elsewhere, only `few` go on
    waiting, and those no longer than `patience` seconds; all others get a `StorageError` at once, so that they hold no threads
    or connections that somebody else needs.
    """

    def __init__(self, few: int, patience: float) -> None:
        self._few, self._patience = few, patience
        self._lock = threading.Lock()
        self._lines: dict[Hashable, _Line] = {}

    @contextmanager
    def turn(self, what: Hashable) -> Iterator[None]:
        """Wait for one's turn, and have it while the block runs; raises `StorageError` where it does not come."""
        with self._lock:
            line = self._lines.setdefault(what, _Line(threading.Condition(self._lock), time.monotonic()))
            line.waiting += 1
            try:
                self._wait(line)
                line.busy = True
            finally:
                line.waiting -= 1
                self._forget(what, line)
        served = False
        try:
            yield
            served = True
        except StorageError:
            raise
        except BaseException:
            served = True  # it had its turn; what went wrong was its own
            raise
        finally:
            with self._lock:
                line.busy = False
                if served:
                    line.moved_at = time.monotonic()
                line.moved.notify()
                self._forget(what, line)

    def _wait(self, line: _Line) -> None:
        until = time.monotonic() + self._patience
        while line.busy:
            now = time.monotonic()
            still = now - line.moved_at
            if now >= until or (still > STILL and line.waiting > self._few):
                raise StorageError("the store is busy: what is to be changed is held by another; try again")
            line.moved.wait(min(until - now, max(STILL - still, 0.05)))

    def _forget(self, what: Hashable, line: _Line) -> None:
        if not line.busy and not line.waiting and self._lines.get(what) is line:
            del self._lines[what]
