"""Processes on this machine, which end with the one that began them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import parent_process
from multiprocessing.connection import wait
from typing import Any, TypeVar

from allograph.errors import WorkerError

Task = TypeVar("Task")
Result = TypeVar("Result")

_shared: Any = None


class Processes:
    """A crew (`execution.workers`) of so many processes."""

    def __init__(self, count: int, shared: Any) -> None:
        _check_script()
        self._count = count
        spawn = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(count, mp_context=spawn, initializer=_begin, initargs=(shared,))

    def size(self) -> int:
        """How many there are."""
        return self._count

    def submit(self, function: Callable[[Any, Task], Result], task: Task) -> Future[Result]:
        """Begin `function(shared, task)`; raises `WorkerError` where a process died."""
        try:
            with uninterrupted():
                return self._pool.submit(_call, function, task)
        except BrokenProcessPool as error:
            raise _death() from error

    def result(self, future: Future[Result]) -> Result:
        """Wait for a result; raises `WorkerError` where a process died."""
        try:
            return future.result()
        except BrokenProcessPool as error:
            raise _death() from error

    def close(self) -> None:
        """End them when they have done what they began."""
        self._pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Processes that begin meanwhile never hear of Ctrl-C, not even before `_begin`; here it comes when the block ends."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _check_script() -> None:
    """Raise `WorkerError` where new processes could not read the calling script again, as each must: it came through a pipe."""
    script = sys.modules["__main__"]
    path = getattr(script, "__file__", None)
    is_named = getattr(script, "__spec__", None) is not None or getattr(sys, "frozen", False)  # a module, or a program of its own
    if not is_named and path is not None and not os.path.isfile(path):
        raise WorkerError(
            f"the calling script came from {path}, which is no file that worker processes could read again: save it as one, or "
            "use one job (--jobs 1)"
        )


def _death() -> WorkerError:
    return WorkerError(
        "a worker process died: killed, perhaps for want of memory, or unable to start because the calling script has no "
        'if __name__ == "__main__": around its work. Try again with one job (--jobs 1)'
    )


def _begin(shared: Any) -> None:
    global _shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(ImportError):  # it comes with scikit-learn
        from threadpoolctl import threadpool_limits

        threadpool_limits(1)  # the processes have taken the cores already
    _shared = shared


def _end_with_parent() -> None:
    """Wait for the end of the process that began this one, be it killed, and end too; nobody would take the results."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _call(function: Callable[[Any, Task], Result], task: Task) -> Result:
    return function(_shared, task)
