"""The box of a sample's ink: how large it was written, and where, before it was brought into the frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from allograph.errors import InputError
from allograph.samples.equality import by_content

Unit = Literal["millimetres", "device"]
UNITS: tuple[Unit, ...] = ("millimetres", "device")
LONGEST_DEVICE = 200
"""Characters in a device's name, at most."""
FARTHEST = 1e9
"""The largest coordinate of a box."""
SIZES = ("height", "width", "ascent", "descent")
"""What is measured of a box: its sides, and how far its top and its bottom lie above the baseline (below it: negative)."""


@dataclass(frozen=True)
class Box:
    """The ink's left, top, right and bottom edges, y down, before it was brought into the frame.

    `unit` is `millimetres` where the resolution is known, else the device's own: pixels, or whatever its coordinates are in.
    `device` names what it was written on, in any words; boxes of one writer, unit and device have one scale. `baseline` is the y
    of the line that the character stands on, where that is known. Raises `InputError` for what is no box.

    >>> Box(10, 20, 14.5, 27, unit="millimetres", device="tablet").height
    7.0
    """

    left: float
    top: float
    right: float
    bottom: float
    unit: Unit = "device"
    device: str = ""
    baseline: float | None = None

    def __post_init__(self) -> None:
        for name in ("left", "top", "right", "bottom", "baseline"):
            number = getattr(self, name)
            if name == "baseline" and number is None:
                continue
            if type(number) is float and -FARTHEST <= number <= FARTHEST:  # as a journal gives hundreds
                continue
            if isinstance(number, bool) or not isinstance(number, int | float | np.integer | np.floating):
                raise InputError(f"the edges and the baseline of a box are numbers, not {type(number).__name__}")
            if not -FARTHEST <= number <= FARTHEST:
                raise InputError(f"the edges and the baseline of a box are finite and at most {FARTHEST:g}, not {number}")
            object.__setattr__(self, name, float(number))
        if self.right < self.left or self.bottom < self.top:
            edges = [self.left, self.top, self.right, self.bottom]
            raise InputError(f"a box is left, top, right, bottom, y down: {edges} ends before it begins")
        if self.unit not in UNITS:
            raise InputError(f"the unit of a box is {' or '.join(UNITS)}, not {str(self.unit)[:40]!r}")
        if not is_device(self.device):
            raise InputError(f"a device is named by at most {LONGEST_DEVICE} printable characters")

    @property
    def numbers(self) -> tuple[float, float, float, float, float]:
        """Left, top, right, bottom and the baseline, NaN where that is not known."""
        return self.left, self.top, self.right, self.bottom, math.nan if self.baseline is None else self.baseline

    @property
    def height(self) -> float:
        """From top to bottom, in the unit."""
        return float(self.bottom - self.top)

    @property
    def width(self) -> float:
        """From left to right, in the unit."""
        return float(self.right - self.left)

    def at_origin(self) -> Box:
        """The same size and the same height above the baseline, but not where along the line it lay: left and baseline are 0.

        Where no baseline is known, the top is 0. All is rounded to four digits of the largest number: the last bits of a
        difference tell how large the numbers are that it is taken of, and so how far right the box was.

        >>> Box(1200.5, 20, 1205, 27, baseline=26).at_origin()
        Box(left=0.0, top=-6.0, right=4.5, bottom=1.0, unit='device', device='', baseline=0.0)
        """
        origin = self.top if self.baseline is None else self.baseline
        numbers = [min(max(number, -FARTHEST), FARTHEST) for number in (self.width, self.top - origin, self.bottom - origin)]
        largest = float(f"{max(map(abs, numbers)):.3e}")
        digits = 3 - math.floor(math.log10(largest)) if largest else 0
        right, top, bottom = (round(number, digits) + 0.0 for number in numbers)  # + 0.0: there is no negative zero
        return Box(0.0, top, right, bottom, self.unit, self.device, None if self.baseline is None else 0.0)


@by_content
@dataclass(frozen=True, eq=False)
class Boxes:
    """The boxes of many samples, each of which may be missing."""

    edges: NDArray[np.float32]
    """[n, 4] left, top, right, bottom; NaN where the box is missing."""
    baselines: NDArray[np.float32]
    """[n] the y of the line; NaN where it is not known."""
    millimetres: NDArray[np.bool_]
    """[n] whether the unit is millimetres; else it is the device's."""
    devices: NDArray[np.str_]
    """[n] the devices' names."""

    @classmethod
    def of(cls, boxes: Sequence[Box | None]) -> Boxes:
        """Boxes as arrays; None is a missing one."""
        nothing = (math.nan,) * 5
        numbers = np.array([nothing if box is None else box.numbers for box in boxes], np.float32).reshape(-1, 5)
        return cls(
            numbers[:, :4],
            numbers[:, 4],
            np.array([box is not None and box.unit == "millimetres" for box in boxes], np.bool_),
            np.array(["" if box is None else box.device for box in boxes], np.str_),
        )

    @classmethod
    def none(cls, count: int) -> Boxes:
        """So many missing boxes."""
        nothing = np.full((count, 4), np.nan, np.float32)
        return cls(nothing, nothing[:, 0], np.zeros(count, np.bool_), np.zeros(count, np.dtype("U1")))

    @classmethod
    def join(cls, parts: Sequence[Boxes | None], counts: Sequence[int]) -> Boxes | None:
        """One after the other, of `counts` samples each; a part without boxes has missing ones; None where all are without."""
        if all(part is None for part in parts):
            return None
        known = [cls.none(count) if part is None else part for part, count in zip(parts, counts, strict=True)]
        return cls(
            np.concatenate([part.edges for part in known]),
            np.concatenate([part.baselines for part in known]),
            np.concatenate([part.millimetres for part in known]),
            np.concatenate([part.devices for part in known]),
        )

    def __len__(self) -> int:
        return len(self.edges)

    def at(self, rows: NDArray[np.integer | np.bool_] | Sequence[int] | slice) -> Boxes:
        """The boxes at these places."""
        return Boxes(self.edges[rows], self.baselines[rows], self.millimetres[rows], self.devices[rows])

    def box(self, row: int) -> Box | None:
        """One of them."""
        return None if np.isnan(self.edges[row]).all() else self._box(row)

    def _box(self, row: int) -> Box:
        left, top, right, bottom = self.edges[row].tolist()
        baseline = float(self.baselines[row])
        unit: Unit = "millimetres" if self.millimetres[row] else "device"
        return Box(left, top, right, bottom, unit, str(self.devices[row]), None if math.isnan(baseline) else baseline)

    def first_fault(self) -> tuple[int, str] | None:
        """The place of the first that is neither missing nor a box, and what is wrong with it; None where all are."""
        left, top, right, bottom = self.edges.T
        near = (np.abs(self.edges) <= FARTHEST).all(axis=1) & ~(np.abs(self.baselines) > FARTHEST)
        names, name_of = np.unique(self.devices, return_inverse=True)
        named = np.array([is_device(name) for name in names.tolist()], np.bool_)[name_of]
        faults = ~(near & (left <= right) & (top <= bottom) & named) & ~np.isnan(self.edges).all(axis=1)
        for row in np.flatnonzero(faults)[:1].tolist():
            try:
                self._box(row)
            except InputError as error:
                return row, str(error)
        return None

    @cached_property
    def sizes(self) -> NDArray[np.float32]:
        """[n, 4] `SIZES`, in the unit; NaN where it is missing."""
        sizes = np.empty((len(self), len(SIZES)), np.float32)
        np.subtract(self.edges[:, 3:1:-1], self.edges[:, 1::-1], out=sizes[:, :2])
        np.subtract(self.baselines[:, None], self.edges[:, 1::2], out=sizes[:, 2:])
        return sizes

    @cached_property
    def scales(self) -> NDArray[np.uint32]:
        """[n] a number for each unit and device: samples of one writer with the same one have the same scale.

        It is odd where the unit is millimetres.
        """
        pairs = zip(self.devices.tolist(), self.millimetres.tolist(), strict=True)
        return np.array([scale_number(device, known) for device, known in pairs], np.uint32)


@lru_cache(maxsize=1024)
def scale_number(device: str, millimetres: bool) -> int:
    """As `Boxes.scales`, of one device."""
    return crc32(device.encode()) & ~1 | millimetres


def is_device(name: object) -> bool:
    """Whether this can be a device's name."""
    return isinstance(name, str) and len(name) <= LONGEST_DEVICE and name.isprintable()
