"""How large writers write each label, where it stands on its line, and how much writers differ: what sizes are judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.bundle import Bundle
from allograph.samples.box import Boxes
from allograph.samples.equality import by_content

Floats = NDArray[np.float64]
PREFIX = "size/"
NUMBERS = ("height", "diagonal", "ascent", "descent")
"""What is judged of a box: the logarithms of two lengths, and its top and bottom against the baseline, in the writer's scale."""
LENGTHS = 2
"""How many of them are logarithms of lengths."""
OFFSET = 0.3
"""Millimetres added to a length before its logarithm is taken: a dot has none."""
TYPICAL = 5.0
"""The typical height of a character in millimetres: what a scale without millimetres is brought to."""
FEW_WRITERS = 8
"""With fewer writers who have boxes there are no statistics."""
MOST_WRITERS = 500
"""Statistics are of so many writers at most."""
LARGEST_ALPHABET = 256
"""With more labels, that deviations of one writer go together is left out: their covariance would be too large a matrix."""
FARTHEST = 2.5
"""A logarithm of a length this far from its writer's median is no character's."""
ROUNDS = 15
"""Rounds of expectation and maximization."""
INDEPENDENT_ROUNDS = 60
"""The same where deviations are independent: each costs little, and they come nearer more slowly."""
LEAST_VARIANCE = 1e-6
"""Where writers, or their labels, do not differ."""
PRIOR_WRITERS = 20.0
"""Writers that the simple covariance, the same for all labels, counts for."""
PRIOR_SAMPLES = 10.0
"""Samples that the variance within, the same for all labels, counts for."""
UNKNOWN_SCALE = 0.05
"""The variance of the logarithm of writers' scales where no unit is known to measure it in."""


@by_content
@dataclass(frozen=True, eq=False)
class SizeStatistics:
    """Of each of k of the `NUMBERS`, a sample of label c by writer w on a device is m_c + b + d_wc + e.

    b is the scale of the writer's hand on that device, d the writer's own way with the label.
    """

    means: Floats
    """[k, C] m"""
    scale: Floats
    """[k] the variance of b between writers; 0 for what is measured in the writer's scale."""
    deviation: Floats
    """[k] the variance of d, the same for all labels."""
    covariance: Floats
    """[k, C, C] that of the d of all labels; [k, 0, 0] for a large alphabet, where d are taken to be independent."""
    within: Floats
    """[k, C] the variance of e."""
    writers: int = 0
    """How many writers they are of."""
    samples: int = 0

    def __len__(self) -> int:
        return len(self.means)

    @classmethod
    def of(cls, bundle: Bundle) -> SizeStatistics | None:
        """Read them from a bundle; None where it has none."""
        return cls.read(bundle.statistics)

    @classmethod
    def read(cls, arrays: Mapping[str, NDArray[Any]]) -> SizeStatistics | None:
        """The same from what `arrays` gave."""
        if PREFIX + "means" not in arrays:
            return None
        known = {field.name: arrays[PREFIX + field.name].astype(np.float64) for field in fields(cls)[:5]}
        writers, samples = arrays[PREFIX + "counts"].tolist()
        return cls(**known, writers=writers, samples=samples)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a bundle's statistics, the largest in half precision."""
        arrays: dict[str, NDArray[Any]] = {
            PREFIX + field.name: getattr(self, field.name).astype(np.float32) for field in fields(self)[:5]
        }
        arrays[PREFIX + "covariance"] = arrays[PREFIX + "covariance"].astype(np.float16)
        return {**arrays, PREFIX + "counts": np.array([self.writers, self.samples], np.int64)}

    def summary(self, labels: Sequence[str]) -> dict[str, Any]:
        """What a person wants to know of them: of how many writers they are, and the usual height of each label [C]."""
        heights = np.exp(self.means[0]) - OFFSET
        return {
            "writers": self.writers,
            "samples": self.samples,
            "numbers": list(NUMBERS[: len(self)]),
            "usual height, mm": {label: round(float(height), 1) for label, height in zip(labels, heights, strict=True)},
            "spread of a hand's scale": round(float(np.sqrt(self.scale[0])), 3),
            "spread of a writer's own way": round(float(np.sqrt(self.deviation[0])), 3),
            "spread within": round(float(np.sqrt(self.within[0].mean())), 3),
        }

    def rows(self, k: int, labels: NDArray[np.integer]) -> Floats:
        """The covariance [a, C] of a writer's d of some labels [a] with those of all, of one number; in memory of its own."""
        if self.covariance.size:
            rows: Floats = self.covariance[k][labels]
            return rows
        return self.deviation[k] * (labels[:, None] == np.arange(self.means.shape[1]))

    @cached_property
    def variances(self) -> Floats:
        """[k, C] the variance of d."""
        if self.covariance.size:
            return self.covariance.diagonal(axis1=1, axis2=2).copy()
        return np.repeat(self.deviation[:, None], self.means.shape[1], axis=1)

    @cached_property
    def whatever_label(self) -> tuple[Floats, Floats]:
        """Mean and variance [k] of a writer's samples, whatever their labels, scales aside."""
        return self.means.mean(axis=1), self.means.var(axis=1) + self.within.mean(axis=1) + self.deviation

    def with_own_labels(self, count: int) -> SizeStatistics:
        """The same with so many labels of the writer's own at the end, which may be of any size that a label is of."""
        if not count:
            return self
        k, size = self.means.shape
        spread = self.means.var(axis=1) + self.deviation
        covariance = self.covariance
        if covariance.size:
            covariance = np.zeros((k, size + count, size + count))
            covariance[:, :size, :size] = self.covariance
            own = np.arange(size, size + count)
            covariance[:, own, own] = spread[:, None]
        means = np.concatenate([self.means, np.repeat(self.means.mean(axis=1)[:, None], count, axis=1)], axis=1)
        within = np.concatenate([self.within, np.repeat(self.within.mean(axis=1)[:, None], count, axis=1)], axis=1)
        return SizeStatistics(means, self.scale, self.deviation, covariance, within, self.writers, self.samples)

    def with_place(self, distances: Floats, labels: NDArray[np.integer], hands: NDArray[np.integer]) -> SizeStatistics:
        """The same with the place of samples against the line they stand on.

        `distances` [2, n] are those of top and bottom above the baseline, in the scale of the writer's hand; `labels` [n] are
        places, and `hands` [n] the writers, counted from 0.
        """
        count, size = int(hands.max()) + 1, self.means.shape[1]
        cells = np.asarray(hands, np.int64)
        parts = [_Part.estimate(one, np.asarray(labels, np.int64), cells, size, count).of_known_scale() for one in distances]
        covariance = [*self.covariance[:LENGTHS], *(part.covariance for part in parts)]
        return SizeStatistics(
            np.stack([*self.means[:LENGTHS], *(part.means for part in parts)]),
            np.array([*self.scale[:LENGTHS], *(part.scale for part in parts)]),
            np.array([*self.deviation[:LENGTHS], *(part.deviation for part in parts)]),
            np.stack(covariance),
            np.stack([*self.within[:LENGTHS], *(part.within for part in parts)]),
            self.writers,
            self.samples,
        )

    def with_place_of(self, other: SizeStatistics | None) -> SizeStatistics:
        """The same with another's place on the line, of the same labels, where these have none and the other has."""
        if other is None or len(self) > LENGTHS or len(other) == LENGTHS:
            return self
        parts = {
            field.name: np.concatenate([getattr(self, field.name), getattr(other, field.name)[LENGTHS:]])
            for field in fields(self)[:5]
        }
        return SizeStatistics(**parts, writers=self.writers, samples=self.samples)

    @classmethod
    def estimate(cls, boxes: Boxes, labels: NDArray[np.integer], writers: NDArray[np.str_], size: int) -> SizeStatistics | None:
        """The statistics of samples with their boxes, labels (places below `size`) and writers, each [n].

        Writers whose boxes are in millimetres, where there are enough of them; else all, each brought to the typical height.
        None where too few writers have boxes, or all boxes are alike.
        """
        known = np.flatnonzero(np.isfinite(boxes.sizes[:, :LENGTHS]).all(axis=1))
        measured = known[boxes.millimetres[known]]
        in_millimetres = len(np.unique(writers[measured])) >= FEW_WRITERS
        rows = measured if in_millimetres else known
        if len(np.unique(writers[rows])) < FEW_WRITERS:
            return None
        names = np.char.add(np.char.add(writers[rows], "\t"), boxes.scales[rows].astype(str))
        hands, hand = np.unique(names, return_inverse=True)
        if len(hands) > MOST_WRITERS:
            drawn = np.random.default_rng(0).permutation(len(hands))[:MOST_WRITERS]
            keep = np.isin(hand, drawn)
            rows, (hands, hand) = rows[keep], np.unique(names[keep], return_inverse=True)
        sizes, places = boxes.sizes[rows].astype(np.float64), np.asarray(labels[rows], np.int64)
        if not np.ptp(sizes[:, 0]) > 0:
            return None
        factors = np.ones(len(hands))
        if not in_millimetres:
            factors = np.array([TYPICAL / max(np.median(sizes[hand == one, 0]), 1e-9) for one in range(len(hands))])
        for _ in range(1 if in_millimetres else 2):
            lengths = log_lengths(sizes * factors[hand][:, None])
            middles = np.array([np.median(lengths[0, hand == one]) for one in range(len(hands))])
            sound = np.abs(lengths[0] - middles[hand]) < FARTHEST
            parts = [_Part.estimate(one[sound], places[sound], hand[sound], size, len(hands)) for one in lengths]
            if not in_millimetres:
                expected = np.exp(parts[0].means[places]) - OFFSET
                ratio = np.log(np.maximum(expected, 1e-3)) - np.log(np.maximum(sizes[:, 0], 1e-9))
                factors = np.array([np.exp(np.median(ratio[(hand == one) & sound])) for one in range(len(hands))])
        if not in_millimetres:
            parts = [part.of_unknown_scale() for part in parts]
        standing = np.isfinite(sizes[:, LENGTHS:]).all(axis=1) & sound
        if len(np.unique(hand[standing])) >= FEW_WRITERS:
            unit = factors[hand] / (TYPICAL * np.exp(parts[0].shifts[hand]))
            for column in range(LENGTHS, len(NUMBERS)):
                distance = sizes[:, column] * unit
                part = _Part.estimate(distance[standing], places[standing], hand[standing], size, len(hands))
                parts.append(part.of_known_scale())
        return cls(
            np.stack([part.means for part in parts]),
            np.array([part.scale for part in parts]),
            np.array([part.deviation for part in parts]),
            np.stack([part.covariance for part in parts]),
            np.stack([part.within for part in parts]),
            len(np.unique(writers[rows])),
            int(sound.sum()),
        )


def log_lengths(sizes: NDArray[np.floating]) -> Floats:
    """The logarithms [2, n] of height and diagonal of sizes [n, 2 or more] in millimetres; a length is at least 0."""
    lengths = np.empty((LENGTHS, len(sizes)))
    lengths[0] = sizes[:, 0]
    np.hypot(lengths[0], sizes[:, 1], out=lengths[1])
    lengths += OFFSET
    return np.log(lengths, out=lengths)


@dataclass(frozen=True, eq=False)
class _Part:
    """The statistics of one number."""

    means: Floats
    scale: float
    deviation: float
    covariance: Floats
    within: Floats
    shifts: Floats
    """[writers] by how much each lies above the means."""

    @classmethod
    def estimate(cls, values: Floats, labels: NDArray[np.int64], hands: NDArray[np.int64], size: int, writers: int) -> _Part:
        """By expectation and maximization over the writers' own means of labels, from values, labels (places) and writers [n]."""
        cells, cell = np.unique(hands * size + labels, return_inverse=True)
        counts = np.bincount(cell)
        centres = np.bincount(cell, values) / counts
        of_label, of_writer = cells % size, cells // size
        squares = np.bincount(labels, (values - centres[cell]) ** 2, minlength=size)
        freedom = np.bincount(labels, minlength=size) - np.bincount(of_label, minlength=size)
        pooled = max(squares.sum() / max(freedom.sum(), 1), LEAST_VARIANCE)
        within = (squares + PRIOR_SAMPLES * pooled) / (freedom + PRIOR_SAMPLES)

        each = np.bincount(of_label, minlength=size)
        means = np.where(each > 0, np.bincount(of_label, centres, minlength=size) / np.maximum(each, 1), values.mean())
        own = _CellsByWriter(centres, of_label, of_writer, within[of_label] / counts, writers)
        return own.independent(means, within) if size > LARGEST_ALPHABET else own.together(means, within)

    def of_unknown_scale(self) -> _Part:
        """The same where no unit says how much scales differ."""
        return _Part(self.means, max(self.scale, UNKNOWN_SCALE), self.deviation, self.covariance, self.within, self.shifts)

    def of_known_scale(self) -> _Part:
        """The same of what is measured in the writer's scale already: what is common to all labels is a deviation like others."""
        own = self.covariance + self.scale
        return _Part(self.means, 0.0, self.deviation + self.scale, own, self.within, self.shifts)


@dataclass(frozen=True, eq=False)
class _CellsByWriter:
    """Each writer's mean of each label there is a sample of, the first writer's first: [k]."""

    centres: Floats
    labels: NDArray[np.int64]
    writers: NDArray[np.int64]
    noise: Floats
    """The variance of a mean for having few samples."""
    count: int
    """How many writers there are."""

    def together(self, means: Floats, within: Floats) -> _Part:
        """Deviations of all labels as one Gaussian [C], with a simple covariance as prior."""
        size = len(means)
        covariance = 0.05 * np.ones((size, size)) + 0.05 * np.eye(size)
        starts = np.searchsorted(self.writers, np.arange(self.count + 1))
        posterior = np.zeros((self.count, size))
        for _ in range(ROUNDS):
            spread = np.zeros((size, size))
            for writer in range(self.count):
                here = slice(starts[writer], starts[writer + 1])
                seen = self.labels[here]
                known = covariance[seen]
                gain = np.linalg.solve(known[:, seen] + np.diag(self.noise[here]), known).T
                posterior[writer] = means + gain @ (self.centres[here] - means[seen])
                spread += covariance - gain @ known
            means = posterior.mean(axis=0)
            apart = posterior - means
            estimate = (spread + apart.T @ apart) / self.count
            diagonal = np.trace(estimate) / size
            common = (estimate.sum() - np.trace(estimate)) / max(size * (size - 1), 1)
            simple = common + (diagonal - common) * np.eye(size)
            covariance = (self.count * estimate + PRIOR_WRITERS * simple) / (self.count + PRIOR_WRITERS)
        scale = 1 / np.linalg.solve(covariance, np.ones(size)).sum()  # the most that a scale of the whole hand explains
        own = covariance - scale
        return _Part(means, float(scale), float(np.trace(own) / size), own, within, (posterior - means).mean(axis=1))

    def independent(self, means: Floats, within: Floats) -> _Part:
        """Deviations of labels as independent of one another, beside the scale of the hand: for a large alphabet."""
        size, scale, deviation = len(means), 0.05, 0.05
        shifts = np.zeros(self.count)
        for _ in range(INDEPENDENT_ROUNDS):
            weights = 1 / (deviation + self.noise)
            apart = self.centres - means[self.labels]
            left = 1 / (1 / scale + np.bincount(self.writers, weights, self.count))
            shifts = left * np.bincount(self.writers, weights * apart, self.count)
            gain = deviation * weights
            own = gain * (apart - shifts[self.writers])
            scale = max(float(np.mean(shifts**2 + left)), LEAST_VARIANCE)
            deviation = max(float(np.mean(own**2 + deviation * (1 - gain) + gain**2 * left[self.writers])), LEAST_VARIANCE)
            total = np.bincount(self.labels, weights, size)
            sums = np.bincount(self.labels, weights * (self.centres - shifts[self.writers]), size)
            means = np.where(total > 0, sums / np.maximum(total, 1e-300), means)
        return _Part(means, scale, deviation, np.empty((0, 0)), within, shifts)
