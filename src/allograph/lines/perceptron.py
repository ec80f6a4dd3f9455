"""A perceptron with one hidden layer, as arrays: trained elsewhere, evaluated with NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.linear_algebra import product
from allograph.samples.equality import by_content

Floats = NDArray[np.float32]


@by_content
@dataclass(frozen=True, eq=False)
class Perceptron:
    """The log-odds of yes against no, from numbers [n, f]: standardized, a layer of rectified units, a weighted sum."""

    means: Floats
    """[f]"""
    spreads: Floats
    """[f]"""
    inner: Floats
    """[f, h]"""
    inner_bias: Floats
    """[h]"""
    outer: Floats
    """[h]"""
    outer_bias: Floats
    """[1]"""

    @classmethod
    def read(cls, arrays: Mapping[str, NDArray[Any]], prefix: str) -> Perceptron:
        """From what `arrays` gave; raises `KeyError` for an array that is missing."""
        return cls(**{field.name: arrays[prefix + field.name] for field in fields(cls)})

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """By name, for a bundle."""
        return {prefix + field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def is_sound(self) -> bool:
        """Whether the arrays fit one another, are float32, and hold finite numbers."""
        arrays = [getattr(self, field.name) for field in fields(self)]
        if any(array.dtype != np.float32 or not np.isfinite(array).all() for array in arrays):
            return False
        count, hidden = self.inner.shape if self.inner.ndim == 2 else (-1, -1)
        shapes = [(count,), (count,), (count, hidden), (hidden,), (hidden,), (1,)]
        return [array.shape for array in arrays] == shapes and bool((self.spreads > 0).all())

    def log_odds(self, numbers: Floats) -> Floats:
        """[n] for numbers [n, f]."""
        hidden = product((numbers - self.means) / self.spreads, self.inner) + self.inner_bias
        return np.asarray(np.maximum(hidden, 0) @ self.outer + self.outer_bias, np.float32)
