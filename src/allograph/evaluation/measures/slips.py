"""Wrong corrections: how well doubt finds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from allograph.evaluation.protocols.answers import WriterAnswers

DOUBTFUL = 0.5
"""A correction is doubtful where it is more probably a slip than not."""


@dataclass(frozen=True)
class SlipFigures:
    """How well the doubt of one method tells wrong corrections from right ones; shares are fractions."""

    corrections: int
    """How many were looked at."""
    wrong: int
    """How many of them were wrong."""
    doubted: int
    """How many were doubtful."""
    precision: float | None
    """The share of the doubtful ones that are wrong; None where none is doubtful."""
    recall: float | None
    """The share of the wrong ones that are doubtful; None where none is wrong."""


def slip_figures(answers: Sequence[WriterAnswers]) -> dict[str, SlipFigures]:
    """The figures of every method that was taught wrong labels."""
    found = {}
    for name in answers[0].methods:
        doubts = [one for writer in answers if (one := writer.methods[name].doubts) is not None]
        if not doubts:
            continue
        wrong = np.concatenate([one.wrong for one in doubts])
        doubted = np.concatenate([one.values for one in doubts]) > DOUBTFUL
        both = int(np.count_nonzero(wrong & doubted))
        counts = len(wrong), int(wrong.sum()), int(doubted.sum())
        found[name] = SlipFigures(*counts, both / counts[2] if counts[2] else None, both / counts[1] if counts[1] else None)
    return found
