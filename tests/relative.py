"""An adapter for tests of what a method is given: it scores a sample by its size against that of the context."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allograph.adapters import State
from allograph.readings import Corrections, Explanation, Samples, Scores


@dataclass(frozen=True)
class Relative:
    """Scores a sample by its height against the mean height of its context, in which each sample also has a say by its logits."""

    mean: float = 10.0
    say: float = 0.0

    def with_context(self, context: Samples) -> Relative:
        assert context.boxes is not None
        heights = context.boxes.sizes[:, 0]
        return Relative(float(np.nanmean(heights)), float(context.logits[np.isfinite(context.logits)].mean()))

    def scores(self, samples: Samples) -> Scores:
        heights = np.full(len(samples), 10.0) if samples.boxes is None else samples.boxes.sizes[:, 0]
        values = samples.logits.copy()
        values[:, 0] = 5 * np.log(heights / self.mean) + self.say
        return Scores(values, np.zeros(len(samples), np.int8))

    def explain(self, sample: Samples) -> Explanation:
        assert sample.boxes is not None
        height = float(sample.boxes.sizes[0, 0])
        return Explanation("relative", "", f"{height / self.mean:.4f}", {"mean": round(self.mean, 4)})


class RelativeAdapter:
    """An adapter whose model of every writer is `Relative`; it learns nothing."""

    name, version, fingerprint = "relative", 1, "relative"

    def start(self) -> State:
        return State()

    def learn(self, state: State, batch: Corrections) -> State:
        return state

    def fit(self, state: State) -> Relative:
        return Relative()

    def scores(self, state: State, samples: Samples) -> Scores:
        return Relative().scores(samples)

    def explain(self, state: State, sample: Samples) -> Explanation:
        return Relative().explain(sample)
