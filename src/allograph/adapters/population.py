"""What the training writers' embeddings look like: the statistics that adapters lean on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.bundle import Bundle
from allograph.errors import InputError

Floats = NDArray[np.float32]
PREFIX = "population/"
RIDGE = 0.1
"""Share of the mean variance that is added to every direction before it is whitened."""


@dataclass(frozen=True)
class Population:
    """Statistics of the training writers' embeddings."""

    within: Floats
    """[d, d] covariance of one writer's samples of one label around their mean."""
    between: Floats
    """[d, d] covariance of the writers' means of one label around the label's mean."""
    means: Floats
    """[C, d] each label's mean; zeros where the population has none of it."""
    head: Floats
    """[d + 1, C] the affine map from embeddings to logits, as nearly as there is one."""

    @staticmethod
    def known_of(bundle: Bundle) -> bool:
        """Whether a bundle has them."""
        return any(name.startswith(PREFIX) for name in bundle.statistics)

    @classmethod
    def of(cls, bundle: Bundle) -> Population:
        """Read it from a bundle; raises `InputError` where that has none yet."""
        try:
            return cls(*(bundle.statistics[PREFIX + name].astype(np.float32) for name in cls.__annotations__))
        except KeyError:
            raise InputError(f"the bundle {bundle.path} has no population statistics; make them with: allograph tune") from None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a bundle's statistics, in half precision."""
        return {PREFIX + name: getattr(self, name).astype(np.float16) for name in type(self).__annotations__}

    def whitening(self, power: float = 1.0) -> Floats:
        """[d, d] the map in which the within-writer covariance is the unit matrix; with a power below 1, nearly so."""
        values, vectors = np.linalg.eigh(self.within.astype(np.float64))
        values = np.maximum(values, 0) + RIDGE * values.mean()  # half precision can leave a trace below zero
        return (vectors * (values / values.mean()) ** (-power / 2)).astype(np.float32)


def population(embeddings: Floats, logits: Floats, labels: NDArray[np.int32], writers: NDArray[np.str_]) -> Population:
    """The statistics of embeddings [n, d], their logits [n, C], labels (places) [n] and writers [n]."""
    size, width = logits.shape[1], embeddings.shape[1]
    means = np.zeros((size, width))
    counts = np.bincount(labels, minlength=size)
    np.add.at(means, labels, embeddings)
    means /= np.maximum(counts, 1)[:, None]

    _, cell_of = np.unique(np.char.add(np.char.add(writers, "\t"), labels.astype(str)), return_inverse=True)
    cells = np.bincount(cell_of)
    centres = np.zeros((len(cells), width))
    np.add.at(centres, cell_of, embeddings)
    centres /= cells[:, None]
    label_of_cell = np.zeros(len(cells), np.int64)
    label_of_cell[cell_of] = labels
    spread = embeddings - centres[cell_of]
    within = spread.T @ spread / max(len(embeddings) - len(cells), 1)
    apart = centres - means[label_of_cell]
    between = apart.T @ apart / len(cells) - within * (1 / cells).mean()  # a mean of few samples strays by itself
    values, vectors = np.linalg.eigh(between)
    between = (vectors * np.maximum(values, 1e-3 * values.max())) @ vectors.T

    affine = np.concatenate([embeddings, np.ones((len(embeddings), 1), np.float32)], axis=1).astype(np.float64)
    gram = affine.T @ affine
    head = np.linalg.solve(gram + 1e-6 * np.trace(gram) / len(gram) * np.eye(len(gram)), affine.T @ logits)
    return Population(*(array.astype(np.float32) for array in (within, between, means, head)))


def parameters_of(bundle: Bundle, name: str) -> Mapping[str, Any]:
    """What `allograph tune` chose for an adapter; nothing where it did not."""
    found: Mapping[str, Any] = bundle.config.get("adapters", {}).get(name, {})
    return found
