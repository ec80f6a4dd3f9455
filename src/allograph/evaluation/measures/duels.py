"""Method against method: a paired bootstrap over writers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from allograph.evaluation.measures.figures import RightCounts, bootstrap, interval, right_counts
from allograph.evaluation.protocols.answers import WriterAnswers


@dataclass(frozen=True)
class Duel:
    """One method against another on the same test samples; above zero the first is better."""

    method: str
    rival: str
    difference: float
    """Accuracy of the method less that of its rival."""
    difference_ci95: tuple[float, float]
    error_cut: float | None
    """Share of the rival's errors that the method does not make; None where the rival makes none."""
    error_cut_ci95: tuple[float, float] | None


def duels(answers: Sequence[WriterAnswers], seed: int = 0) -> list[Duel]:
    """Every method against every other that has fewer right answers, or as many and comes later; the best method first."""
    counts = right_counts(answers)
    pairs = combinations(sorted(counts.methods, key=lambda name: -counts.methods[name].sum()), 2)
    return [_duel(name, rival, counts, seed) for name, rival in pairs]


def _duel(name: str, rival: str, counts: RightCounts, seed: int) -> Duel:
    samples, right, other = counts.samples, counts.methods[name], counts.methods[rival]
    gains, cuts = bootstrap(samples, other, right, seed)
    lead, errors = int((right - other).sum()), int((samples - other).sum())
    return Duel(
        method=name,
        rival=rival,
        difference=lead / int(samples.sum()),
        difference_ci95=interval(gains),
        error_cut=lead / errors if errors else None,
        error_cut_ci95=interval(cuts) if errors else None,
    )
