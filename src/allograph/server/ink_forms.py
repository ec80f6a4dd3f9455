"""Ink in a body of JSON, in either of the two forms that are in use: points, or columns of numbers."""

from __future__ import annotations

from itertools import chain
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Form = Literal["points", "columns"]
Ink = list[NDArray[np.float64]]
"""Strokes, each [k, 2], x and y of its points."""

POINTS = "an array of points [x, y] or [x, y, pressure]"
COLUMNS = "[[x, x, …], [y, y, …]], with a third array such as the times if need be"
INK = f'ink is an array of strokes, each {POINTS}; or with "ink_form": "columns", each {COLUMNS}'


def read_strokes(strokes: Any, form: Form | None) -> Ink:
    """The strokes of a sample; those that fit no form, or could be meant in another than is said, raise `ValueError`.

    Points are meant unless columns are said. Columns that were not said are refused, not guessed: short strokes fit both forms,
    so whoever sends columns is told so at the first stroke that is not short.
    """
    if not isinstance(strokes, list) or not all(isinstance(stroke, list) for stroke in strokes):
        raise ValueError(INK)
    rows = list(chain.from_iterable(strokes))
    if not all(type(row) is list for row in rows):
        if any(isinstance(row, dict) for row in rows):
            raise ValueError(f"a point is an array [x, y], not an object; {INK}")
        raise ValueError(INK)
    numbers = list(chain.from_iterable(rows))
    if not set(map(type, numbers)) <= {int, float}:
        raise ValueError(f"the coordinates of ink are numbers; {INK}")
    try:
        values = np.array(numbers, np.float64)
    except OverflowError:
        raise ValueError("a coordinate of the ink is too large; scale the ink down") from None
    if form == "columns":
        return _columns(strokes, values)
    lengths = set(map(len, rows))
    if not lengths <= {2, 3}:
        if _are_columns(strokes):
            raise ValueError('the strokes are columns [[x, x, …], [y, y, …]]; say so with "ink_form": "columns"')
        raise ValueError(INK)
    if form is None and lengths == {3} and _are_columns(strokes) and _are_no_pressures(values[2::3]):
        raise ValueError(
            "the strokes may be points [x, y, pressure], or columns [[x, x, x], [y, y, y]]: "
            'say which with "ink_form": "points" or "columns"'
        )
    return _points(strokes, lengths, values)


def _points(strokes: list[list[list[float]]], lengths: set[int], values: NDArray[np.float64]) -> Ink:
    if lengths == {2, 3}:
        return [np.array([row[:2] for row in stroke], np.float64).reshape(-1, 2) for stroke in strokes]
    points = values.reshape(-1, *lengths)[:, :2] if lengths else values.reshape(0, 2)
    ends = np.cumsum([len(stroke) for stroke in strokes]).tolist()
    return [points[end - len(stroke) : end] for stroke, end in zip(strokes, ends, strict=True)]


def _columns(strokes: list[list[list[float]]], values: NDArray[np.float64]) -> Ink:
    if not _are_columns(strokes):
        raise ValueError(f"with columns, a stroke is {COLUMNS}, all of one length")
    found, start = [], 0
    for stroke in strokes:
        length = len(stroke[0])
        found.append(values[start : start + 2 * length].reshape(2, length).T)
        start += len(stroke) * length
    return found


def _are_columns(strokes: list[list[list[float]]]) -> bool:
    """Whether each stroke could be two or three columns of one length."""
    return all(len(stroke) in (2, 3) and len(set(map(len, stroke))) == 1 for stroke in strokes)


def _are_no_pressures(values: NDArray[np.float64]) -> bool:
    """Whether a third number is no share of the greatest pressure, so that it may be another x, y or time."""
    return bool((values < 0).any() or (values > 1).any())
