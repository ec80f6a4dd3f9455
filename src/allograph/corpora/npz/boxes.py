"""The boxes of an npz archive's samples: in the archive itself, or in one beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.npz.arrays import as_texts, open_archive, read_array
from allograph.errors import FormatError, InputError
from allograph.samples.box import Boxes


def read_boxes(path: Path, count: int) -> Boxes | None:
    """The boxes of `count` samples; None where an archive has no array `box`.

    `box` [n, 4] is left, top, right, bottom, y down, NaN where it is missing; optional are `millimetres` [n], true where these
    are its unit, `device` [n] and `baseline` [n]. Raises `FormatError` for an array of another type or length, `InputError` with
    the place for what is no box.
    """
    with open_archive(path) as archive:
        names = archive.names
    if "box" not in names:
        return None
    optional = {
        name: _column(path, name, kinds, count)
        for name, kinds in (("millimetres", "bui"), ("device", "USiuf"), ("baseline", "iuf"))
        if name in names
    }
    edges = _column(path, "box", "iuf", count, 4)
    none = Boxes.none(count)
    millimetres = optional.get("millimetres", none.millimetres)
    if not np.isin(millimetres, (0, 1)).all():
        raise FormatError(f"{path}: millimetres is true or false [n]")
    boxes = Boxes(
        _rounded(edges),
        _rounded(optional["baseline"]) if "baseline" in optional else none.baselines,
        millimetres.astype(np.bool_),
        as_texts(path, "device", optional["device"], str) if "device" in optional else none.devices,
    )
    fault = boxes.first_fault()
    if fault is not None:
        raise InputError(f"{path}: box[{fault[0]}]: {fault[1]}")
    return boxes


def _column(path: Path, name: str, kinds: str, count: int, *width: int) -> NDArray[Any]:
    """An array [count, *width] of numbers or text."""
    array = read_array(path, name)
    wanted = f"{name} is {'text' if 'U' in kinds else 'true or false' if 'b' in kinds else 'numbers'} {['n', *width]}"
    if array.dtype.kind not in kinds or array.shape[1:] != width:
        raise FormatError(f"{path}: {wanted.replace(chr(39), '')}; this is {array.dtype} {list(array.shape)}")
    if len(array) != count:
        raise FormatError(f"{path}: {name} has {len(array)} entries and labels has {count}")
    return array


def _rounded(values: NDArray[Any]) -> NDArray[np.float32]:
    """As float32; what is beyond it becomes infinite, which is refused."""
    with np.errstate(over="ignore"):
        return np.asarray(values, dtype=np.float32)
