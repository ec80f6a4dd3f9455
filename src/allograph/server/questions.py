"""What the model is asked, and how the service tells its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from allograph.readings import Reading, likeliest
from allograph.writers import Request, Writers
from allograph.writers.reading import Behind, Ready, read


@dataclass
class Question:
    """What a writer's request wants read: part by part, all parts with what the first was read with."""

    request: Request
    best: int | None = None
    """How many of the likeliest labels are to be told; None where the readings themselves are wanted."""
    ready: Ready | None = None
    """What was asked, checked, with what the writer taught; None until the first part is read."""


class Part(NamedTuple):
    """Some samples of a question: from one place to before another."""

    question: Question
    start: int
    stop: int


class Answer(NamedTuple):
    """What was read of a part."""

    readings: list[Reading]
    told: list[dict[str, Any]]
    """As the service tells them; empty where that was not asked for."""


def answers(writers: Writers, parts: Sequence[Part]) -> list[Answer | Behind | Exception]:
    """Answer all with one look at the store and one call of the model; who has much to learn first is `Behind`."""
    outcomes: list[Answer | Behind | Exception | None] = [None] * len(parts)
    new = {id(part.question): part.question for part in parts if part.question.ready is None}
    prepared = dict(zip(new, writers.prepare([question.request for question in new.values()], wait=False), strict=True))
    for i, part in enumerate(parts):
        found_out = prepared.get(id(part.question))
        if isinstance(found_out, Ready):
            part.question.ready = found_out
        else:
            outcomes[i] = found_out
    asked = [i for i, outcome in enumerate(outcomes) if outcome is None]
    found = read([ready.part(parts[i].start, parts[i].stop) for i in asked if (ready := parts[i].question.ready)])
    told = iter(_told([(parts[i].question.best, one) for i, one in zip(asked, found, strict=True) if isinstance(one, list)]))
    for i, readings in zip(asked, found, strict=True):
        outcomes[i] = Answer(readings, next(told)) if isinstance(readings, list) else readings
    return [outcome for outcome in outcomes if outcome is not None]


def _told(found: Sequence[tuple[int | None, list[Reading]]]) -> list[list[dict[str, Any]]]:
    """Readings as the service tells them, each with as many of the likeliest labels as were asked for."""
    readings = [reading for best, some in found if best is not None for reading in some]
    most = max((best or 0 for best, _ in found), default=0)
    told = iter(_described(readings, max(most, 1)))
    answered = []
    for best, some in found:
        told_of_it = [next(told) for _ in some] if best is not None else []
        for one in told_of_it:
            del one["best"][best:]
        answered.append(told_of_it)
    return answered


def _described(readings: Sequence[Reading], count: int) -> list[dict[str, Any]]:
    """Readings as JSON tells them, with `count` of the likeliest labels."""
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
            "best": [{"label": label, "probability": share} for label, share in best],
        }
        for reading, place, best in zip(readings, base, likeliest(readings, count), strict=True)
    ]
