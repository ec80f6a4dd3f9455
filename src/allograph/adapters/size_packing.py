"""Sizes in a state: few bytes a sample, and none where no sample has a size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.size import SizedSamples
from allograph.adapters.size_statistics import LENGTHS
from allograph.samples.box import Boxes

SIZES, SCALES = "sizes", "scales"
"""The arrays of a state: float16 [n, 2 or 4], the inverse hyperbolic sines of `Boxes.sizes`, and uint32 [n], `Boxes.scales`."""
Join = Callable[[NDArray[np.generic], NDArray[np.generic]], NDArray[np.generic]]


def pack_sizes(
    before: Mapping[str, NDArray[Any]], old: int, boxes: Boxes | None, new: int, join: Join
) -> dict[str, NDArray[Any]]:
    """The arrays for `old` samples of a state `before` and `new` ones with these boxes, as `join` joins them; none without sizes.

    Where no sample has a place, only height and width are kept.
    """
    if boxes is None and SIZES not in before:
        return {}
    sizes, scales = _rows(before, old)
    more = np.full((new, 4), np.nan, np.float32) if boxes is None else boxes.sizes
    also = np.zeros(new, np.uint32) if boxes is None else boxes.scales
    joined = join(sizes, more).astype(np.float32)
    if not np.isfinite(joined).any():
        return {}
    if not np.isfinite(joined[:, LENGTHS:]).any():
        joined = joined[:, :LENGTHS]
    return {SIZES: np.arcsinh(joined).astype(np.float16), SCALES: join(scales, also)}


def unpack_sizes(packed: Mapping[str, NDArray[Any]], labels: NDArray[np.integer]) -> SizedSamples:
    """The samples of a state that have a size, with their labels [n]."""
    return SizedSamples.of(*_rows(packed, len(labels)), labels)


def unpack_all_sizes(packed: Mapping[str, NDArray[Any]], count: int) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """Sizes [n, 4] and scales [n] of all samples of a state, NaN where they are not known."""
    return _rows(packed, count)


def _rows(packed: Mapping[str, NDArray[Any]], count: int) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    sizes = np.full((count, 4), np.nan, np.float32)
    if SIZES not in packed:
        return sizes, np.zeros(count, np.uint32)
    known = np.sinh(packed[SIZES].astype(np.float32))
    sizes[:, : known.shape[1]] = known
    return sizes, packed[SCALES]
