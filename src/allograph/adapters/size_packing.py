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
"""The arrays of a state: float16 [n, 2 or 4], the inverse hyperbolic sines of `Boxes.sizes`, and uint32 [n], `Boxes.scales`; or
[1], where all sizes have the same scale."""
Join = Callable[[NDArray[np.generic], NDArray[np.generic]], NDArray[np.generic]]


def pack_sizes(
    before: Mapping[str, NDArray[Any]], old: int, boxes: Boxes | None, new: int, join: Join
) -> dict[str, NDArray[Any]]:
    """The arrays for `old` samples of a state `before` and `new` ones with these boxes, as `join` joins them; none without sizes.

    Where no sample has a place, only height and width are kept.
    """
    if boxes is None and SIZES not in before:
        return {}
    more = Boxes.none(new) if boxes is None else boxes
    sizes = join(_rows(before, old), np.arcsinh(more.sizes).astype(np.float16))
    scales = join(_scales(before, old), more.scales)
    known = np.isfinite(sizes)
    has_size = known[:, :LENGTHS].all(axis=1)
    if not has_size.any():
        return {}
    if not known[:, LENGTHS:].any():
        sizes = sizes[:, :LENGTHS].copy()
    first = scales[has_size.argmax()]
    return {SIZES: sizes, SCALES: first.reshape(1) if (scales[has_size] == first).all() else scales}


def unpack_sizes(packed: Mapping[str, NDArray[Any]], labels: NDArray[np.integer]) -> SizedSamples:
    """The samples of a state that have a size, with their labels [n]."""
    return SizedSamples.of(*unpack_all_sizes(packed, len(labels)), labels)


def unpack_all_sizes(packed: Mapping[str, NDArray[Any]], count: int) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """Sizes [n, 4] and scales [n] of all samples of a state, NaN where they are not known."""
    return np.sinh(_rows(packed, count).astype(np.float32)), _scales(packed, count)


def _rows(packed: Mapping[str, NDArray[Any]], count: int) -> NDArray[np.float16]:
    rows = np.full((count, 4), np.nan, np.float16)
    if SIZES in packed:
        rows[:, : packed[SIZES].shape[1]] = packed[SIZES]
    return rows


def _scales(packed: Mapping[str, NDArray[Any]], count: int) -> NDArray[np.uint32]:
    scales = np.zeros(count, np.uint32)
    if SCALES in packed:
        scales[:] = packed[SCALES]
    return scales
