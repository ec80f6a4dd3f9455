"""A thread for calls that may hang, which does not keep the process from ending; and the priority of threads."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
NICE = 10
"""Added to the niceness of threads whose work readings need not wait for."""


class CallThread:
    """One thread that makes calls for an event loop; a daemon, unlike an executor's, whose calls the interpreter waits for."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """How many calls wait, besides the one that is being made."""
        return self._calls.qsize()

    async def run(self, call: Callable[[], T]) -> T:
        """What a call returns or raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if self._thread is None:
            self._thread = threading.Thread(target=_work, args=(self._calls,), name=self._name, daemon=True)
            self._thread.start()
            weakref.finalize(self, self._calls.put, None)
        self._calls.put(partial(_make, call, future, loop))
        return await future

    def close(self) -> None:
        """Let the thread end after what it does; nobody waits for it."""
        self._calls.put(None)


def _work(calls: SimpleQueue[Callable[[], None] | None]) -> None:
    while (call := calls.get()) is not None:
        call()


def _make(call: Callable[[], Any], future: asyncio.Future[Any], loop: asyncio.AbstractEventLoop) -> None:
    if future.cancelled():
        return
    try:
        settle = partial(_settle, future, call(), None)
    except Exception as error:
        settle = partial(_settle, future, None, error)
    with suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(settle)


def _settle(future: asyncio.Future[Any], found: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(found)
    else:
        future.set_exception(error)


def lower_priority() -> None:
    """Lower the priority of the thread that calls this, where the system gives each thread its own (Linux)."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
