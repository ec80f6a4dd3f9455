"""The default method: a writer's own last layer and memory on the base's features, kept in few bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.allograph_model import FittedAllograph
from allograph.adapters.label_counts import chosen_odds
from allograph.adapters.linear_algebra import product
from allograph.adapters.logistic import residual
from allograph.adapters.population import Population
from allograph.adapters.quantization import pack_logs, pack_vectors, unpack_logs, unpack_vectors
from allograph.adapters.shape import ShapeStatistics, WriterShapes
from allograph.adapters.size import WriterSizes
from allograph.adapters.size_packing import pack_sizes, unpack_all_sizes, unpack_sizes
from allograph.adapters.size_statistics import LENGTHS, SizeStatistics
from allograph.adapters.state import State
from allograph.adapters.tunable_adapter import (
    Floats,
    TunableAdapter,
    base_log_probabilities,
    clip_impossible,
    drop_unused_labels,
    places_of,
)
from allograph.adapters.validity import LENGTH_RATIO, repair_logits, valid_rows
from allograph.bundle import Bundle
from allograph.readings import Corrections

ROUNDS = 60
"""Rounds of the solver for a writer who is new."""
SAMPLES_A_CORRECTION = 800
"""Samples that the solver visits for one correction, about: several rounds over few samples, or one round over so many.

A writer with n times as many gets one round for every n-th correction, so that the cost of a correction does not grow with the
number of those before it."""
LARGEST_CHANGE = float(np.finfo(np.float16).max)
"""The largest number of the layer's change, which is kept in half precision."""


class LayerInputs(NamedTuple):
    """What the last layer takes of samples."""

    rows: Floats
    """[n, r + 1] the last number is the bias's, and the only one that is not 0 where the features are invalid."""
    squares: Floats
    """[n, 1] their squared lengths."""
    valid: NDArray[np.bool_]
    """[n] which features are valid."""


@dataclass(frozen=True)
class Allograph(TunableAdapter):
    """The maximum a posteriori change of a last layer for this writer, mixed with the votes of the writer's nearest samples.

    The layer takes the model's features (its embedding, where it has none), whitened by the within-writer covariance. Its change
    W has a Gaussian prior: `weight` is the prior variance of a logit for a sample of mean length, `bias` that of a
    label's bias. The base's log-probabilities are divided by `temperature`, and W is added (`residual`). Of the probabilities
    `share` comes from the writer's samples, each with the weight exp(−`scale` · distance), less while there are few. The base's
    own answer stands unless another is likelier by the factor exp(`guard`). The probabilities are raised to the power `sharpness`
    at the end, so that they are calibrated: it changes no answer. An image that was corrected before reads as it was
    corrected.

    `doubt` times the square of the base's excess error rate on the writer's samples adds to the guard: samples that the base
    read wrong far more often than its probabilities say were selected for being wrong, and teach nothing about those that it
    reads right. It is 0 unless the bundle's configuration says otherwise, for a base that is nearly always right.

    The change's prior mean is not 0 but what the writer's means of the labels gain in log-likelihood over the population's, by a
    two-covariance model (`WriterShapes`), weighed by `means`; `between` weighs how far writers' means differ.

    A label that the writer was never corrected to is likelier by `unseen_factor` to the power `unseen`.

    Where sizes are known, the layer also takes how large a sample is against the writer's others, weighed by `size`, and the
    log-likelihood of each label by size and place is added to the base's log-probabilities, when the change is sought as when a
    sample is read (`WriterSizes`). Without sizes, nothing of this changes an answer.

    One correction more is solved for from the change before it, in one or a few rounds over all samples.
    """

    population: Population = field(default=None, repr=False)  # type: ignore[assignment]
    sizes: SizeStatistics | None = field(default=None, repr=False)
    shapes: ShapeStatistics | None = field(default=None, repr=False)
    weight: float = 16.0
    bias: float = 1.0
    temperature: float = 1.5
    share: float = 0.3
    scale: float = 14.0
    guard: float = 0.3
    size: float = 1.0
    unseen: float = 0.2
    means: float = 0.07
    between: float = 0.25
    sharpness: float = 1.1
    doubt: float = 0.0

    name: ClassVar[str] = "allograph"
    version: ClassVar[int] = 4
    learns_by: ClassVar[tuple[str, ...]] = ("weight", "bias", "temperature", "size", "means", "between")
    grid: ClassVar[dict[str, tuple[float, ...]]] = {
        "weight": (8.0, 16.0, 24.0, 32.0),
        "temperature": (1.25, 1.5, 1.75),
        "share": (0.15, 0.2, 0.25, 0.3, 0.4),
        "scale": (10.0, 14.0, 20.0),
        "means": (0.04, 0.07, 0.1),
        "size": (0.5, 1.0, 1.5),
        "unseen": (0.1, 0.2, 0.3),
        "guard": (0.15, 0.3, 0.4, 0.5, 0.7),
        "sharpness": (1.0, 1.1, 1.2),
    }

    def start(self) -> State:
        """No samples, no change."""
        return State((), {"labels": np.empty(0, np.uint16), "seen": np.zeros(1, np.int64)})

    def learn(self, state: State, batch: Corrections) -> State:
        """Keep the batch, drop what lies beyond the window, and solve for the change that fits best."""
        if not len(batch.labels):
            return state
        own, places = places_of(self.alphabet, state.labels, batch.labels)
        logs = clip_impossible(base_log_probabilities(repair_logits(batch.logits), 0))
        inputs, _, valid = self.layer_inputs(batch.samples.shapes)
        fresh = pack_vectors(inputs[:, :-1]) | pack_logs(logs) | {"labels": places.astype(np.uint16)}
        fresh["units"][~valid] = 0
        before = state.arrays
        arrays = {name: self.newest(before.get(name, rows[:0]), rows) for name, rows in fresh.items()}
        size = len(self.alphabet) + len(own)
        own, labels, stay = drop_unused_labels(len(self.alphabet), own, arrays["labels"].astype(np.int32))
        arrays["labels"] = labels.astype(np.uint16)
        arrays |= pack_sizes(before, len(before["labels"]), batch.boxes, len(places), self.newest)
        count, seen = len(labels), int(before["seen"][0])
        change = None
        if len(before["labels"]):
            change = before["change"].astype(np.float32)
            if len(stay) != change.shape[1] or size != len(stay):
                change = np.pad(change, ((0, 0), (0, size - change.shape[1])))[:, stay]
        turn = max(count // SAMPLES_A_CORRECTION, 1)
        if change is None or 4 * len(places) >= count:
            solution = self._solve(arrays, len(own), ROUNDS, change)
        elif seen // turn < (seen + len(places)) // turn:
            solution = self._solve(arrays, len(own), min(max(SAMPLES_A_CORRECTION // count, 1), ROUNDS), change)
        else:
            solution = {
                "change": change.astype(np.float16),
                "square": np.pad(before["square"], (0, size - len(before["square"])))[stay],
            }
        return State(own, {**arrays, **solution, "seen": before["seen"] + len(places)})

    def fit(self, state: State) -> FittedAllograph:
        """The samples and the change, unpacked."""
        return FittedAllograph.of(self, state)

    def layer_inputs(self, features: Floats) -> LayerInputs:
        """What the layer takes for features [n, f]."""
        turn, shift = self._layer
        valid = valid_rows(features)
        if np.count_nonzero(valid) < len(valid):
            features = np.where(valid[:, None], features, np.float32(0))
        moved = product(features, turn)
        inputs = moved + shift
        squares = np.vecdot(inputs, inputs)
        valid &= squares <= self.weight * LENGTH_RATIO**2
        valid &= np.vecdot(moved, moved) >= self.weight / LENGTH_RATIO**2
        if np.count_nonzero(valid) < len(valid):
            inputs[~valid, :-1] = 0
            squares[~valid] = self.bias
        return LayerInputs(inputs, squares[:, None], valid)

    def unpack(self, arrays: Mapping[str, NDArray[Any]], own: int, sizes: WriterSizes | None) -> tuple[Floats, Floats]:
        """Of a state's samples, the oldest first: what the layer takes [n, r + 1], and what its change is added to [n, C + own].

        With sizes, the layer takes [n, r + 1 + 2] numbers. Both are as `FittedAllograph.scores` makes them for others.
        """
        count, width = arrays["vectors"].shape
        inputs = np.zeros((count, width + 1 + (0 if sizes is None else LENGTHS)), np.float32)
        inputs[:, :width] = unpack_vectors(arrays)
        inputs[:, width] = np.sqrt(self.bias)
        logs: Floats = unpack_logs(arrays, len(self.alphabet), own) / np.float32(self.temperature)
        judgement = None if sizes is None else sizes.at_all_times.judge(*unpack_all_sizes(arrays, count))
        if judgement is not None:
            inputs[:, width + 1 :] = judgement.relative * self.size_weight
            logs += judgement.likelihood
        return inputs, logs

    @cached_property
    def size_weight(self) -> np.float32:
        """What a size relative to the writer's others is multiplied by to be one of the layer's inputs."""
        return np.float32(self.size * np.sqrt(self.weight))

    def writer_sizes(self, state_labels: NDArray[np.integer], own: int, arrays: Mapping[str, NDArray[Any]]) -> WriterSizes | None:
        """What a state's samples, with these labels (places) [n], say of the writer's sizes; None without statistics of sizes."""
        if self.sizes is None:
            return None
        return WriterSizes.of(self.sizes.with_own_labels(own), unpack_sizes(arrays, state_labels))

    @cached_property
    def _layer(self) -> tuple[Floats, Floats]:
        """From features to `layer_inputs`: an affine map, [f, r + 1] and [r + 1]."""
        space = np.pad(self.population.space * np.float32(np.sqrt(self.weight)), ((0, 0), (0, 1)))
        space[-1, -1] = np.sqrt(self.bias)
        return np.ascontiguousarray(space[:-1]), space[-1]

    def _counts(self, labels: NDArray[np.integer]) -> NDArray[np.int64]:
        """How many samples each label of the alphabet has [C]."""
        return np.bincount(labels, minlength=len(self.alphabet))[: len(self.alphabet)]

    def squares(self, inputs: Floats) -> Floats:
        """The squared lengths [n] of samples' features in space, from the layer's inputs."""
        vectors = inputs[:, : self.population.space.shape[1]]
        squares: Floats = np.vecdot(vectors, vectors) / np.float32(self.weight)
        return squares

    def _solve(
        self, arrays: Mapping[str, NDArray[Any]], own: int, rounds: int, change: Floats | None
    ) -> dict[str, NDArray[np.float16]]:
        """The change [r + 1 or 3, C + own] that fits the samples best, sought from `change`, and the square terms [C + own]."""
        valid, size, labels = arrays["units"] > 0, len(self.alphabet) + own, arrays["labels"].astype(np.int32)
        sizes = self.writer_sizes(labels, own, arrays)
        inputs, logs = self.unpack(arrays, own, sizes)
        if not valid.all():
            inputs, labels, logs = inputs[valid], labels[valid], logs[valid]
        solution, square = np.zeros((inputs.shape[1], size), np.float32), np.zeros(size, np.float32)
        if len(labels):
            with np.errstate(over="ignore", invalid="ignore"):
                around, square = self._prior(inputs, labels, own)
                logs += self.squares(inputs)[:, None] * square
                if self.shapes is not None:
                    logs[:, : len(self.alphabet)] += chosen_odds(self._counts(labels), self.shapes.frequencies)
                solution = residual(inputs, logs, np.eye(size, dtype=np.float32)[labels], rounds, change, around)
            if not (np.isfinite(solution).all() and np.isfinite(square).all()):
                # Samples so far apart in size that sums overflow teach nothing.
                solution, square = np.zeros_like(solution), np.zeros_like(square)
        halves = {"change": solution, "square": square}
        return {name: np.clip(one, -LARGEST_CHANGE, LARGEST_CHANGE).astype(np.float16) for name, one in halves.items()}

    def _prior(self, inputs: Floats, labels: NDArray[np.integer], own: int) -> tuple[Floats | None, Floats]:
        """The change's prior mean [r + 1 or 3, C + own], None for 0, and the square terms [C + own], by valid samples."""
        if self.shapes is None or not self.means:
            return None, np.zeros(len(self.alphabet) + own, np.float32)
        width, unit = self.population.space.shape[1], np.float32(np.sqrt(self.weight))
        shapes = WriterShapes.of(self.shapes, inputs[:, :width] / unit, labels, own, self.between, self.means)
        around = np.zeros((inputs.shape[1], len(shapes.square)), np.float32)
        around[:width], around[width] = shapes.linear / unit, shapes.constant / np.float32(np.sqrt(self.bias))
        return around, shapes.square


@dataclass(frozen=True)
class AllographWithoutSize(Allograph):
    """The default with its parameters, but blind to size: what size gives is the difference."""

    name: ClassVar[str] = "allograph-size"

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """As the default, without the statistics of sizes."""
        default = Allograph.of(bundle)
        parameters = {field.name: getattr(default, field.name) for field in fields(default)}
        return cls(**parameters | {"sizes": None})
