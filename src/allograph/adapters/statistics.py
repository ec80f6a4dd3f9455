"""What adapters know of the training writers, gathered together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.population import PREFIX, Population
from allograph.adapters.shape import PREFIX as SHAPE
from allograph.adapters.shape import ShapeStatistics
from allograph.adapters.size_statistics import PREFIX as SIZE
from allograph.adapters.size_statistics import SizeStatistics
from allograph.bundle import Bundle
from allograph.readings import Samples
from allograph.samples.equality import by_content

PREFIXES = (PREFIX, SHAPE, SIZE)
"""How the names of their arrays begin in a bundle."""


@by_content
@dataclass(frozen=True, eq=False)
class Statistics:
    """The statistics of one recognizer's training writers, by the names that adapters have for them."""

    population: Population
    shapes: ShapeStatistics | None
    sizes: SizeStatistics | None
    """None where too few samples have boxes."""

    @classmethod
    def estimate(cls, samples: Samples, labels: NDArray[np.int32], writers: NDArray[np.str_]) -> Statistics:
        """Of samples with their labels (places) [n] and writers [n]."""
        population = Population.estimate(samples, labels, writers)
        shapes = ShapeStatistics.estimate(population, samples, labels, writers)
        size, boxes = samples.logits.shape[1], samples.boxes
        return cls(population, shapes, None if boxes is None else SizeStatistics.estimate(boxes, labels, writers, size))

    @classmethod
    def read(cls, bundle: Bundle) -> Statistics:
        """A bundle's; raises `InputError` where that has none of its population."""
        return cls(Population.of(bundle), ShapeStatistics.of(bundle), SizeStatistics.of(bundle))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a bundle."""
        arrays = self.population.arrays()
        for one in (self.shapes, self.sizes):
            arrays |= {} if one is None else one.arrays()
        return arrays

    def parameters(self, names: Collection[str]) -> dict[str, Any]:
        """Those that an adapter with parameters of these names has a place for."""
        return {name: part for name, part in vars(self).items() if name in names}

    @property
    def rounded(self) -> Statistics:
        """As a bundle gives them back."""
        arrays = self.arrays()
        population = Population(*(array.astype(np.float32) for array in self.population.arrays().values()))
        return Statistics(population, ShapeStatistics.read(arrays), SizeStatistics.read(arrays))
