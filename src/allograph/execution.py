"""An ordered map over processes: results come in the order of the tasks, and only a few are in memory at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext, suppress
from multiprocessing import parent_process
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any, Self, TypeVar

from allograph.errors import WorkerError

Task = TypeVar("Task")
Result = TypeVar("Result")

_shared: Any = None


class ProcessMap:
    """Processes that map functions over several lists of tasks; they end with the block, or with the process that began them.

    `shared` is sent to each process once; there are `jobs` of them (None: one a core). With one job everything happens in this
    process; with more, a script that calls this needs `if __name__ == "__main__":` around its work, as with all of Python's
    process pools. Small products are not spread over threads.
    """

    def __init__(self, shared: Any, jobs: int | None = None) -> None:
        self._shared = shared
        self._jobs = jobs or available_cores()
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self._jobs > 1:
            spawn = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._jobs, mp_context=spawn, initializer=_begin, initargs=(self._shared,))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def map(self, function: Callable[[Any, Task], Result], tasks: Iterable[Task], ahead: int | None = None) -> Iterator[Result]:
        """Yield `function(shared, task)` for each task, in order.

        So many tasks are taken `ahead` of the result that is waited for (None: twice as many as there are processes). An error
        in a task is raised here, and the tasks not yet begun are dropped.
        """
        if self._pool is None:
            limits = _thread_limits()
            for task in tasks:
                with limits():
                    result = function(self._shared, task)
                yield result
            return
        ahead = 2 * self._jobs if ahead is None else ahead
        waiting: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                waiting.append(self._pool.submit(_call, function, task))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise WorkerError(
                "a worker process died: killed, perhaps for want of memory, or unable to start because the calling script has no "
                'if __name__ == "__main__": around its work. Try again with one job (--jobs 1)'
            ) from error
        finally:
            for future in waiting:
                future.cancel()


def ordered_map(
    function: Callable[[Any, Task], Result], shared: Any, tasks: Iterable[Task], jobs: int | None = None
) -> Iterator[Result]:
    """Yield `function(shared, task)` for each task, in order, in processes that end afterwards (`ProcessMap`)."""
    with ProcessMap(shared, jobs) as workers:
        yield from workers.map(function, tasks)


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


def _thread_limits() -> Callable[[], AbstractContextManager[Any]]:
    """What makes blocks in which products of matrices stay in one thread, where that can be asked for."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return nullcontext
    controller = ThreadpoolController()
    return lambda: controller.limit(limits=1)


def _call(function: Callable[[Any, Task], Result], task: Task) -> Result:
    return function(_shared, task)
