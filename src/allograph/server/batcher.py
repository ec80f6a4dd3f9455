"""Readings that are asked for at the same time share one call of the model."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from allograph.errors import StorageError

TOGETHER = 32
"""Samples that are read together at most: more would not be quicker, and whoever waits for them would wait longer."""

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Batcher(Generic[Question, Answer]):
    """Takes what waits, at most `TOGETHER` samples, and answers it in a thread while the next batch gathers.

    Nothing is delayed in the hope of company: a lone question is answered at once. `answers` gives each question its answer or
    the error that it met; what it raises befell all. `waiting` is how many samples may wait, and `seen` is told how many a
    batch holds.
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
        self._queue: deque[tuple[int, Question, asyncio.Future[Answer]]] = deque()
        self._samples = 0
        self._thread = ThreadPoolExecutor(1, "allograph-model")
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: Question, samples: int) -> Answer:
        """The answer to a question of so many samples; raises `StorageError` where too much waits already."""
        if self._queue and self._samples + samples > self._most:
            raise StorageError(f"{self._samples} samples wait to be read already; come again in a moment")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.append((samples, question, future))
        self._samples += samples
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
            while self._queue:
                questions, futures = self._next()
                outcomes = await loop.run_in_executor(self._thread, self._outcomes, questions)
                for future, outcome in zip(futures, outcomes, strict=True):
                    if future.done():  # its client has gone
                        continue
                    if isinstance(outcome, Exception):
                        future.set_exception(outcome)
                    else:
                        future.set_result(outcome)
        finally:
            self._task = None

    def _next(self) -> tuple[list[Question], list[asyncio.Future[Answer]]]:
        """What waits, the oldest first, up to one call of the model; a larger question comes alone."""
        questions: list[Question] = []
        futures: list[asyncio.Future[Answer]] = []
        count = 0
        while self._queue and (not count or count + self._queue[0][0] <= TOGETHER):
            samples, question, future = self._queue.popleft()
            self._samples -= samples
            if not future.done():
                questions.append(question)
                futures.append(future)
                count += samples
        if count:
            self._seen(count)
        return questions, futures

    def _outcomes(self, questions: list[Question]) -> Sequence[Answer | Exception]:
        try:
            return self._answers(questions) if questions else []
        except Exception as error:
            return [error for _ in questions]
