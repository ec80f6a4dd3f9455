"""A piece of a line's ink: a stroke of the pen, or a part of a picture's ink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from allograph.images.area_rasterizer import Area
from allograph.ink import ink_extent
from allograph.samples.equality import by_content


@by_content
@dataclass(frozen=True, eq=False)
class Piece:
    """Ink that is never cut: the path of a pen's stroke, or the middle lines of a connected part of a picture's ink."""

    paths: tuple[NDArray[np.float64], ...]
    """Each [k, 2], x and y (down), in the unit of the line; a path of one point is a dot. At least one path."""

    area: Area | None = None
    """The ink itself, where it comes from a picture."""

    @cached_property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the paths; the width of the pen does not count."""
        return ink_extent(self.paths)


def edges_of(pieces: Sequence[Piece]) -> NDArray[np.float64]:
    """[n, 4] the edges of pieces."""
    return np.array([piece.edges for piece in pieces], np.float64).reshape(-1, 4)
