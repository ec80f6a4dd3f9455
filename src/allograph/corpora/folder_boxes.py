"""The boxes that a manifest of pictures states: the columns left, top, right, bottom, unit, device and baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from allograph.errors import InputError
from allograph.samples.box import UNITS, Box

EDGES = ("left", "top", "right", "bottom")


class StatedBox(NamedTuple):
    """What a line of a manifest says of its picture's box."""

    is_given: bool
    """Whether the manifest has boxes; else it is that of the ink in the picture."""
    box: Box | None = None
    """The box that is given; None where it is missing."""
    device: str = ""
    baseline: float | None = None
    """In pixels of the picture, where the box is to be found in it."""


def stated_box(row: Mapping[str, str | None], where: str) -> StatedBox:
    """The box of a line; raises `InputError`, which begins with `where`, for what is none."""
    cells = {name: (value or "").strip() for name, value in row.items()}
    unit, device, baseline = cells.get("unit", ""), cells.get("device", ""), _number(cells, "baseline", where)
    columns = [name for name in EDGES if name in cells]
    edges = [cells[name] for name in columns]
    if columns and (len(columns) < len(EDGES) or (any(edges) and not all(edges))):
        raise InputError(f"{where}: a box is given by {', '.join(EDGES)} together, or by none of them where it is missing")
    if unit and not columns:
        raise InputError(f"{where}: the unit is that of the columns {', '.join(EDGES)}, and there are none")
    left, top, right, bottom = (_number(cells, name, where) or 0.0 for name in EDGES)
    known = next((one for one in UNITS if one == (unit or "device")), None)
    if known is None:
        raise InputError(f"{where}: the unit of a box is {' or '.join(UNITS)}, not {unit!r}")
    try:
        box = Box(left, top, right, bottom, known, device, baseline)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return StatedBox(bool(columns), box if any(edges) else None, device, baseline)


def _number(cells: Mapping[str, str], column: str, where: str) -> float | None:
    """The number in a cell, None where it is empty."""
    value = cells.get(column)
    try:
        return float(value) if value else None
    except ValueError:
        raise InputError(f"{where}: {column} is a number, not {value!r}; or leave it empty where it is not known") from None
