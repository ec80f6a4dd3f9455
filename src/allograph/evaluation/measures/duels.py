"""Method against method: a paired bootstrap over writers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from allograph.evaluation.measures.figures import bootstrap, interval
from allograph.evaluation.protocols.replay import Replayed


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


def duels(replayed: Sequence[Replayed], seed: int = 0) -> list[Duel]:
    """Every method against every other that has fewer right answers, or as many and comes later; the best method first."""
    tested = [writer for writer in replayed if len(writer.rows)]
    samples = np.array([len(writer.rows) for writer in tested])
    right = {
        name: np.array([np.count_nonzero(writer.methods[name].labels == writer.true) for writer in tested])
        for name in replayed[0].methods
    }
    found = []
    for name, rival in combinations(sorted(right, key=lambda name: -right[name].sum()), 2):
        gains, cuts = bootstrap(samples, right[rival], right[name], seed)
        won, errors = int((right[name] - right[rival]).sum()), int((samples - right[rival]).sum())
        found.append(
            Duel(
                name, rival, won / int(samples.sum()), interval(gains),
                won / errors if errors else None, interval(cuts) if errors else None,
            )
        )  # fmt: skip
    return found
