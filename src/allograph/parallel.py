"""Work spread over processes, its results in order, never more in memory than a few."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Any, TypeVar

from allograph.errors import WorkerError

Task = TypeVar("Task")
Result = TypeVar("Result")

_shared: Any = None


def in_order(
    function: Callable[[Any, Task], Result], shared: Any, tasks: Iterable[Task], jobs: int | None = None
) -> Iterator[Result]:
    """Yield `function(shared, task)` for each task, in order, computed by `jobs` processes (None: one a core).

    `shared` is sent to each process once. With one job everything happens in this process; with more, a script that calls this
    needs `if __name__ == "__main__":` around its work, as with all of Python's process pools. An error in a task
    is raised here, and the tasks not yet begun are dropped.
    """
    jobs = jobs or available_cores()
    if jobs == 1:
        for task in tasks:
            yield function(shared, task)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_begin, initargs=(shared,))
    waiting: deque[Future[Result]] = deque()
    try:
        for task in tasks:
            waiting.append(pool.submit(_call, function, task))
            if len(waiting) > 2 * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise WorkerError(
            "a worker process died: killed, perhaps for want of memory, or unable to start because the calling script has no "
            'if __name__ == "__main__": around its work. Try again with one job (--jobs 1)'
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin(shared: Any) -> None:
    global _shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    with suppress(ImportError):  # it comes with scikit-learn
        from threadpoolctl import threadpool_limits

        threadpool_limits(1)  # the processes have taken the cores already
    _shared = shared


def _call(function: Callable[[Any, Task], Result], task: Task) -> Result:
    return function(_shared, task)
