"""Readings that are asked for at the same time share one call of the model."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

from allograph.errors import BusyError
from allograph.server.turns import Turns

TOGETHER = 32
"""Samples that are read together at most: more would not be quicker, and whoever waits for them would wait longer."""
SHARED = 8
"""And so many where several tenants asked lately: each waits for what is under way of another's."""
LATELY = 5.0
"""Seconds."""

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class _Waiting(NamedTuple, Generic[Question, Answer]):
    tenant: str
    question: Question
    samples: int
    answer: asyncio.Future[Answer]


class Batcher(Generic[Question, Answer]):
    """Takes what waits, tenant by tenant in turn, at most `TOGETHER` samples, and answers it in a thread while more gathers.

    Nothing is delayed in the hope of company: a lone question is answered at once. `answers` gives each question its answer or
    the error that it met; what it raises befell all. `waiting` is how many samples of one tenant may wait, and `seen` is told
    how many a batch holds.
    """

    def __init__(
        self,
        answers: Callable[[Sequence[Question]], Sequence[Answer | Exception]],
        waiting: int,
        seen: Callable[[int], None],
    ) -> None:
        self._answers = answers
        self._most = waiting
        self._seen = seen
        self._turns: Turns[_Waiting[Question, Answer]] = Turns()
        self._samples: Counter[str] = Counter()
        self._asked: dict[str, float] = {}
        """When each tenant asked last, of those that asked lately."""
        self._thread = ThreadPoolExecutor(1, "allograph-model")
        self._task: asyncio.Task[None] | None = None

    def check_room(self, tenant: str, samples: int) -> None:
        """Raise `BusyError` where so many of the tenant's samples wait that so many more are too many."""
        waiting = self._samples[tenant]
        if waiting and waiting + samples > self._most:
            raise BusyError(f"{waiting} samples of yours wait to be read already; come again in a moment")

    async def ask(self, tenant: str, question: Question, samples: int) -> Answer:
        """The answer to a question of so many samples, at most `SHARED`."""
        self._asked[tenant] = time.monotonic()
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._turns.put(tenant, _Waiting(tenant, question, samples, future))
        self._samples[tenant] += samples
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await future

    async def close(self) -> None:
        """Wait for what is being answered."""
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def _work(self) -> None:
        """Answer until nothing waits."""
        loop = asyncio.get_running_loop()
        try:
            while self._turns:
                batch = self._next()
                questions = [waiting.question for waiting in batch]
                outcomes = await loop.run_in_executor(self._thread, self._outcomes, questions)
                for waiting, outcome in zip(batch, outcomes, strict=True):
                    if waiting.answer.done():  # its client has gone
                        continue
                    if isinstance(outcome, Exception):
                        waiting.answer.set_exception(outcome)
                    else:
                        waiting.answer.set_result(outcome)
        finally:
            self._task = None

    def _next(self) -> list[_Waiting[Question, Answer]]:
        """What waits, each tenant's oldest in turn, up to one call of the model."""
        batch: list[_Waiting[Question, Answer]] = []
        since = time.monotonic() - LATELY
        self._asked = {tenant: asked for tenant, asked in self._asked.items() if asked > since}
        count, most = 0, TOGETHER if len(self._asked) <= 1 else SHARED
        while self._turns and (not count or count + self._turns.next().samples <= most):
            waiting = self._turns.take()
            self._samples[waiting.tenant] -= waiting.samples
            if not self._samples[waiting.tenant]:
                del self._samples[waiting.tenant]
            if not waiting.answer.done():
                batch.append(waiting)
                count += waiting.samples
        if count:
            self._seen(count)
        return batch

    def _outcomes(self, questions: list[Question]) -> Sequence[Answer | Exception]:
        try:
            return self._answers(questions) if questions else []
        except Exception as error:
            return [error for _ in questions]
