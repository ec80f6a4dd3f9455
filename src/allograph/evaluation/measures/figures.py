"""Figures from answers: accuracy, gain, error cut, oracles, intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from allograph.alphabet.labels import Alphabet
from allograph.errors import InputError
from allograph.evaluation.protocols.answers import WriterAnswers

BOOTSTRAPS = 10_000
DRAWN = 100
"""Bootstraps that are drawn together, so that few large numbers are in memory."""
NO_TEST_SAMPLE = "there is no test sample: every writer has too few samples of each label; learn from a smaller share"


@dataclass(frozen=True)
class WriterFigures:
    """One writer's test samples, summed over resamples."""

    id: str
    samples: int
    base: float
    """Accuracy of the base classifier."""
    methods: Mapping[str, float]
    """Accuracy of each method."""


@dataclass(frozen=True)
class MethodFigures:
    """One method's figures, pooled over all test samples."""

    accuracy: float
    gain: float
    gain_ci95: tuple[float, float]
    error_cut: float | None
    """None where the base makes no errors."""
    error_cut_ci95: tuple[float, float] | None
    oracle: float
    """Share of samples where the base or the method's answer is right."""
    oracle_any: float | None
    """Share where the base or any of the method's answerers is right; None where it has but one."""
    better: int
    equal: int
    worse: int
    seconds: float


@dataclass(frozen=True)
class Figures:
    """All figures of one run."""

    base: float
    samples: int
    methods: Mapping[str, MethodFigures]
    writers: Sequence[WriterFigures]
    boxed: int | None = None
    """How many of the samples have a box; None where no writer has any."""

    @property
    def best_method(self) -> str:
        """The method with the most right answers; headlines are about it."""
        return max(self.methods, key=lambda method: self.methods[method].accuracy)


@dataclass(frozen=True)
class RightCounts:
    """How many answers are right, for each writer who has a test sample: each array [W]."""

    samples: NDArray[np.int64]
    base: NDArray[np.int64]
    methods: Mapping[str, NDArray[np.int64]]


def right_counts(answers: Sequence[WriterAnswers]) -> RightCounts:
    """Count the right answers; raises `InputError` where no writer has a test sample."""
    tested = [writer for writer in answers if len(writer)]
    if not tested:
        raise InputError(NO_TEST_SAMPLE)

    def count(method: str | None = None) -> NDArray[np.int64]:
        return np.array([np.count_nonzero(writer.right(method)) for writer in tested])

    return RightCounts(np.array([len(writer) for writer in tested]), count(), {name: count(name) for name in tested[0].methods})


def figures(answers: Sequence[WriterAnswers], seed: int = 0) -> Figures:
    """Pool the answers about all writers; intervals are 95 %, by a bootstrap over writers.

    Raises `InputError` when no writer has a test sample.
    """
    counts = right_counts(answers)
    tested = [writer for writer in answers if len(writer)]
    samples, base, total = counts.samples, counts.base, int(counts.samples.sum())
    shares = {name: right / samples for name, right in counts.methods.items()}
    writers = [
        WriterFigures(writer.writer, int(samples[i]), base[i] / samples[i], {name: float(shares[name][i]) for name in shares})
        for i, writer in enumerate(tested)
    ]
    methods = {name: _method_figures(name, tested, counts, seed) for name in counts.methods}
    boxed = [writer.boxed for writer in tested if writer.boxed is not None]
    return Figures(int(base.sum()) / total, total, methods, writers, sum(int(one.sum()) for one in boxed) if boxed else None)


def _method_figures(name: str, tested: Sequence[WriterAnswers], counts: RightCounts, seed: int) -> MethodFigures:
    samples, base, right = counts.samples, counts.base, counts.methods[name]
    either = sum(int(np.count_nonzero(writer.right(name) | writer.right())) for writer in tested)
    any_right = [part for writer in tested if (part := writer.methods[name].any_right) is not None]
    gains, cuts = bootstrap(samples, base, right, seed)
    total, errors = int(samples.sum()), int((samples - base).sum())
    return MethodFigures(
        accuracy=int(right.sum()) / total,
        gain=int((right - base).sum()) / total,
        gain_ci95=interval(gains),
        error_cut=int((right - base).sum()) / errors if errors else None,
        error_cut_ci95=interval(cuts) if errors else None,
        oracle=either / total,
        oracle_any=sum(int(part.sum()) for part in any_right) / total if len(any_right) == len(tested) else None,
        better=int(np.count_nonzero(right > base)),
        equal=int(np.count_nonzero(right == base)),
        worse=int(np.count_nonzero(right < base)),
        seconds=sum(writer.methods[name].seconds for writer in tested),
    )


def bootstrap(
    samples: NDArray[np.int64], base: NDArray[np.int64], right: NDArray[np.int64], seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gains and error cuts [10,000] of writers drawn with replacement; each writer has its samples and right answers [W]."""
    counts = np.stack([right - base, samples - base, samples], axis=1)
    drawn = [times.astype(np.int64) @ counts for times in _draws(len(samples), seed)]
    won, errors, total = np.concatenate(drawn).T
    return won / total, won / np.maximum(errors, 1)


@lru_cache(maxsize=1)
def _draws(writers: int, seed: int) -> list[NDArray[np.uint16]]:
    """How often each writer is drawn [10,000, W], in parts; alike for all methods, so that their figures stay paired.

    Of more than 65,535 writers none is drawn so often.
    """
    random, share = np.random.default_rng(seed), np.full(writers, 1 / writers)
    return [random.multinomial(writers, share, DRAWN).astype(np.uint16) for _ in range(BOOTSTRAPS // DRAWN)]


def confusions(answers: Sequence[WriterAnswers], alphabet: Alphabet, method: str | None = None) -> Counter[tuple[str, str]]:
    """How often a method, or the base, answered each wrong label: by (true label, answer)."""
    counter: Counter[tuple[str, str]] = Counter()
    for writer in answers:
        wrong = ~writer.right(method)
        pairs = zip(writer.true[wrong].tolist(), writer.labels(method)[wrong].tolist(), strict=True)
        counter.update((alphabet[true], alphabet[answer]) for true, answer in pairs)
    return counter


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """The middle 95 % of bootstrapped values."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
