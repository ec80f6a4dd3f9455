"""A method that knows shapes alone, with the factor of size added to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from allograph.adapters.memory_based import FittedMemory, MemoryBased
from allograph.adapters.size import WriterSizes
from allograph.adapters.size_packing import pack_sizes, unpack_sizes
from allograph.adapters.size_statistics import SizeStatistics
from allograph.adapters.state import State
from allograph.adapters.tunable_adapter import base_log_probabilities
from allograph.adapters.validity import repair_logits
from allograph.readings import Corrections, Explanation, Samples, Scores

SUFFIX = "+size"


@dataclass(frozen=True)
class WithSize:
    """Another method's log-probabilities, with the log-likelihood of each label by size and place added (`WriterSizes`)."""

    method: MemoryBased
    sizes: SizeStatistics

    @property
    def name(self) -> str:
        """The method's, with what was added."""
        return self.method.name + SUFFIX

    @property
    def version(self) -> int:
        """The method's, and this one's."""
        return 100 + self.method.version

    @property
    def window(self) -> int | None:
        """The method's."""
        return self.method.window

    def start(self) -> State:
        """As the method's."""
        return self.method.start()

    def learn(self, state: State, batch: Corrections) -> State:
        """The method's state, with the sizes of the samples in it."""
        if not len(batch):
            return state
        learned, old = self.method.learn(state, batch), len(state.arrays["labels"])
        sizes = pack_sizes(state.arrays, old, batch.boxes, len(batch), self.method.newest)
        return State(learned.labels, {**learned.arrays, **sizes})

    def fit(self, state: State) -> FittedWithSize:
        """The method's model, and what is known of the writer's sizes."""
        statistics = self.sizes.with_own_labels(len(state.labels))
        sizes = WriterSizes.of(statistics, unpack_sizes(state.arrays, state.arrays["labels"]))
        return FittedWithSize(self.method.fit(state), sizes)

    def scores(self, state: State, samples: Samples) -> Scores:
        """The method's log-probabilities with the factor."""
        return self.fit(state).scores(samples)

    def explain(self, state: State, sample: Samples) -> Explanation:
        """As the method explains it, with the size."""
        return self.fit(state).explain(sample)


@dataclass(frozen=True, eq=False)
class FittedWithSize:
    """A method's model of one writer, and the writer's sizes."""

    fitted: FittedMemory
    sizes: WriterSizes

    def with_context(self, context: Samples) -> FittedWithSize:
        """The same beside other samples of the writer, which tell how large the writer writes."""
        if context.boxes is None:
            return self
        logs = base_log_probabilities(repair_logits(context.logits), len(self.fitted.state.labels))
        return replace(self, sizes=self.sizes.beside(context.boxes, logs))

    def scores(self, samples: Samples) -> Scores:
        """The sum of both, up to a constant a sample."""
        scores = self.fitted.scores(samples)
        if samples.boxes is None:
            return scores
        likelihood = self.sizes.log_likelihood(samples.boxes.sizes, samples.boxes.scales)
        if likelihood is None:
            return scores
        values = scores.log_probabilities + likelihood
        base = repair_logits(samples.logits).argmax(axis=1)
        return Scores(values, (values.argmax(axis=1) != base).astype(np.int8))

    def explain(self, sample: Samples) -> Explanation:
        """The method's explanation of the answer, and how the sample's height compares with the writer's."""
        explanation, scores = self.fitted.explain(sample), self.scores(sample)
        names = [*self.fitted.method.alphabet, *self.fitted.state.labels]
        answer, base = int(scores.answers[0]), int(repair_logits(sample.logits)[0].argmax())
        size = self.sizes.explain(sample.boxes, names, (answer, base))
        evidence = explanation.evidence | {"answer": names[answer]} | ({"size": size.evidence} if size else {})
        answerer = self.fitted.method.name + SUFFIX if scores.answerers[0] else "base"
        return Explanation(answerer, explanation.base, explanation.text + (f" {size.text}" if size else ""), evidence)
