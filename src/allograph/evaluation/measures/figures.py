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
from allograph.evaluation.protocols.replay import Replayed

BOOTSTRAPS = 10_000
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


def figures(replayed: Sequence[Replayed], seed: int = 0) -> Figures:
    """Pool the answers about all writers; intervals are 95 %, by a bootstrap over writers.

    Raises `InputError` when no writer has a test sample.
    """
    tested = [writer for writer in replayed if len(writer.rows)]
    if not tested:
        raise InputError(NO_TEST_SAMPLE)
    samples = np.array([len(writer.rows) for writer in tested])
    base = np.array([np.count_nonzero(writer.base == writer.true) for writer in tested])
    names = list(replayed[0].methods)
    methods, shares = {}, {}
    for name in names:
        right = np.array([np.count_nonzero(writer.methods[name].labels == writer.true) for writer in tested])
        either = sum(
            int(np.count_nonzero((writer.methods[name].labels == writer.true) | (writer.base == writer.true)))
            for writer in tested
        )
        any_right = [writer.methods[name].any_right for writer in tested]
        known = [part for part in any_right if part is not None]
        gains, cuts = bootstrap(samples, base, right, seed)
        total, errors = int(samples.sum()), int((samples - base).sum())
        methods[name] = MethodFigures(
            accuracy=int(right.sum()) / total,
            gain=int((right - base).sum()) / total,
            gain_ci95=interval(gains),
            error_cut=int((right - base).sum()) / errors if errors else None,
            error_cut_ci95=interval(cuts) if errors else None,
            oracle=either / total,
            oracle_any=sum(int(part.sum()) for part in known) / total if len(known) == len(tested) else None,
            better=int(np.count_nonzero(right > base)),
            equal=int(np.count_nonzero(right == base)),
            worse=int(np.count_nonzero(right < base)),
            seconds=sum(writer.methods[name].seconds for writer in replayed),
        )
        shares[name] = right / samples
    writers = [
        WriterFigures(writer.writer, int(samples[i]), base[i] / samples[i], {name: float(shares[name][i]) for name in names})
        for i, writer in enumerate(tested)
    ]
    return Figures(int(base.sum()) / int(samples.sum()), int(samples.sum()), methods, writers)


def bootstrap(
    samples: NDArray[np.int64], base: NDArray[np.int64], right: NDArray[np.int64], seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gains and error cuts [10,000] of writers drawn with replacement; each writer has its samples and right answers [W]."""
    drawn = _draws(len(samples), seed)
    won = drawn @ (right - base)
    errors = drawn @ (samples - base)
    return won / (drawn @ samples), won / np.maximum(errors, 1)


@lru_cache(maxsize=1)
def _draws(writers: int, seed: int) -> NDArray[np.int64]:
    """How often each writer is drawn [10,000, W]; alike for all methods, so that their figures stay paired."""
    return np.random.default_rng(seed).multinomial(writers, np.full(writers, 1 / writers), BOOTSTRAPS)


def confusions(
    replayed: Sequence[Replayed], alphabet: Alphabet, method: str
) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """How often each (true label, other label) was answered, by the base and by a method."""
    before: Counter[tuple[str, str]] = Counter()
    after: Counter[tuple[str, str]] = Counter()
    for writer in replayed:
        for counter, answers in ((before, writer.base), (after, writer.methods[method].labels)):
            wrong = answers != writer.true
            pairs = zip(writer.true[wrong].tolist(), answers[wrong].tolist(), strict=True)
            counter.update((alphabet[true], alphabet[answer]) for true, answer in pairs)
    return before, after


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """The middle 95 % of bootstrapped values."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
