"""Dynamic batching: jobs that arrive at the same time share one call of the model."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

from allograph.errors import BusyError
from allograph.server.fair_queue import FairQueue

TOGETHER = 32
"""Samples that are read together at most: more would not be quicker, and whoever waits for them would wait longer."""
SHARED = 8
"""And so many where several tenants asked lately: each waits for what is under way of another's."""
LATELY = 5.0
"""Seconds."""

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


class _Waiting(NamedTuple, Generic[Job, Outcome]):
    tenant: str
    job: Job
    samples: int
    outcome: asyncio.Future[Outcome]


class Batcher(Generic[Job, Outcome]):
    """Takes waiting jobs, from tenants in turn, up to `TOGETHER` samples, and runs them in a thread while others arrive.

    No job is delayed for others to join it. `run` returns for each job its outcome or its error; an error that it raises is the
    error of all. `waiting` is how many samples of one tenant may wait; `observe` is called with the samples of each batch.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Job]], Sequence[Outcome | Exception]],
        waiting: int,
        observe: Callable[[int], None],
    ) -> None:
        self._run = run
        self._most = waiting
        self._observe = observe
        self._queue: FairQueue[_Waiting[Job, Outcome]] = FairQueue()
        self._samples: Counter[str] = Counter()
        self._latest: dict[str, float] = {}
        """When each tenant's latest job came, of the last seconds."""
        self._thread = ThreadPoolExecutor(1, "allograph-model")
        self._task: asyncio.Task[None] | None = None

    def check_room(self, tenant: str, samples: int) -> None:
        """Raise `BusyError` where so many of the tenant's samples wait that so many more are too many."""
        waiting = self._samples[tenant]
        if waiting and waiting + samples > self._most:
            raise BusyError(f"{waiting} samples of yours wait to be read already; come again in a moment")

    def ask(self, tenant: str, job: Job, samples: int) -> asyncio.Future[Outcome]:
        """The outcome, once there is one, of a job of so many samples; with more than `SHARED`, the job is a batch of its own."""
        self._latest[tenant] = time.monotonic()
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._queue.put(tenant, _Waiting(tenant, job, samples, future))
        self._samples[tenant] += samples
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return future

    async def close(self) -> None:
        """Wait for what is being answered."""
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def _work(self) -> None:
        """Run batches until nothing waits."""
        loop = asyncio.get_running_loop()
        try:
            while self._queue:
                batch = self._next()
                jobs = [waiting.job for waiting in batch]
                outcomes = await loop.run_in_executor(self._thread, self._outcomes, jobs)
                for waiting, outcome in zip(batch, outcomes, strict=True):
                    if waiting.outcome.done():  # its client has gone
                        continue
                    if isinstance(outcome, Exception):
                        waiting.outcome.set_exception(outcome)
                    else:
                        waiting.outcome.set_result(outcome)
        finally:
            self._task = None

    def _next(self) -> list[_Waiting[Job, Outcome]]:
        """What waits, each tenant's oldest in turn, up to one call of the model."""
        batch: list[_Waiting[Job, Outcome]] = []
        since = time.monotonic() - LATELY
        self._latest = {tenant: latest for tenant, latest in self._latest.items() if latest > since}
        count, most = 0, TOGETHER if len(self._latest) <= 1 else SHARED
        while self._queue and (not count or count + self._queue.next().samples <= most):
            waiting = self._queue.take()
            self._samples[waiting.tenant] -= waiting.samples
            if not self._samples[waiting.tenant]:
                del self._samples[waiting.tenant]
            if not waiting.outcome.done():
                batch.append(waiting)
                count += waiting.samples
        if count:
            self._observe(count)
        return batch

    def _outcomes(self, jobs: list[Job]) -> Sequence[Outcome | Exception]:
        try:
            return self._run(jobs) if jobs else []
        except Exception as error:
            return [error for _ in jobs]
