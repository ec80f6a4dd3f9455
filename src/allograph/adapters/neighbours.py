"""Memories: the writer's own samples vote by how near they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.linear_algebra import product
from allograph.adapters.memory_based import AdaptationSet, MemoryBased, Scorer, mix
from allograph.adapters.population import Population
from allograph.adapters.tunable_adapter import Floats
from allograph.readings import Samples


@dataclass(frozen=True)
class NearestMemory(MemoryBased):
    """kNN-Per (Marfoq et al., ICML 2022): softmax mix with exp(−distance) votes of the `k` nearest of the writer's samples.

    Distances are Euclidean, between embeddings whitened by the within-writer covariance to the power `whitening` (0: as they
    are), in units of their root mean square norm over `scale`.
    """

    population: Population | None = field(default=None, repr=False)
    k: int = 10
    share: float = 0.5
    scale: float = 10.0
    whitening: float = 1.0

    name: ClassVar[str] = "memory"
    needs_population: ClassVar[bool] = False
    grid: ClassVar[dict[str, tuple[float, ...]]] = {
        "share": (0.4, 0.5, 0.6, 0.7),
        "scale": (5.0, 10.0, 20.0),
        "k": (5, 10, 20),
        "whitening": (0.0, 1.0),
    }

    def scorer(self, samples: AdaptationSet) -> Scorer:
        """Whiten the samples."""
        points = self.place(samples.embeddings)
        unit = max(float(np.sqrt((points**2).sum(axis=1).mean())), 1e-6) / self.scale
        return MemoryScorer(self, Distances.of(points), samples.truth, unit)

    def place(self, embeddings: Floats) -> Floats:
        """Embeddings [n, d], whitened."""
        return embeddings if self._space is None else product(embeddings, self._space)

    @cached_property
    def _space(self) -> Floats | None:
        return self.population.whitening(self.whitening) if self.population and self.whitening else None


@dataclass(frozen=True, eq=False)
class MemoryScorer:
    """One writer's whitened samples."""

    method: NearestMemory
    distances: Distances
    truth: Floats
    """[n, C + m]"""
    unit: float
    """The length of distance 1."""

    def __call__(self, samples: Samples, logs: Floats) -> Floats:
        """As `Scorer`."""
        away = self.distances(self.method.place(samples.embeddings)) / self.unit
        count = min(int(self.method.k), len(self.truth))
        nearest = np.argpartition(away, count - 1, axis=1)[:, :count]
        near = np.take_along_axis(away, nearest, axis=1)
        weights = np.exp(near.min(axis=1, keepdims=True) - near)
        weights /= weights.sum(axis=1, keepdims=True)
        return mix(logs, np.einsum("nk,nkc->nc", weights, self.truth[nearest]), self.method.share)


@dataclass(frozen=True)
class Cache(MemoryBased):
    """Tip-Adapter (Zhang et al., ECCV 2022): α · exp(−β (1 − cosine)) of every sample, added to its label's logit."""

    alpha: float = 4.0
    beta: float = 10.0

    name: ClassVar[str] = "cache"
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"alpha": (1.0, 2.0, 4.0, 8.0), "beta": (5.0, 10.0, 20.0, 40.0)}

    def scorer(self, samples: AdaptationSet) -> Scorer:
        """Normalise the samples."""
        return CacheScorer(self, np.ascontiguousarray(normalize(samples.embeddings).T), samples.truth)


@dataclass(frozen=True, eq=False)
class CacheScorer:
    """One writer's samples, at length 1."""

    method: Cache
    directions: Floats
    """[d, n] the embeddings, each of length 1"""
    truth: Floats
    """[n, C + m]"""

    def __call__(self, samples: Samples, logs: Floats) -> Floats:
        """As `Scorer`."""
        likeness = product(normalize(samples.embeddings), self.directions)
        return logs + product(self.method.alpha * np.exp(self.method.beta * (likeness - 1)), self.truth)


@dataclass(frozen=True)
class LocalCompetence(MemoryBased):
    """Dynamic selection by overall local accuracy (Woods et al., 1997; DESlib's OLA): base, or the writer's nearest samples.

    Of the `k` samples nearest to the query, each answerer is as competent as its share of right answers, the nearest
    sample found without that sample itself; the nearest sample answers where it is more competent.
    """

    k: int = 7

    name: ClassVar[str] = "local"
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"k": (3, 5, 7, 11, 15)}

    def scorer(self, samples: AdaptationSet) -> Scorer:
        """Let base and nearest sample answer every sample of the writer."""
        labels, distances = samples.labels, Distances.of(samples.embeddings)
        away = distances(samples.embeddings)
        np.fill_diagonal(away, np.inf)
        own_right = labels[away.argmin(axis=1)] == labels if len(labels) > 1 else np.zeros(1, bool)
        return CompetenceScorer(self, distances, samples.truth, samples.base_answers == labels, own_right)


@dataclass(frozen=True, eq=False)
class CompetenceScorer:
    """One writer's samples, and who was right about each."""

    method: LocalCompetence
    distances: Distances
    truth: Floats
    """[n, C + m]"""
    base_right: NDArray[np.bool_]
    """[n]"""
    own_right: NDArray[np.bool_]
    """[n]"""

    def __call__(self, samples: Samples, logs: Floats) -> Floats:
        """As `Scorer`."""
        away = self.distances(samples.embeddings)
        count = min(int(self.method.k), len(self.truth))
        nearest = np.argpartition(away, count - 1, axis=1)[:, :count]
        base, own = self.base_right[nearest].mean(axis=1), self.own_right[nearest].mean(axis=1)
        share = np.where(own > base, 0.9, 0.0).astype(np.float32)[:, None]
        return mix(logs, self.truth[away.argmin(axis=1)], share)


@dataclass(frozen=True, eq=False)
class Distances:
    """Euclidean distances to points, with their squared lengths computed once."""

    points: Floats
    """[d, m]"""
    lengths: Floats
    """[m] the points' squared lengths."""

    @classmethod
    def of(cls, points: Floats) -> Distances:
        """To rows [m, d]."""
        return cls(np.ascontiguousarray(points.T), (points**2).sum(axis=1))

    def __call__(self, queries: Floats) -> Floats:
        """The distances [n, m] from rows [n, d]."""
        return np.sqrt(np.maximum((queries**2).sum(axis=1)[:, None] + self.lengths - 2 * product(queries, self.points), 0))


def normalize(embeddings: Floats) -> Floats:
    """Each row [n, d] at length 1."""
    return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
