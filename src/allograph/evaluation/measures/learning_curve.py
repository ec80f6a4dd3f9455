"""The share of the base's errors on a label that is left after so many corrections of that label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from allograph.evaluation.measures.earlier_samples import earlier_samples
from allograph.evaluation.protocols.answers import WriterAnswers

STEPS = (0, 1, 2, 3, 5, 10, 30)
"""Where each range of corrections of a label begins; the last range has no end."""
OTHERS = 30
"""Corrections of other labels after which a label that was never corrected is counted."""


def learning_curve(answers: Sequence[WriterAnswers], method: str) -> tuple[tuple[int, float], ...]:
    """For each of `STEPS`, (corrections of a label, the method's errors on it divided by the base's), never rising.

    A pair counts the samples whose label was corrected at least so often, and less often than the next pair says, before they
    were answered; all writers together. The pair of 0 corrections counts only samples before which the writer corrected `OTHERS`
    samples of other labels: it exceeds 1 where a method takes a label for one that it was taught. The answers are those of
    `Sequential(feedback="all")`. Where samples are so few that a later ratio exceeds an earlier one, both become that of their
    samples together (isotonic regression, weighted by the base's errors); a range without an error of the base has the ratio of
    the range before it, 1 where there is none.
    """
    method_errors, base_errors = np.zeros(len(STEPS)), np.zeros(len(STEPS))
    for writer in answers:
        of_label, of_all = earlier_samples(writer)
        kept = (of_label > 0) | (of_all >= OTHERS)
        step = np.searchsorted(STEPS, of_label, side="right") - 1
        for errors, name in ((method_errors, method), (base_errors, None)):
            errors += np.bincount(step[kept & ~writer.right(name)], minlength=len(STEPS))
    ratios = falling_ratios(method_errors, base_errors)
    return tuple(zip(STEPS, ratios, strict=True))


def falling_ratios(numerators: NDArray[np.float64], denominators: NDArray[np.float64]) -> list[float]:
    """The ratios [n], neighbours that rise pooled until none does.

    >>> falling_ratios(np.array([12.0, 3, 5, 0, 1]), np.array([10.0, 10, 10, 0, 10]))
    [1.2, 0.4, 0.4, 0.4, 0.1]
    """
    blocks: list[tuple[float, float, int]] = []
    for over, under in zip(numerators.tolist(), denominators.tolist(), strict=True):
        block = (over, under, 1)
        while blocks and block[0] * blocks[-1][1] >= blocks[-1][0] * block[1]:  # without a division: any may be 0
            last = blocks.pop()
            block = (last[0] + block[0], last[1] + block[1], last[2] + block[2])
        blocks.append(block)
    return [over / under if under else 1.0 for over, under, count in blocks for _ in range(count)]
