"""Reading, as an operation asks for it: in parts that let others in between, once what the writer taught is learned."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

from allograph.server.batcher import TOGETHER, Batcher
from allograph.server.learner import Learner
from allograph.server.questions import Answer, Part, Question, answers
from allograph.together import Behind
from allograph.writers import Request, Writers

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
        tenant, count = request.tenant or self._writers.tenant, len(request.images)
        self._batcher.check_room(tenant, count)
        question = Question(request, best)
        parts = [Part(question, start, min(start + TOGETHER, count)) for start in range(0, max(count, 1), TOGETHER)]
        first = await self._first(tenant, parts[0])
        if len(parts) == 1:
            return first
        found = [first]
        for answer in await asyncio.gather(*(self._ask(tenant, part) for part in parts[1:])):
            assert isinstance(answer, Answer)
            found.append(answer)
        return Answer([one for answer in found for one in answer.readings], [one for answer in found for one in answer.told])

    async def close(self) -> None:
        """Finish what is being read, leave off what is being learned."""
        await self._learner.close()
        await self._batcher.close()

    async def _first(self, tenant: str, part: Part) -> Answer:
        """The answer to the first part, with what the writer taught learned before."""
        until = time.monotonic() + PATIENCE
        while True:
            answer = await self._ask(tenant, part)
            if isinstance(answer, Answer):
                return answer
            key, steps = answer.follower.key, self._writers.of(tenant).catch_up(answer.follower)
            await self._learner.finish(key, steps, until - time.monotonic())

    async def _ask(self, tenant: str, part: Part) -> Answer | Behind:
        return await self._batcher.ask(tenant, part, part.stop - part.start)
