"""Reading, as an operation asks for it: in parts that let others in between, once what the writer taught is learned."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

from allograph.server.batcher import SHARED, Batcher
from allograph.server.learner import Learner
from allograph.server.questions import Answer, Part, Question, answers
from allograph.writers import Request, Writers
from allograph.writers.reading import Behind

PATIENCE = 10.0
"""Seconds that a request waits for its writer's corrections to be learned."""


class Reader:
    """The model's thread and the learner's, asked from the event loop.

    `waiting` is how many samples of one tenant may wait, and `seen` is told how many a call of the model holds.
    """

    def __init__(self, writers: Writers, waiting: int, seen: Callable[[int], None]) -> None:
        self._writers = writers
        self._batcher: Batcher[Part, Answer | Behind] = Batcher(partial(answers, writers), waiting, seen)
        self._learner = Learner()

    async def read(self, request: Request, best: int | None = None) -> Answer:
        """What was read; raises the error that the request met, and `BusyError` where too much waits or is to be learned."""
        tenant, count = request.tenant or self._writers.tenant, len(request)
        self._batcher.check_room(tenant, count)
        question = Question(request, best)
        parts = [Part(question, start, min(start + SHARED, count)) for start in range(0, max(count, 1), SHARED)]
        until = time.monotonic() + PATIENCE
        while True:
            found = await asyncio.gather(*(self._batcher.ask(tenant, part, part.stop - part.start) for part in parts))
            behind = next((answer for answer in found if isinstance(answer, Behind)), None)
            if behind is None:
                answers = [answer for answer in found if isinstance(answer, Answer)]
                readings = [reading for answer in answers for reading in answer.readings]
                return Answer(readings, [told for answer in answers for told in answer.told])
            steps = self._writers.of(tenant).catch_up(behind.live)
            await self._learner.finish(behind.live.key, steps, until - time.monotonic())
            question.ready = None

    async def close(self) -> None:
        """Finish what is being read, leave off what is being learned."""
        await self._learner.close()
        await self._batcher.close()
