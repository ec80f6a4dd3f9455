"""The answers that a replay gives: of the base and of every method, to each test sample of a writer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allograph.samples.equality import by_content


@by_content
@dataclass(frozen=True, eq=False)
class Doubts:
    """A method's doubt of the corrections of one writer, in the order in which they were learned."""

    values: NDArray[np.float64]
    """[a] the probability, 0…1, that the correction is a slip."""
    wrong: NDArray[np.bool_]
    """[a] whether it is wrong indeed."""

    def __len__(self) -> int:
        return len(self.values)


@by_content
@dataclass(frozen=True, eq=False)
class MethodAnswers:
    """One method's answers to the test samples of a writer, all trials one after the other; its `len` is their number."""

    labels: NDArray[np.int32]
    """[t] places in the alphabet."""
    any_right: NDArray[np.bool_] | None
    """[t] whether the base or any of the method's answerers was right; None where the method has one answerer."""
    seconds: float
    """Time to adapt and to answer."""
    probabilities: NDArray[np.float32] | None = None
    """[t] the answer's probability; None where the method gives none."""
    corrections: NDArray[np.int64] | None = None
    """[t] how many corrections the method had learned before each answer."""
    doubts: Doubts | None = None
    """Of the corrections of the first resample; None unless some were wrong on purpose."""

    def __len__(self) -> int:
        return len(self.labels)


@by_content
@dataclass(frozen=True, eq=False)
class WriterAnswers:
    """The answers to the test samples of one writer, all trials one after the other; its `len` is their number."""

    writer: str
    rows: NDArray[np.int64]
    """[t] places among the writer's samples."""
    true: NDArray[np.int32]
    """[t] places in the alphabet."""
    base: NDArray[np.int32]
    """[t] the base classifier's answers."""
    methods: Mapping[str, MethodAnswers]
    base_probabilities: NDArray[np.float32] | None = None
    """[t] the probability that the base gives its answer."""
    boxed: NDArray[np.bool_] | None = None
    """[t] which samples have a box; None where none has."""

    def __len__(self) -> int:
        return len(self.rows)

    def labels(self, method: str | None = None) -> NDArray[np.int32]:
        """The answers of a method, or of the base, as places in the alphabet [t]."""
        return self.base if method is None else self.methods[method].labels

    def right(self, method: str | None = None) -> NDArray[np.bool_]:
        """Which answers of a method, or of the base, are right: bool [t]."""
        return self.labels(method) == self.true
