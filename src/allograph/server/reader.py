"""Reads samples for requests: in parts that let other requests in between, after the writer's new corrections are learned."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from starlette.concurrency import run_in_threadpool

from allograph.errors import AllographError
from allograph.readings import Reading, Samples, likeliest
from allograph.server.background_learning import BackgroundLearner
from allograph.server.batcher import SHARED, Batcher
from allograph.server.stages import Stages, note, noted, spending_for, stage
from allograph.writers import Request, Writers
from allograph.writers.live_profile import Snapshot
from allograph.writers.reading import Behind, Ready, answer, run

PATIENCE = 10.0
"""Seconds that a request waits for its writer's corrections to be learned."""


@dataclass
class ReadJob:
    """A request's samples, what the model said of them so far, and their readings once it has said all.

    They wait for all of it because the samples are one another's context: whichever part comes first, none may be read without
    the others.
    """

    request: Request
    count: int | None = None
    """How many of the likeliest labels the response names; None where only the readings are needed."""
    ready: Ready | None = None
    """The request, checked, with the writer's state at its first part; all parts are read with that state."""
    outputs: list[Samples] = field(default_factory=list)
    """What the model said, part by part."""
    readings: list[Reading] = field(default_factory=list)
    asked: int = field(default_factory=time.time_ns)
    """When it began to wait for its turn, in nanoseconds since 1970."""
    stages: Stages | None = field(default_factory=noted)
    """Those of its request, where that is traced."""
    content: list[dict[str, Any]] = field(default_factory=list)
    """The readings as JSON has them, where a number of labels was asked for."""

    @property
    def rows(self) -> int:
        """How many samples the model has read."""
        return sum(map(len, self.outputs))


class Part(NamedTuple):
    """What of a job the model is to read, the context's samples first: from one place to before another."""

    job: ReadJob
    start: int
    stop: int


class Reader:
    """Reads for all requests in one thread, several of them in one call of the model, and learns in other threads.

    `waiting` is how many samples of one tenant may wait; `observe` gets the number of samples of each call of the model.
    """

    def __init__(self, writers: Writers, waiting: int, observe: Callable[[int], None]) -> None:
        self._writers = writers
        self._batcher: Batcher[Part, Behind | None] = Batcher(partial(read_parts, writers), waiting, observe)
        self._learner = BackgroundLearner()
        self._ahead: set[asyncio.Task[None]] = set()

    async def read(self, request: Request) -> list[Reading]:
        """The readings alone; raises as `answer` does."""
        return (await self.answer(request, None)).readings

    async def answer(self, request: Request, count: int | None) -> ReadJob:
        """The readings, and as JSON with the `count` likeliest labels of each.

        Raises the error that the request met, and `BusyError` where too much waits or is to be learned.
        """
        tenant, samples = request.tenant or self._writers.tenant, request.rows
        self._batcher.check_room(tenant, samples)
        until = time.monotonic() + PATIENCE
        while True:
            job = ReadJob(request, count)
            parts = [Part(job, start, min(start + SHARED, samples)) for start in range(0, max(samples, 1), SHARED)]
            outcomes = await asyncio.gather(*[self._batcher.ask(tenant, part, part.stop - part.start) for part in parts])
            behind = next((outcome for outcome in outcomes if outcome), None)
            if behind is None:
                return job
            await self.learn(behind, until)

    async def snapshot(self, tenant: str, name: str) -> Snapshot:
        """What a writer taught, all of the journal learned; raises as `learn` does."""
        live, until = self._writers.of(tenant)[name].live, time.monotonic() + PATIENCE
        while True:
            found = await run_in_threadpool(lambda: live.soon_at(live.store.versions([live.key])[0]))
            if found is not None:
                return found
            await self.learn(Behind(live), until)

    async def learn(self, behind: Behind, until: float) -> None:
        """Learn what a writer is behind with; raises `BusyError` at a time (`time.monotonic`), while that goes on."""
        key = behind.live.key
        await self._learner.finish(key, self._writers.of(key.tenant).catch_up(behind.live), until - time.monotonic())

    def learn_ahead(self, tenant: str, name: str) -> None:
        """Begin to learn what a writer just taught, so that their next reading need not wait for it."""
        task = asyncio.create_task(self._learn_ahead(Behind(self._writers.of(tenant)[name].live)))
        self._ahead.add(task)
        task.add_done_callback(self._ahead.discard)

    async def _learn_ahead(self, behind: Behind) -> None:
        with suppress(AllographError):  # the next reading meets it, and tells
            await self.learn(behind, time.monotonic() + PATIENCE)

    async def close(self) -> None:
        """Finish what is being read; stop learning after the step that is under way."""
        await self._learner.close()
        await asyncio.gather(*self._ahead)
        await self._batcher.close()


def read_parts(writers: Writers, parts: Sequence[Part]) -> list[Behind | Exception | None]:
    """Let the model read all parts, with one query of the store and in one call, and answer the jobs of which it has read all.

    Returns for each part None, the error that its job met, or `Behind` where its writer has more to learn first. Parts of one job
    come in the order of its samples, one after the other.
    """
    jobs = {id(part.job): part.job for part in parts}
    with spending_for(job.stages for job in jobs.values()):
        return _read_jobs(writers, parts, jobs)


def _read_jobs(writers: Writers, parts: Sequence[Part], jobs: dict[int, ReadJob]) -> list[Behind | Exception | None]:
    new = [job for job in jobs.values() if job.ready is None]
    for job in new:
        with spending_for([job.stages]):
            note("queue", job.asked)
    outcomes: dict[int, Behind | Exception | None] = dict.fromkeys(jobs)
    for job, outcome in zip(new, writers.prepare([job.request for job in new], wait=False), strict=True):
        if isinstance(outcome, Ready):
            job.ready = outcome
        else:
            outcomes[id(job)] = outcome
    stops = {id(part.job): part.stop for part in parts}
    reading = [(job, job.ready) for job in jobs.values() if job.ready]
    if reading:
        inputs = [ready.inputs[job.rows : stops[id(job)]] for job, ready in reading]
        with stage("model"):
            read_inputs = run(writers.pipeline.recognizer, inputs)
        for (job, _), outputs in zip(reading, read_inputs, strict=True):
            job.outputs.append(outputs)
    read = [(job, ready) for job, ready in reading if job.rows == len(ready)]
    answered: list[ReadJob] = []
    with stage("adapter"):
        found = answer([ready for _, ready in read], [Samples.join(job.outputs) for job, _ in read])
    for (job, _), readings in zip(read, found, strict=True):
        if isinstance(readings, Exception):
            outcomes[id(job)] = readings
        else:
            job.readings = readings
            answered += [] if job.count is None else [job]
    most = max((job.count or 0 for job in answered), default=0)
    content = iter(readings_json([reading for job in answered for reading in job.readings], most))
    for job in answered:  # made for all at once: one by one it takes several times as long
        for _ in job.readings:
            fields = next(content)
            fields["best"] = fields["best"][: job.count]
            job.content.append(fields)
    return [outcomes[id(part.job)] for part in parts]


def readings_json(readings: Sequence[Reading], count: int) -> list[dict[str, Any]]:
    """Readings as JSON has them, with the `count` likeliest labels of each."""
    if not readings:
        return []
    base = np.concatenate([reading.outputs.logits for reading in readings]).argmax(axis=1).tolist()
    return [
        {
            "id": reading.id,
            "label": reading.label,
            "probability": best[0][1],
            "abstains": best[0][1] < reading.threshold,
            "base": reading.labels[place],
            "personal": reading.personal,
            "best": [{"label": label, "probability": probability} for label, probability in best[:count]],
        }
        for reading, place, best in zip(readings, base, likeliest(readings, max(count, 1)), strict=True)
    ]
