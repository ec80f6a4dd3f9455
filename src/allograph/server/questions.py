"""What the model is asked, and how the service tells its answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from allograph.errors import AllographError
from allograph.readings import Reading, likeliest
from allograph.writers import Request, Writers


class Question(NamedTuple):
    """What is to be read."""

    request: Request
    best: int | None = None
    """How many of the likeliest labels are to be told; None where the readings themselves are wanted."""


class Answer(NamedTuple):
    """What was read."""

    readings: list[Reading]
    told: list[dict[str, Any]]
    """As the service tells them; empty where that was not asked for."""


def answers(writers: Writers, questions: Sequence[Question]) -> list[Answer | Exception]:
    """Answer all with one look at the store and one call of the model."""
    found = writers.read_together([question.request for question in questions])
    tell: list[Reading] = []
    for question, readings in zip(questions, found, strict=True):
        if question.best is not None and not isinstance(readings, AllographError):
            tell += readings
    told = iter(_told(tell, max((question.best or 0 for question in questions), default=0)))
    answered: list[Answer | Exception] = []
    for question, readings in zip(questions, found, strict=True):
        if isinstance(readings, AllographError):
            answered.append(readings)
        elif question.best is None:
            answered.append(Answer(readings, []))
        else:
            some = [next(told) for _ in readings]
            for one in some:
                del one["best"][question.best :]
            answered.append(Answer(readings, some))
    return answered


def _told(readings: Sequence[Reading], count: int) -> list[dict[str, Any]]:
    """Readings as the service tells them, with so many of the likeliest labels, at least one."""
    if not readings:
        return []
    base = np.concatenate([reading.samples.logits for reading in readings]).argmax(axis=1).tolist()
    return [
        {
            "id": reading.id,
            "label": reading.label,
            "probability": best[0][1],
            "abstains": best[0][1] < reading.confidence,
            "base": reading.labels[place],
            "personal": reading.personal,
            "best": [{"label": label, "probability": share} for label, share in best],
        }
        for reading, place, best in zip(readings, base, likeliest(readings, max(count, 1)), strict=True)
    ]
