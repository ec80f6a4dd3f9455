"""How likely each label is by the size and place of a sample, for one writer: a factor that any method can be given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.linear_algebra import inverse, product
from allograph.adapters.size_statistics import LENGTHS, OFFSET, TYPICAL, SizeStatistics, log_lengths
from allograph.samples.box import Boxes

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

FREEDOM = 12.0
"""Degrees of freedom of the Student distribution around what is expected: how little a number says that lies far off."""
SHARE = 0.5
"""The share of its log-likelihood that each number is given: height and diagonal say nearly the same, as do top and bottom."""
DEVICE_VARIANCE = 1.0
"""The variance of the logarithm of a scale whose unit is not known, once it was brought to the typical height."""
BELIEF = math.log(20.0)
"""The log-odds, before a sample is known, that a writer's sizes tell labels apart."""
ENOUGH = 30.0
"""Samples without labels count for so many, at most: the labels that they are taken for go wrong together."""
KNOWN = 100
"""With so many corrections on a device, samples without labels tell nothing more of the writer's sizes there."""
TIMES_APART = 0.1
"""The standard deviation of the logarithm of how large a hand writes from one time to another: UNIPEN's lines have 0.095."""
TIMES = np.linspace(-0.35, 0.35, 15)
"""The logarithms that are tried."""
UNLIKELY = 1e-3
"""A label so many times less probable than the likeliest takes no part of a sample without a label."""
EXPECTATIONS = 4
"""How often samples without labels are given labels by what is known so far."""
SURE = 30.0
"""Log-odds are kept within this."""
USUAL = 20.0
"""Samples that the usual neatness counts for, when a writer's own is found: how far sizes scatter around what is expected."""
FARTHEST_SQUARE = 9.0
"""A squared distance in units of the variance counts for no more."""
NOTHING = np.zeros(())
"""What is added to a sum that nothing is added to."""
LOG_STUDENT = math.lgamma((FREEDOM + 1) / 2) - math.lgamma(FREEDOM / 2) - 0.5 * math.log(FREEDOM * math.pi)


@dataclass(frozen=True, eq=False)
class SizedSamples:
    """Samples of one writer with their labels; one whose label is in doubt is there once for each, with a weight."""

    sizes: Floats
    """[n, 4] as `Boxes.sizes`; height and width are known, the others may be NaN."""
    scales: NDArray[np.uint32]
    """[n] as `Boxes.scales`."""
    labels: Places
    """[n] places in C + m."""
    weights: Floats
    """[n]"""

    @classmethod
    def of(cls, sizes: NDArray[np.floating], scales: NDArray[np.uint32], labels: NDArray[np.integer]) -> SizedSamples:
        """Those of some samples whose size is known, each with the weight 1."""
        known = has_size(sizes)
        places = labels[known].astype(np.int64)
        return cls(sizes[known].astype(np.float64), scales[known], places, np.ones(len(places)))

    def __len__(self) -> int:
        return len(self.labels)

    def with_more(self, other: SizedSamples) -> SizedSamples:
        """These and then others."""
        return SizedSamples(
            np.concatenate([self.sizes, other.sizes]),
            np.concatenate([self.scales, other.scales]),
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.weights, other.weights]),
        )


def has_size(sizes: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which samples' height and width are known, bool [n]."""
    known: NDArray[np.bool_] = np.isfinite(sizes[:, 0] + sizes[:, 1])
    return known


@dataclass(frozen=True, eq=False)
class DeviceSizes:
    """The sizes of a writer's labels on one device, as far as they are known."""

    factor: float
    """What makes millimetres, or the like of them, of the device's unit."""
    shifts: Floats
    """[2] by how much the writer's logarithms of lengths lie above the population's."""
    means: Floats
    """[k, C + m] what is expected of a sample of each label; k as in `SizeStatistics`."""
    variances: Floats
    """[k, C + m]"""
    flat_means: Floats
    """[k] of all samples, whatever their labels: what is expected if sizes do not tell labels apart."""
    flat_variances: Floats
    """[k]"""
    log_odds: float
    """The log-odds that sizes tell this writer's labels apart."""

    def numbers(self, sizes: NDArray[np.floating]) -> Floats:
        """What is judged of sizes [n, 4]: [k, n], NaN where it is not known."""
        lengths = log_lengths(sizes * self.factor)
        if len(self.means) == LENGTHS:
            return lengths
        distances = sizes[:, LENGTHS:].T * (self.factor / (TYPICAL * math.exp(self.shifts[0])))
        return np.concatenate([lengths, distances])

    def judge(self, sizes: NDArray[np.floating]) -> SizeJudgement:
        """What sizes [n, 4] that are known say."""
        numbers = self.numbers(sizes).astype(np.float32)
        students = self._students if np.isfinite(numbers[-1]).any() else self._students_of_lengths
        logs = students.log_likelihood(numbers[: len(students.means), :, None])
        likelihood = sum_of_exponentials(logs[:, :-1], logs[:, -1:])
        belief, middles = self._relative
        return SizeJudgement(likelihood, belief * (numbers[:LENGTHS].T - middles))

    def log_likelihood(self, sizes: NDArray[np.floating]) -> NDArray[np.float32]:
        """Of every label, float32 [n, C + m], for sizes [n, 4] that are known."""
        return self.judge(sizes).likelihood

    @cached_property
    def _students(self) -> Student:
        """[k, 1, C + m + 1] of the labels, and at last of what is expected if sizes do not tell them apart."""
        belief = np.full((1, self.means.shape[1] + 1), -math.log1p(math.exp(-self.log_odds)))
        belief[:, -1] -= self.log_odds
        means = np.concatenate([self.means, self.flat_means[:, None]], axis=1)
        variances = np.concatenate([self.variances, self.flat_variances[:, None]], axis=1)
        return Student.of(means[:, None], variances[:, None], belief).single()

    @cached_property
    def _students_of_lengths(self) -> Student:
        """The same of lengths alone, where the place on a line is not known."""
        means, nearness, highest, added, _ = self._students
        highest = highest[:LENGTHS]
        return Student(means[:LENGTHS], nearness[:LENGTHS], highest, added, highest.sum(axis=0) + added)

    @cached_property
    def _relative(self) -> tuple[np.float32, NDArray[np.float32]]:
        """The probability that sizes tell labels apart, and the writer's middle logarithms of lengths [2]."""
        belief = 1 / (1 + math.exp(-self.log_odds))
        return np.float32(belief), self.means[:LENGTHS].mean(axis=1).astype(np.float32)

    def occasion(self, sizes: NDArray[np.floating], logs: Floats) -> float:
        """What makes samples that were written at one time as large as the writer's others: the likeliest factor.

        Of sizes [n, 4] whose labels have the log-probabilities `logs` [n, C + m].
        """
        weight = min(1.0, ENOUGH / len(sizes))
        chances = [
            weight * np.logaddexp.reduce(logs + self.log_likelihood(sizes * math.exp(-shift)), axis=1).sum()
            - (shift / TIMES_APART) ** 2 / 2
            for shift in TIMES.tolist()
        ]
        return math.exp(-float(TIMES[int(np.argmax(chances))]))

    def judge_belief(self, sizes: NDArray[np.floating], logs: Floats, statistics: SizeStatistics, weight: float) -> DeviceSizes:
        """The same after a look at whether sizes [n, 4] go with labels that have the log-probabilities `logs` [n, C + m].

        Expected is what writers of this scale write: what was learned from the labels in doubt would confirm itself.
        """
        numbers = self.numbers(sizes)
        logs = logs - np.logaddexp.reduce(logs, axis=1, keepdims=True)
        means = statistics.means.copy()
        means[:LENGTHS] += self.shifts[:, None]
        variances = statistics.variances + statistics.within
        by_label = logs + log_student(numbers[:, :, None], means[:, None], variances[:, None])
        flat = log_student(numbers, self.flat_means[:, None], self.flat_variances[:, None])
        evidence = weight * (np.logaddexp.reduce(by_label, axis=1) - flat).sum()
        return replace(self, log_odds=float(np.clip(self.log_odds + evidence, -SURE, SURE)))


class SizeJudgement(NamedTuple):
    """What the sizes of samples say."""

    likelihood: NDArray[np.float32]
    """[n, C + m] the log-likelihood of every label."""
    relative: NDArray[np.float32]
    """[n, 2] by how much they are larger than the writer's middle size, in logarithms, as far as sizes tell labels apart."""


class Student(NamedTuple):
    """Student distributions of k numbers, each given its share of the log-likelihood, as far as they can be computed once."""

    means: NDArray[np.floating]
    """[k, …]"""
    nearness: NDArray[np.floating]
    """[k, …] the inverse of the variance and of the degrees of freedom."""
    highest: NDArray[np.floating]
    """[k, …] the log-likelihood at the mean."""
    added: NDArray[np.floating]
    """[…] what is added to the sum."""
    total: NDArray[np.floating]
    """[…] the sum at all means, with what is added."""

    @classmethod
    def of(cls, means: Floats, variances: Floats, added: Floats = NOTHING) -> Student:
        """Around means [k, …] with variances [k, …]; `added` is added to the sum of the log-likelihoods."""
        highest = SHARE * (LOG_STUDENT - 0.5 * np.log(variances))
        return cls(means, 1 / (FREEDOM * variances), highest, added, highest.sum(axis=0) + added)

    def single(self) -> Student:
        """The same in single precision, quicker for many numbers."""
        return Student(*(array.astype(np.float32) for array in self))

    def log_likelihood(self, numbers: NDArray[np.floating]) -> NDArray[np.floating]:
        """Of numbers [k, …], summed over k; one that is NaN says nothing."""
        away = numbers - self.means
        away *= away
        away *= self.nearness
        logs = np.log1p(away, out=away)
        logs *= -SHARE * (FREEDOM + 1) / 2
        if math.isnan(numbers.sum()):
            return np.asarray(np.where(np.isnan(logs), 0, logs + self.highest).sum(axis=0) + self.added)
        total = logs.sum(axis=0)
        total += self.total
        return np.asarray(total)


def log_student(numbers: Floats, means: Floats, variances: Floats) -> Floats:
    """The log-likelihoods of numbers [k, …] in Student distributions, as `Student` gives them."""
    return Student.of(means, variances).log_likelihood(numbers).astype(np.float64)


def sum_of_exponentials(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """`np.logaddexp` of finite float32 numbers, quicker for many."""
    apart = one - other
    np.negative(np.abs(apart, out=apart), out=apart)
    lower = np.log1p(np.exp(apart, out=apart), out=apart)
    lower += np.maximum(one, other)
    return lower


@dataclass(frozen=True, eq=False)
class WriterSizes:
    """What is known of the sizes of one writer on every device, for C labels and m of the writer's own."""

    statistics: SizeStatistics
    """With the writer's own labels."""
    samples: SizedSamples
    """Those with labels."""
    devices: Mapping[int, DeviceSizes]
    """By the scale's number."""
    occasions: Mapping[int, float] = field(default_factory=dict)
    """By how much smaller samples that are read together were written than the writer's others on a device, as a factor."""

    @classmethod
    def of(cls, statistics: SizeStatistics, samples: SizedSamples) -> WriterSizes:
        """From the writer's samples with labels."""
        devices = {scale: fit_device(statistics, samples, scale, len(samples)) for scale in np.unique(samples.scales).tolist()}
        return cls(statistics, samples, devices)

    def beside(self, boxes: Boxes, logs: NDArray[np.floating]) -> WriterSizes:
        """The same for samples that are read beside others [n] without labels, whose log-probabilities are `logs` [n, C + m].

        Expectation and maximization: the others are given labels by what is known so far, and what is known is found anew. On a
        device with `KNOWN` samples that have labels, others only tell how large this time is against the other times.
        """
        devices, occasions = dict(self.devices), dict(self.occasions)
        for scale, rows in _by_scale(boxes.sizes, boxes.scales):
            sizes, priors = boxes.sizes[rows].astype(np.float64), logs[rows].astype(np.float64)
            if np.count_nonzero(self.samples.scales == scale) >= KNOWN:
                occasions[scale] = self.devices[scale].occasion(sizes, priors)
                continue
            scales = boxes.scales[rows]
            device = self.device(scale, sizes)
            for _ in range(EXPECTATIONS):
                chances = priors + device.log_likelihood(sizes)
                chances -= np.logaddexp.reduce(chances, axis=1, keepdims=True)
                samples, labels = np.nonzero(chances >= chances.max(axis=1, keepdims=True) + math.log(UNLIKELY))
                weights = np.exp(chances[samples, labels]) * min(1.0, ENOUGH / len(chances))
                guessed = SizedSamples(sizes[samples], scales[samples], labels, weights)
                device = fit_device(self.statistics, self.samples.with_more(guessed), scale, len(self.samples))
            devices[scale] = device.judge_belief(sizes, priors, self.statistics, min(1.0, ENOUGH / len(sizes)))
        return replace(self, devices=devices, occasions=occasions)

    @property
    def at_all_times(self) -> WriterSizes:
        """The same, whatever samples are read together."""
        return replace(self, occasions={}) if self.occasions else self

    def device(self, scale: int, sizes: NDArray[np.floating]) -> DeviceSizes:
        """What is known of a device; of one that nothing is known of, all that sizes [n, 4] alone can tell."""
        if scale in self.devices:
            return self.devices[scale]
        factor = 1.0 if scale % 2 else TYPICAL / max(float(np.median(sizes[:, 0])), 1e-9)
        return fit_device(self.statistics, self.samples, scale, len(self.samples), factor)

    def judge(self, sizes: NDArray[np.floating], scales: NDArray[np.uint32]) -> SizeJudgement | None:
        """What sizes [n, 4] in some scales [n] say, float32, 0 where nothing is known; None if nothing is of any of them."""
        judgement = None
        for scale, rows in _by_scale(sizes, scales):
            if scale in self.devices or scale % 2:  # in a unit of its own, one sample alone has no size
                here = sizes[rows] * self.occasions.get(scale, 1.0)
                said = self.device(scale, here).judge(here)
                if len(here) == len(sizes):
                    return said
                if judgement is None:
                    shape = (len(sizes), said.likelihood.shape[1])
                    judgement = SizeJudgement(np.zeros(shape, np.float32), np.zeros((len(sizes), LENGTHS), np.float32))
                judgement.likelihood[rows], judgement.relative[rows] = said
        return judgement

    def log_likelihood(self, sizes: NDArray[np.floating], scales: NDArray[np.uint32]) -> NDArray[np.float32] | None:
        """Of every label, float32 [n, C + m], for sizes [n, 4] in some scales [n]; 0 where nothing is known, None if nowhere."""
        judgement = self.judge(sizes, scales)
        return None if judgement is None else judgement.likelihood

    def explain(self, boxes: Boxes | None, names: Sequence[str], labels: Sequence[int]) -> SizeExplanation | None:
        """How high one sample is against what is expected of some labels (places in `names`).

        None where nothing is known, or where the writer's sizes are not believed to tell labels apart.
        """
        for scale, rows in [] if boxes is None else _by_scale(boxes.sizes, boxes.scales):
            if boxes is not None and (scale in self.devices or scale % 2):
                device = self.device(scale, boxes.sizes[rows])
                if device.log_odds < 0:
                    return None
                written = float(boxes.sizes[rows[0], 0]) * self.occasions.get(scale, 1.0)
                height = max(written * device.factor, OFFSET)
                usual = np.maximum(np.exp(device.means[0]) - OFFSET, OFFSET)
                heights = {names[label]: height / float(usual[label]) for label in dict.fromkeys(labels)}
                belief = 1 / (1 + math.exp(-device.log_odds))
                says = " and ".join(f"{_as_high(ratio)} the writer's {name!r}" for name, ratio in heights.items())
                return SizeExplanation(f"It is {says}.", {"heights": heights, "believed": belief})
        return None


class SizeExplanation(NamedTuple):
    """What the size of a sample says."""

    text: str
    evidence: dict[str, Any]
    """`heights`: its height over what is expected of each label; `believed`: how surely sizes tell labels apart, 0…1."""


def _as_high(ratio: float) -> str:
    """How high one thing is against another, in words.

    >>> _as_high(1.02), _as_high(0.5), _as_high(1.7)
    ('as high as', '50 % as high as', '1.7 times as high as')
    """
    if 0.9 <= ratio <= 1.1:
        return "as high as"
    return f"{ratio:.1f} times as high as" if ratio > 1 else f"{100 * ratio:.0f} % as high as"


def _by_scale(sizes: NDArray[np.floating], scales: NDArray[np.uint32]) -> list[tuple[int, Places]]:
    """Each scale, and the places of its samples whose size is known."""
    (known,) = has_size(sizes).nonzero()
    numbers = scales[known]
    present = sorted(set(numbers.tolist()))
    return [(scale, known if len(present) == 1 else known[numbers == scale]) for scale in present]


def fit_device(
    statistics: SizeStatistics, samples: SizedSamples, scale: int, labelled: int, factor: float | None = None
) -> DeviceSizes:
    """What samples, on whatever devices, say of the sizes on one; the first `labelled` of them have labels that are known.

    The writer's means of all labels are one Gaussian, with a scale for each device: the posterior is a formula.
    """
    here = samples.scales == scale
    units = {one: _factor(statistics, samples, one) for one in set(samples.scales.tolist())}
    if factor is not None:
        units[scale] = factor
    known = np.ones(len(samples))
    for one, unit in units.items():
        known[samples.scales == one] = unit
    lengths = log_lengths(samples.sizes * known[:, None])
    means, variances, latent = np.empty_like(statistics.means), np.empty_like(statistics.means), np.empty_like(statistics.means)
    numbers, size = lengths, statistics.means.shape[1]
    cells = _CellsByDevice.of(samples, np.arange(len(samples)), size)
    for k in range(len(statistics)):
        if k == LENGTHS:
            shift = (means[0] - statistics.means[0]).mean()
            distances = samples.sizes[:, LENGTHS:].T * (known / (TYPICAL * math.exp(shift)))
            numbers = np.concatenate([lengths, distances])
            cells = _CellsByDevice.of(samples, np.flatnonzero(np.isfinite(distances).all(axis=0)), size)
        means[k], latent[k] = _posterior(statistics, k, numbers[k], cells, scale)
        variances[k] = latent[k] + statistics.within[k]
    flat_means, flat_variances = _flat(statistics, numbers[:, here], samples.weights[here])
    sure = np.flatnonzero(here[:labelled])
    labels, own = samples.labels[sure], numbers[:, sure]
    # what is expected of each sample without itself
    within = statistics.within[:, labels]
    left = np.maximum(within - latent[:, labels], 1e-3 * within)
    without = means[:, labels] - latent[:, labels] * (own - means[:, labels]) / left
    spread = latent[:, labels] * within / left + within
    squares = np.where(np.isnan(own), 1.0, np.minimum((own - without) ** 2 / spread, FARTHEST_SQUARE)).sum(axis=1)
    variances *= ((USUAL + squares) / (USUAL + len(sure)))[:, None]
    evidence = log_student(own, without, spread)
    evidence -= log_student(own, flat_means[:, None], flat_variances[:, None])
    log_odds = float(np.clip(BELIEF + evidence.sum(), -SURE, SURE))
    shifts = (means - statistics.means)[:LENGTHS].mean(axis=1)
    return DeviceSizes(units.get(scale, 1.0), shifts, means, variances, flat_means, flat_variances, log_odds)


def _factor(statistics: SizeStatistics, samples: SizedSamples, scale: int) -> float:
    """What makes millimetres of a device's unit; where that is not known, by how much samples are smaller than is usual."""
    if scale % 2:
        return 1.0
    here = samples.scales == scale
    usual = np.maximum(np.exp(statistics.means[0, samples.labels[here]]) - OFFSET, OFFSET)
    ratios = np.log(usual) - np.log(np.maximum(samples.sizes[here, 0], 1e-9))
    order = np.argsort(ratios)
    weights = np.cumsum(samples.weights[here][order])
    return float(np.exp(ratios[order[np.searchsorted(weights, weights[-1] / 2)]]))


@dataclass(frozen=True, eq=False)
class _CellsByDevice:
    """The samples of one label on one device, for every such pair."""

    rows: Places
    """[s] the places of the samples."""
    cell: Places
    """[s] the cell of each."""
    weights: Floats
    """[s]"""
    counts: Floats
    """[c] the sum of the weights in each cell."""
    labels: Places
    """[c]"""
    scales: Places
    """[c]"""

    @classmethod
    def of(cls, samples: SizedSamples, rows: Places, size: int) -> _CellsByDevice:
        """Of the samples at some places; `size` is how many labels there are."""
        cells, cell = np.unique(samples.scales[rows] * np.int64(size) + samples.labels[rows], return_inverse=True)
        weights = samples.weights[rows]
        counts = np.bincount(cell, weights, len(cells)).astype(np.float64)
        return cls(rows, cell, weights, counts, cells % size, cells // size)

    def means(self, numbers: Floats) -> Floats:
        """[c] the mean number of each cell, from numbers of all samples."""
        return np.bincount(self.cell, self.weights * numbers[self.rows], len(self.counts)) / self.counts


def _posterior(statistics: SizeStatistics, k: int, numbers: Floats, cells: _CellsByDevice, scale: int) -> tuple[Floats, Floats]:
    """Mean and variance [C + m] of the writer's own mean of each label on a device, of one number, from numbers [n]."""
    prior = statistics.variances[k] + _scale_variance(statistics, k, scale)
    if not len(cells.counts):
        return statistics.means[k], prior
    across = statistics.rows(k, cells.labels)
    known = across.take(cells.labels, axis=1)
    across += np.where(cells.scales == scale, _scale_variance(statistics, k, scale), 0.0)[:, None]
    for one in set(cells.scales.tolist()):
        same, variance = cells.scales == one, _scale_variance(statistics, k, one)
        known += variance if same.all() else np.where(same[:, None] & same, variance, 0.0)
    np.einsum("ii->i", known)[:] += statistics.within[k, cells.labels] / cells.counts
    gain = product(inverse(known), across)
    mean: Floats = statistics.means[k] + (cells.means(numbers) - statistics.means[k, cells.labels]) @ gain
    gain *= across
    return mean, np.maximum(prior - gain.sum(axis=0), 1e-6)


def _scale_variance(statistics: SizeStatistics, k: int, scale: int) -> float:
    """The variance of the scale of a hand on a device; place is measured in the writer's scale, and has none."""
    return float(statistics.scale[k]) + (DEVICE_VARIANCE if k < LENGTHS and not scale % 2 else 0.0)


def _flat(statistics: SizeStatistics, numbers: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Mean and variance [k] of all numbers [k, n] whatever the labels; the population's count for a few samples."""
    middle, spread = statistics.whatever_label
    is_known = np.isfinite(numbers)
    known, filled = np.where(is_known, weights, 0.0), np.where(is_known, numbers, 0.0)
    count = known.sum(axis=1)
    means = (0.5 * middle + np.vecdot(known, filled)) / (0.5 + count)
    squares = np.vecdot(known, (filled - means[:, None]) ** 2)
    variances = (2 * spread + squares) / (2 + count)
    return means, np.where(count > 0, variances, spread + statistics.scale)
