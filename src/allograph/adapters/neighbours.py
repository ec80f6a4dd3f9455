"""Memories: the writer's own samples vote by how near they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from allograph.adapters.population import Population
from allograph.adapters.remembered import Fitted, Memory, Remembering, mixed
from allograph.adapters.tunable import Floats
from allograph.readings import Samples


@dataclass(frozen=True)
class NearestMemory(Remembering):
    """kNN-Per (Marfoq et al., ICML 2022): softmax mixed with exp(−distance) votes of the `k` nearest of the writer's samples.

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
    tried: ClassVar[dict[str, tuple[float, ...]]] = {
        "share": (0.4, 0.5, 0.6, 0.7),
        "scale": (5.0, 10.0, 20.0),
        "k": (5, 10, 20),
        "whitening": (0.0, 1.0),
    }

    def fit(self, memory: Memory) -> Fitted:
        """Bring the samples into the space."""
        space = self.population.whitening(self.whitening) if self.population and self.whitening else None
        known = memory.embeddings if space is None else memory.embeddings @ space
        unit = max(float(np.sqrt((known**2).sum(axis=1).mean())), 1e-6) / self.scale
        count = min(int(self.k), len(known))
        truth, distances = memory.truth, distances_to(known)

        def values(samples: Samples, logs: Floats) -> Floats:
            away = distances(samples.embeddings if space is None else samples.embeddings @ space) / unit
            nearest = np.argpartition(away, count - 1, axis=1)[:, :count]
            near = np.take_along_axis(away, nearest, axis=1)
            weights = np.exp(near.min(axis=1, keepdims=True) - near)
            weights /= weights.sum(axis=1, keepdims=True)
            return mixed(logs, np.einsum("nk,nkc->nc", weights, truth[nearest]), self.share)

        return values


@dataclass(frozen=True)
class Cache(Remembering):
    """Tip-Adapter (Zhang et al., ECCV 2022): α · exp(−β (1 − cosine)) of every sample, added to its label's logit."""

    alpha: float = 4.0
    beta: float = 10.0

    name: ClassVar[str] = "cache"
    tried: ClassVar[dict[str, tuple[float, ...]]] = {"alpha": (1.0, 2.0, 4.0, 8.0), "beta": (5.0, 10.0, 20.0, 40.0)}

    def fit(self, memory: Memory) -> Fitted:
        """Normalise the samples."""
        known, truth = directions(memory.embeddings), memory.truth

        def values(samples: Samples, logs: Floats) -> Floats:
            likeness = directions(samples.embeddings) @ known.T
            return logs + self.alpha * np.exp(self.beta * (likeness - 1)) @ truth

        return values


@dataclass(frozen=True)
class LocalCompetence(Remembering):
    """Dynamic selection by overall local accuracy (Woods et al., 1997; DESlib's OLA): base, or the writer's nearest samples.

    Of the `k` samples nearest to the one asked, each answerer is as competent as its share of right answers, the memory being
    asked about each of them without that sample itself; the memory speaks where it is more competent.
    """

    k: int = 7

    name: ClassVar[str] = "local"
    tried: ClassVar[dict[str, tuple[float, ...]]] = {"k": (3, 5, 7, 11, 15)}

    def fit(self, memory: Memory) -> Fitted:
        """Ask base and memory about every sample."""
        known, labels, truth = memory.embeddings, memory.labels, memory.truth
        distances = distances_to(known)
        away = distances(known)
        np.fill_diagonal(away, np.inf)
        base_right = memory.read_as == labels
        own_right = labels[away.argmin(axis=1)] == labels if len(labels) > 1 else np.zeros(1, bool)
        count = min(int(self.k), len(known))

        def values(samples: Samples, logs: Floats) -> Floats:
            away = distances(samples.embeddings)
            nearest = np.argpartition(away, count - 1, axis=1)[:, :count]
            base, own = base_right[nearest].mean(axis=1), own_right[nearest].mean(axis=1)
            share = np.where(own > base, 0.9, 0.0).astype(np.float32)[:, None]
            return mixed(logs, truth[away.argmin(axis=1)], share)

        return values


def distances_to(known: Floats) -> Callable[[Floats], Floats]:
    """From rows [n, d] to their Euclidean distances [n, m] to the rows of `known` [m, d]."""
    lengths = (known**2).sum(axis=1)

    def distances(asked: Floats) -> Floats:
        return np.sqrt(np.maximum((asked**2).sum(axis=1)[:, None] + lengths - 2 * (asked @ known.T), 0))

    return distances


def directions(embeddings: Floats) -> Floats:
    """Each row [n, d] at length 1."""
    return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
