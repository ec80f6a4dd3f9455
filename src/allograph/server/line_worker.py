"""Reads lines for requests, one at a time, while single samples are read in another thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from allograph.lines import Line, LineCharacter, LineInk
from allograph.profiles.journal import Version
from allograph.readings import likeliest
from allograph.server.fair_pool import FairPool
from allograph.server.reader import PATIENCE, Reader
from allograph.server.stages import Stages, note, noted, spending_for, stage
from allograph.writers.line_reading import read_line
from allograph.writers.reading import Alphabets, Behind
from allograph.writers.writer import Writer
from allograph.writers.writers import Writers

Answer = TypeVar("Answer")


@dataclass(frozen=True, eq=False)
class LineTask:
    """A line of one writer that is to be read."""

    name: str
    """The writer's."""
    ink: LineInk
    alphabet: Alphabets | None = None
    threshold: float = 0.0
    id: str | None = None
    words: Sequence[str] | None = None
    """Likely ones."""
    is_taught: bool = False
    """Whether it is to be learned: then what was known before it counts, so that the same request again says the same."""


class ReadLine(NamedTuple):
    """A line that was read."""

    line: Line
    version: Version | None
    """Of the writer's profile, as far as it was learned."""

    @property
    def head(self) -> int:
        """How far the writer's journal went."""
        return self.version.head if self.version else 0


class LineWorker:
    """Reads lines in one thread of low priority, tenants in turn; what a writer is behind with is learned in other threads.

    A line is a hundred samples and a search in Python. One thread keeps it out of the way of single readings, which have a thread
    and calls of the model of their own, whatever is asked for at a time.
    """

    def __init__(self, writers: Writers, reader: Reader) -> None:
        self._writers = writers
        self._reader = reader
        self._pool = FairPool(1, PATIENCE, "allograph-lines")

    async def read(self, tenant: str, task: LineTask, answer: Callable[[ReadLine], Answer]) -> Answer:
        """What `answer`, called in that thread, makes of the line.

        Raises the error that reading it met, and `BusyError` where too much waits or is to be learned.
        """
        writer, until = self._writers.of(tenant)[task.name], time.monotonic() + PATIENCE
        while True:
            found = await self._pool.run(tenant, _read_noted, noted(), time.time_ns(), writer, task, answer)
            if not isinstance(found, Behind):
                return found
            await self._reader.learn(found, until)


def _read_noted(
    stages: Stages | None, asked: int, writer: Writer, task: LineTask, answer: Callable[[ReadLine], Answer]
) -> Answer | Behind:
    """Read a line as `_read` does, with its time in the trace of its request."""
    with spending_for([stages]):
        note("queue", asked)
        with stage("line"):
            return _read(writer, task, answer)


def _read(writer: Writer, task: LineTask, answer: Callable[[ReadLine], Answer]) -> Answer | Behind:
    """Read a line, unless more than a reading may learn is new in the writer's journal."""
    live = writer.live
    snapshot = live.soon_at(live.store.versions([live.key])[0])
    if snapshot is None:
        return Behind(live)
    known = live.before(task.id, snapshot) if task.is_taught and task.id else snapshot
    line = read_line(live, task.ink, task.alphabet, task.threshold, task.id, writer.shadow, known, task.words)
    return answer(ReadLine(line, snapshot.version))


def line_json(line: Line, count: int) -> dict[str, Any]:
    """A line as JSON has it, with the `count` likeliest texts, and labels of each character."""
    best = likeliest(line.characters, max(count, 1))
    return {
        "id": line.id,
        "text": line.text,
        "probability": line.probability,
        "best": [{"text": text, "probability": probability} for text, probability in line.best(count)],
        "joined": line.joined,
        "unsure": line.unsure,
        "characters": [_character_json(one, some, count) for one, some in zip(line.characters, best, strict=True)],
    }


def _character_json(one: LineCharacter, best: list[tuple[str, float]], count: int) -> dict[str, Any]:
    return {
        "label": one.label,
        "probability": best[0][1],
        "sureness": one.sureness,
        "abstains": one.abstains,
        "base": one.base,
        "personal": one.personal,
        "best": [{"label": label, "probability": probability} for label, probability in best[:count]],
        "pieces": one.pieces,
        "row": one.row,
        "space_before": one.space_before,
    }
