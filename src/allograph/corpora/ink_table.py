"""The ink of many characters as three arrays: compact, so that it travels to worker processes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from allograph.samples.box import Boxes


class Ink(NamedTuple):
    """The characters of a source."""

    points: NDArray[np.float32]
    """[N, 2] x, y; y down."""
    strokes: NDArray[np.int64]
    """[S + 1] stroke i has the points strokes[i] to strokes[i + 1]."""
    characters: NDArray[np.int64]
    """[n + 1] character i has the strokes characters[i] to characters[i + 1]."""
    boxes: Boxes
    """[n] as they were written."""

    @classmethod
    def of(cls, characters: Sequence[Sequence[NDArray[np.floating]]], boxes: Boxes) -> Self:
        """The table of characters, each its strokes [k, 2], and of their boxes."""
        strokes = [stroke for character in characters for stroke in character]
        return cls(
            np.concatenate([np.empty((0, 2)), *strokes]).astype(np.float32),
            np.cumsum([0, *map(len, strokes)]),
            np.cumsum([0, *map(len, characters)]),
            boxes,
        )

    def character(self, row: int) -> list[NDArray[np.float32]]:
        """The strokes of one character, each [k, 2]."""
        bounds = self.strokes[self.characters[row] : self.characters[row + 1] + 1]
        return [self.points[start:stop] for start, stop in pairwise(bounds)]
