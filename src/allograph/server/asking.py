"""Asking the store without being held up by it: those who ask the same share an answer, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from allograph.errors import BusyError, StorageError
from allograph.server.threads import Thread

T = TypeVar("T")


class Asking(Generic[T]):
    """Questions to the store, each made once for all who ask it meanwhile, in one thread.

    `seconds` is how long a question may take: whoever asks one that has taken so long already is told so at once. `most` is how
    many may wait.
    """

    def __init__(self, name: str, seconds: float, most: int) -> None:
        self._thread = Thread(name)
        self._seconds = seconds
        self._most = most
        self._tasks: dict[bytes, tuple[float, asyncio.Task[T]]] = {}

    async def ask(self, what: bytes, call: Callable[[], T]) -> T:
        """The answer; raises `StorageError` where there is none in time, and `BusyError` where too many questions wait."""
        began, task = self._tasks.get(what) or self._begin(what, call)
        left = began + self._seconds - time.monotonic()
        done, _ = await asyncio.wait([task], timeout=max(left, 0.0))
        if not done:
            raise StorageError(f"the store gave no answer within {self._seconds:g} s")
        return task.result()

    def close(self) -> None:
        """Let the thread go."""
        self._thread.close()

    def _begin(self, what: bytes, call: Callable[[], T]) -> tuple[float, asyncio.Task[T]]:
        if self._thread.waiting >= self._most:
            raise BusyError("too many keys are being looked up; come again in a moment")

        async def answered() -> T:
            try:
                return await self._thread.run(call)
            finally:
                del self._tasks[what]

        task = asyncio.create_task(answered())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may be that nobody waits any more
        self._tasks[what] = found = (time.monotonic(), task)
        return found
