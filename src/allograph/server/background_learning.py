"""Learns long journals in threads of its own, a little of each writer in turn, while the model's thread reads for others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from allograph.errors import BusyError
from allograph.profiles.journal import Key
from allograph.server.fair_queue import FairQueue
from allograph.server.threads import lower_priority

STRETCH = 0.02
"""Seconds for which one writer's corrections are learned before it is another's turn."""
THREADS = 2
"""Writers that are learned at the same time: a step can be long, where many corrections are of one batch."""


@dataclass(frozen=True)
class _Job:
    key: Key
    steps: Iterator[None]
    done: asyncio.Future[None]


class BackgroundLearner:
    """Takes the steps of many jobs in a few threads, for `STRETCH` each, tenants and then writers in turn."""

    def __init__(self) -> None:
        self._jobs: dict[Key, _Job] = {}
        self._queue: FairQueue[_Job] = FairQueue()
        self._threads = ThreadPoolExecutor(THREADS, "allograph-learner", initializer=lower_priority)
        self._tasks: set[asyncio.Task[None]] = set()
        self._working = 0
        self._closed = False

    async def finish(self, key: Key, steps: Iterator[None], seconds: float) -> None:
        """Take all steps of a writer's job, or wait for the one that is under way.

        Raises what a step raises; and `BusyError` after so many seconds, while the job goes on.
        """
        job = self._jobs.get(key)
        if job is None:
            if self._closed:
                raise BusyError("the service stops; ask it again in a moment")
            job = self._jobs[key] = _Job(key, steps, asyncio.get_running_loop().create_future())
            self._queue.put(key.tenant, job)
            if self._working < THREADS:
                self._working += 1
                task = asyncio.create_task(self._work())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        try:
            await asyncio.wait_for(asyncio.shield(job.done), seconds)
        except TimeoutError:
            raise BusyError("the writer's corrections are still being learned; ask again in a moment") from None

    async def close(self) -> None:
        """Leave off after the step that is under way; what was learned stays learned."""
        self._closed = True
        await asyncio.gather(*self._tasks)
        for job in self._jobs.values():
            job.done.set_exception(BusyError("the service stops; ask it again in a moment"))
            job.done.exception()  # nobody need be waiting for it
        self._jobs.clear()
        self._threads.shutdown()

    async def _work(self) -> None:
        """Go on with one job after another until none is left."""
        loop = asyncio.get_running_loop()
        try:
            while self._queue and not self._closed:
                job = self._queue.take()
                try:
                    ended = await loop.run_in_executor(self._threads, _go_on, job.steps)
                except Exception as error:
                    self._end(job).set_exception(error)
                    job.done.exception()  # its client may have gone
                    continue
                if ended:
                    self._end(job).set_result(None)
                else:
                    self._queue.put(job.key.tenant, job)
        finally:
            self._working -= 1

    def _end(self, job: _Job) -> asyncio.Future[None]:
        del self._jobs[job.key]
        return job.done


def _go_on(steps: Iterator[None]) -> bool:
    """Take steps for a while; whether none is left."""
    until = time.monotonic() + STRETCH
    return all(time.monotonic() < until for _ in steps)
