"""Measures beside accuracy: by label and kind of label, with look-alikes merged, and how well probabilities are calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allograph.alphabet.labels import NAMED, Alphabet
from allograph.evaluation.protocols.answers import WriterAnswers

LOOK_ALIKES = ("cC", "oO0", "sS", "vV", "wW", "xX", "zZ")
"""Labels that many hands write alike; merged, one counts for the other."""
BINS = 15
"""Equal-mass bins of the expected calibration error."""
COVERAGES = tuple(step / 20 for step in range(20, 0, -1))
"""Shares of the samples that are answered, where the risk-coverage curve is noted."""
ABSTENTION = 10
"""One sample in so many, the least sure, is left unanswered."""


@dataclass(frozen=True)
class Quality:
    """How good the answers of the base or of a method are, pooled over all test samples; all shares are fractions."""

    macro: float
    """The mean over labels of each label's accuracy."""
    merged: float
    """Accuracy when look-alikes count as one label."""
    digits: float | None
    """Accuracy on the digits, None where none was tested; likewise the other two."""
    upper: float | None
    lower: float | None
    calibration_error: float | None
    """Expected calibration error over 15 equal-mass bins; None where the answers have no probabilities, likewise the rest."""
    abstaining_cut: float | None
    """Share of the errors that lie in the 10 % least sure answers; None also where there are no errors."""
    risk_coverage: list[tuple[float, float]] | None
    """(share answered, share of these that is wrong), the surest first to be answered."""
    reliability: list[tuple[float, float]] | None
    """(mean probability, accuracy) of each equal-mass bin, the least sure first."""


def qualities(answers: Sequence[WriterAnswers], alphabet: Alphabet) -> dict[str, Quality]:
    """The quality of the base, under the name `base`, and of every method; there is at least one test sample."""
    true = np.concatenate([writer.true for writer in answers])
    base = [writer.base_probabilities for writer in answers]
    by_method = {"base": quality(true, np.concatenate([writer.base for writer in answers]), _concatenated(base), alphabet)}
    for name in answers[0].methods:
        labels = np.concatenate([writer.labels(name) for writer in answers])
        probabilities = [writer.methods[name].probabilities for writer in answers]
        by_method[name] = quality(true, labels, _concatenated(probabilities), alphabet)
    return by_method


def quality(
    true: NDArray[np.int32], answers: NDArray[np.int32], probabilities: NDArray[np.float32] | None, alphabet: Alphabet
) -> Quality:
    """The quality of answers [t], places in the alphabet as the true labels [t] are, with probabilities [t] or without."""
    right = answers == true
    counts = np.bincount(true, minlength=len(alphabet))
    hits = np.bincount(true[right], minlength=len(alphabet))
    merged = merged_places(alphabet)
    kinds = {name: np.isin(true, [i for i, label in enumerate(alphabet) if label in set(NAMED[name])]) for name in _KINDS}
    shares = {name: float(right[kind].mean()) if kind.any() else None for name, kind in kinds.items()}
    bins = None if probabilities is None else reliability(right, probabilities)
    return Quality(
        macro=float((hits[counts > 0] / counts[counts > 0]).mean()),
        merged=float((merged[answers] == merged[true]).mean()),
        **shares,
        calibration_error=None if bins is None else calibration_error(bins),
        abstaining_cut=None if probabilities is None else abstaining_cut(right, probabilities),
        risk_coverage=None if probabilities is None else risk_coverage(right, probabilities),
        reliability=None if bins is None else [(sure, share) for sure, share, _ in bins],
    )


def merged_places(alphabet: Alphabet) -> NDArray[np.int64]:
    """For each label, int [C], the place of the first label that looks like it."""
    places = np.arange(len(alphabet))
    for alike in LOOK_ALIKES:
        members = [i for i, label in enumerate(alphabet) if label in set(alike)]
        places[members] = min(members, default=0)
    return places


def reliability(right: NDArray[np.bool_], probabilities: NDArray[np.float32]) -> list[tuple[float, float, int]]:
    """(mean probability, accuracy, samples) of each of `BINS` bins of equally many answers, the least sure first."""
    sure, shares = _surest_last(right, probabilities)
    parts = zip(np.array_split(sure, BINS), np.array_split(shares, BINS), strict=True)
    return [(float(some.mean()), float(share.mean()), len(some)) for some, share in parts if len(some)]


def calibration_error(bins: Sequence[tuple[float, float, int]]) -> float:
    """The expected calibration error: the mean over all samples of the distance of their bin's probability and accuracy."""
    return sum(count * abs(sure - share) for sure, share, count in bins) / sum(count for _, _, count in bins)


def abstaining_cut(right: NDArray[np.bool_], probabilities: NDArray[np.float32]) -> float | None:
    """The share of all errors that goes when the least sure tenth, rounded down, is left unanswered; None without errors."""
    errors = 1 - _surest_last(right, probabilities)[1]
    total = int(np.count_nonzero(~right))
    return float(errors[: len(errors) // ABSTENTION].sum() / total) if total else None


def risk_coverage(right: NDArray[np.bool_], probabilities: NDArray[np.float32]) -> list[tuple[float, float]]:
    """(share answered, share of these that is wrong) at each of `COVERAGES`, the surest answered first."""
    errors = 1 - _surest_last(right, probabilities)[1][::-1]
    counts = [max(1, round(share * len(errors))) for share in COVERAGES]
    return [(share, float(errors[:count].mean())) for share, count in zip(COVERAGES, counts, strict=True)]


def _surest_last(right: NDArray[np.bool_], probabilities: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Probabilities ascending, and whether each answer was right; equal probabilities share their accuracy, so that the order
    in which the samples came does not matter."""
    values, group, counts = np.unique(probabilities.astype(np.float64), return_inverse=True, return_counts=True)
    shares = np.bincount(group, weights=right) / counts
    return np.repeat(values, counts), np.repeat(shares, counts)


def _concatenated(parts: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    """The parts in one array, or None where one is missing."""
    present = [part for part in parts if part is not None]
    return np.concatenate(present) if present and len(present) == len(parts) else None


_KINDS = ("digits", "upper", "lower")
