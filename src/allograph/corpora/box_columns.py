"""Boxes as columns of a Parquet file: `box`, NaN where it is missing, `unit`, `device`, `baseline`, null where they are."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.parquet import pa
from allograph.errors import FormatError
from allograph.samples.box import UNITS, Boxes

FIELDS = (
    pa.field("box", pa.list_(pa.float32(), 4)),
    pa.field("unit", pa.string()),
    pa.field("device", pa.string()),
    pa.field("baseline", pa.float32()),
)
NAMES = tuple(field.name for field in FIELDS)


def boxes_to_arrow(boxes: Boxes | None, count: int) -> list[pa.Array]:
    """The columns `FIELDS` of `count` samples."""
    boxes = Boxes.none(count) if boxes is None else boxes
    missing = _missing(boxes)
    edges = pa.array(np.ascontiguousarray(boxes.edges, dtype=np.float32).reshape(-1))
    return [
        pa.FixedSizeListArray.from_arrays(edges, 4),  # not every release of Arrow can write lists that are null
        pa.array(np.where(boxes.millimetres, *UNITS), pa.string(), mask=missing),
        pa.array(boxes.devices, pa.string(), mask=missing),
        pa.array(boxes.baselines, pa.float32(), mask=missing | np.isnan(boxes.baselines)),
    ]


def boxes_of(table: pa.Table, where: str) -> Boxes | None:
    """The boxes of a table's samples; None where it has no such columns, or all are missing.

    Raises `FormatError`, which begins with `where`, for what is no box.
    """
    if NAMES[0] not in table.column_names:
        return None
    box, unit, device, baseline = (_whole(table[name]) for name in NAMES)
    units = _texts(unit)
    unknown = sorted(set(np.unique(units).tolist()) - {"", *UNITS})
    edges = np.full((len(box), 4), np.nan, np.float32)
    edges[np.asarray(box.is_valid())] = box.flatten().to_numpy(zero_copy_only=False).reshape(-1, 4)
    known = ~np.isnan(edges[:, 0])
    if not known.any():
        return None
    boxes = Boxes(
        edges, baseline.to_numpy(zero_copy_only=False).astype(np.float32), units == UNITS[0], np.where(known, _texts(device), "")
    )
    fault = (0, f"the unit {unknown[0]!r} is none") if unknown else boxes.first_fault()
    if fault is not None:
        raise FormatError(f"{where} holds a box that cannot be one ({fault[1]}); make it anew")
    return boxes


def count_units(boxes: Boxes | None) -> Counter[str]:
    """How many boxes are in each unit; missing ones are in none."""
    if boxes is None:
        return Counter()
    known = ~_missing(boxes)
    in_millimetres = int(np.count_nonzero(known & boxes.millimetres))
    return +Counter(millimetres=in_millimetres, device=int(np.count_nonzero(known)) - in_millimetres)


def _missing(boxes: Boxes) -> NDArray[np.bool_]:
    return np.isnan(boxes.edges[:, 0])


def _whole(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array


def _texts(array: pa.Array) -> NDArray[np.str_]:
    """Text as `str` [n], empty where it is null."""
    codes = array.dictionary_encode()
    values = np.array(["", *codes.dictionary.to_pylist()], np.str_)
    return values[codes.indices.fill_null(-1).to_numpy(zero_copy_only=False) + 1]
