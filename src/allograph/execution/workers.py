"""An ordered map over workers: results come in the order of the tasks, and only a few are in memory at once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from allograph.errors import InputError
from allograph.execution.place import thread_limits
from allograph.execution.processes import Processes

Task = TypeVar("Task")
Result = TypeVar("Result")

Jobs = int | str | None
"""How many processes here (None: one a core), or a cluster: `tcp://HOST:PORT`, its scheduler, or `local:N`, N workers here."""


class Crew(Protocol):
    """Those who do the tasks: they have `shared` already when they get the first."""

    def size(self) -> int:
        """How many tasks they do at the same time."""
        ...

    def submit(self, function: Callable[[Any, Task], Result], task: Task) -> Future[Result]:
        """Begin `function(shared, task)`."""
        ...

    def result(self, future: Future[Result]) -> Result:
        """Wait for a result; raises the task's own error, and `WorkerError` where a worker failed."""
        ...

    def close(self) -> None:
        """Drop the tasks not yet begun, and end whatever was begun for this."""
        ...


class Workers:
    """Workers that map functions over several lists of tasks; they end with the block, or with the process that began them.

    `shared` is sent to each of them once; `jobs` says who they are (`Jobs`). With one job everything happens in this process;
    with more, a script that calls this needs `if __name__ == "__main__":` around its work, as with all of Python's process pools.
    Small products are not spread over threads.
    """

    def __init__(self, shared: Any, jobs: Jobs = None) -> None:
        self._shared = shared
        self._jobs = available_cores() if jobs is None else jobs
        self._crew: Crew | None = None

    def __enter__(self) -> Self:
        if isinstance(self._jobs, str):
            from allograph.execution.cluster import Cluster

            self._crew = Cluster(self._jobs, self._shared)
        elif self._jobs > 1:
            self._crew = Processes(self._jobs, self._shared)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._crew:
            self._crew.close()

    def size(self) -> int:
        """How many tasks are done at the same time."""
        return 1 if self._crew is None else self._crew.size()

    def map(self, function: Callable[[Any, Task], Result], tasks: Iterable[Task], ahead: int | None = None) -> Iterator[Result]:
        """Yield `function(shared, task)` for each task, in order.

        So many tasks are taken `ahead` of the result that is waited for (None: twice as many as there are workers). An error in
        a task is raised here, and the tasks not yet begun are dropped.
        """
        crew = self._crew
        if crew is None:
            limits = thread_limits()
            for task in tasks:
                with limits():
                    result = function(self._shared, task)
                yield result
            return
        waiting: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                waiting.append(crew.submit(function, task))
                if len(waiting) > (2 * crew.size() if ahead is None else ahead):
                    yield crew.result(waiting.popleft())
            while waiting:
                yield crew.result(waiting.popleft())
        finally:
            for future in waiting:
                future.cancel()


def ordered_map(
    function: Callable[[Any, Task], Result], shared: Any, tasks: Iterable[Task], jobs: Jobs = None
) -> Iterator[Result]:
    """Yield `function(shared, task)` for each task, in order, by workers that end afterwards (`Workers`)."""
    with Workers(shared, jobs) as workers:
        yield from workers.map(function, tasks)


def is_here(jobs: Jobs) -> bool:
    """Whether all is done in this process; raises `InputError` for what are no `Jobs`."""
    if isinstance(jobs, str):
        if not jobs.startswith(("tcp://", "tls://", "local:")):
            raise InputError(f"{jobs!r} is no cluster; name its scheduler, such as tcp://10.0.0.1:8786, or workers here: local:2")
        return False
    return (available_cores() if jobs is None else jobs) == 1


def is_on_this_machine(jobs: Jobs) -> bool:
    """Whether all is done on this machine, where every path is what it is here."""
    return not isinstance(jobs, str) or jobs.startswith("local:")


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
