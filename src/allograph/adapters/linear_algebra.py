"""Matrix products that a BLAS does in the thread that asks for them, whatever its settings are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

MULTIPLICATIONS = 2**18
"""Multiplications in one call of the BLAS, at most: OpenBLAS spreads only more than that over its threads, and MKL about as many.
Spreading products as small as ours costs more than it saves, and much more beside other load."""
MOST_TERMS = 160
"""Terms of a sum in one call; sums of more are added up from parts. Deeper and wider blocks leave too few rows to be quick."""
MOST_COLUMNS = 128
"""Columns in one call."""
LARGEST_INVERSE = 48
"""Rows of a matrix that LAPACK inverts in one call: from 100 on OpenBLAS spreads that, and products are quicker long before."""


def product(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """The matrix product [m, n] of [m, k] and [k, n], block by block.

    It is `one @ other` but for rounding. Nothing global is switched: what else the process does with the BLAS is left alone.

    >>> product(np.ones((500, 200), np.float32), np.ones((200, 300), np.float32))[499, 299]
    np.float32(200.0)
    """
    (m, k), n = one.shape, other.shape[1]
    if m * k * n <= MULTIPLICATIONS and k <= MULTIPLICATIONS // 64:
        return one @ other
    if other.strides[0] < other.strides[1]:
        other = np.ascontiguousarray(other)  # kernels for small blocks are slow on what is transposed
    total: NDArray[Any] | None = None
    for columns in _parts(k, MOST_TERMS):
        part = np.empty((m, n), np.result_type(one, other))
        for place in _parts(n, max(MOST_COLUMNS, MULTIPLICATIONS // (MOST_TERMS * m))):
            _fill(part[:, place], one[:, columns], other[columns, place])
        total = part if total is None else np.add(total, part, out=total)
    assert total is not None
    return total


def inverse(matrix: NDArray[Any]) -> NDArray[Any]:
    """The inverse [n, n] of a symmetric positive definite matrix, from the inverses of blocks of it.

    >>> inverse(np.diag([1.0, 2.0, 4.0])).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.25]]
    """
    size = len(matrix)
    if size <= LARGEST_INVERSE:
        inverted: NDArray[Any] = np.linalg.inv(matrix)
        return inverted
    half = size // 2
    first, across = inverse(matrix[:half, :half]), matrix[half:, :half]
    turned = product(across, first)
    last = inverse(matrix[half:, half:] - product(turned, across.T))  # of the Schur complement
    lower = -product(last, turned)
    whole = np.empty_like(matrix)
    whole[:half, :half] = first - product(turned.T, lower)
    whole[half:, half:], whole[half:, :half], whole[:half, half:] = last, lower, lower.T
    return whole


def _parts(size: int, largest: int) -> list[slice]:
    """`size` places in as few equal parts as none is larger than `largest`."""
    width = math.ceil(size / math.ceil(size / largest))
    return [slice(start, start + width) for start in range(0, size, width)]


def _fill(out: NDArray[Any], one: NDArray[Any], other: NDArray[Any]) -> None:
    """Put the product into `out`, in stacks of as many rows as the work allows; NumPy calls the BLAS once for each."""
    m, k = one.shape
    n = other.shape[1]
    rows = min(max(MULTIPLICATIONS // (k * n), 1), m)
    if rows > 8:
        rows -= rows % 8  # its kernels take rows eight at a time
    whole = m - m % rows
    np.matmul(one[:whole].reshape(-1, rows, k), other, out=out[:whole].reshape(-1, rows, n))
    if whole < m:
        np.matmul(one[whole:], other, out=out[whole:])
