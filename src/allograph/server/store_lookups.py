"""Look-ups in the store with a deadline, each made once for all who wait for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from allograph.errors import BusyError, StorageError
from allograph.server.threads import CallThread

T = TypeVar("T")


class StoreLookups(Generic[T]):
    """Look-ups in the store, in one thread; whoever wants what is being looked up shares its result.

    `seconds` is how long one may take: whoever joins one that has taken longer gets the error at once. `most` is how many wait.
    """

    def __init__(self, name: str, seconds: float, most: int) -> None:
        self._thread = CallThread(name)
        self._seconds = seconds
        self._most = most
        self._tasks: dict[bytes, tuple[float, asyncio.Task[T]]] = {}

    async def get(self, key: bytes, call: Callable[[], T]) -> T:
        """The result of `call`; raises `StorageError` where there is none in time, and `BusyError` where too many wait."""
        began, task = self._tasks.get(key) or self._begin(key, call)
        left = began + self._seconds - time.monotonic()
        done, _ = await asyncio.wait([task], timeout=max(left, 0.0))
        if not done:
            raise StorageError(f"the store gave no answer within {self._seconds:g} s")
        return task.result()

    def close(self) -> None:
        """Let the thread go."""
        self._thread.close()

    def _begin(self, key: bytes, call: Callable[[], T]) -> tuple[float, asyncio.Task[T]]:
        if self._thread.waiting >= self._most:
            raise BusyError("too many keys are being looked up; come again in a moment")

        async def run() -> T:
            try:
                return await self._thread.run(call)
            finally:
                del self._tasks[key]

        task = asyncio.create_task(run())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may be that nobody waits any more
        self._tasks[key] = entry = (time.monotonic(), task)
        return entry
