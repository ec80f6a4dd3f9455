"""A data file with all that it includes: the components of the ink, and the segments that name them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.unipen.left_out import LeftOut
from allograph.corpora.unipen.release import Release
from allograph.corpora.unipen.segment import Segment
from allograph.corpora.unipen.statements import statements
from allograph.errors import FormatError
from allograph.ink import FARTHEST

DEEPEST = 16
"""Files that include one another, at most."""
KEPT = 16
"""Included files that are kept: the same ink is included by the files of several categories."""
INCH = 25.4
"""Millimetres."""
RESOLUTIONS = {
    f"{axis}_POINTS_PER_{unit}": (place, length)
    for place, axis in enumerate("XY")
    for unit, length in (("INCH", INCH), ("MM", 1.0))
}
"""Keyword: the axis, and how many millimetres hold the stated number of points."""
FINEST = 1e5
"""Points a millimetre of the finest resolution, millimetres a point of the coarsest; any other, such as 0, states nothing."""


@dataclass(frozen=True)
class Conditions:
    """In what ink was written: what the statements before it say."""

    writer: str = ""
    resolution: tuple[float | None, float | None] = (None, None)
    """Points a millimetre along x and y."""
    lines: tuple[float, ...] = ()
    """The y of all stated lines to write on (`.H_LINE`), upwards."""
    axes: tuple[int, int, int] = (0, 1, 2)
    """The place of X and of Y in a point, and how many numbers a point has."""


class Component(NamedTuple):
    """A section of pen-down or pen-up with points."""

    down: bool
    points: NDArray[np.float64] | None
    """[k, 2] x and y, y upwards, in points of the device; None where they cannot be read."""
    conditions: Conditions
    file: str
    """The file that holds it."""


@dataclass
class Sheet:
    """The ink of one data file."""

    name: str
    components: list[Component] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Included files that are not there, with the place that includes them."""
    left_out: LeftOut = field(default_factory=LeftOut)
    """Segments that cannot be read."""

    def take(self, part: Sheet) -> None:
        """Take what an included file adds."""
        self.components += part.components
        self.segments += part.segments
        self.missing += part.missing
        self.left_out.take(part.left_out)

    def strokes(self, segment: Segment) -> list[tuple[int, NDArray[np.float64]]]:
        """The pen-down parts of a segment, each with the number of its component: points [k, 2], y upwards.

        Raises `FormatError`, without a place, where the segment goes beyond the ink, or its ink cannot be read.
        """
        parts = []
        for span in segment.spans():
            if span.component >= len(self.components):
                raise FormatError("delineations beyond the ink of their file")
            down, points, *_ = self.components[span.component]
            if points is None:
                raise FormatError("segments of ink that cannot be read")
            start, stop = span.start or 0, len(points) if span.stop is None else span.stop
            if not start < stop <= len(points):
                raise FormatError("delineations beyond the ink of their file")
            if down:
                parts.append((span.component, points[start:stop]))
        if not parts:
            raise FormatError("segments without pen-down ink")
        return parts


class SheetReader:
    """Reads data files; what several of them include is read once, as long as it is among the last.

    Components count from 0, those without points not; a statement is in force until another of its keyword.
    """

    def __init__(self, release: Release) -> None:
        self._release = release
        self._included = lru_cache(maxsize=KEPT)(self._read)

    def read(self, name: str) -> Sheet:
        """Read a data file with what it includes.

        Raises `FormatError`, naming the file and the line, for files of another form, for those that include themselves, and
        for numbers that are none.
        """
        found = self._read(name, Conditions(), 0)
        if found is None:
            raise FormatError(f"{self._release.shown}: {name} is not there")
        return found[0]

    def _read(self, name: str, now: Conditions, depth: int) -> tuple[Sheet, Conditions] | None:
        """What a file adds to a sheet under these conditions, and the conditions after it; None where there is no such file."""
        content = self._release.read(name)
        if content is None:
            return None
        sheet = Sheet(name)
        for keyword, text, line in statements(content, f"{self._release.shown}: {name}"):
            where = f"{self._release.shown}: {name}, line {line}"
            if keyword == "INCLUDE":
                included = self._release.find_included(text.strip(), name)
                if depth >= DEEPEST:
                    raise FormatError(f"{where}: files include one another {DEEPEST} deep, or one includes itself")
                found = self._included(included, now, depth + 1)
                if found is None:
                    sheet.missing.append(f"{included}, which {name} includes in line {line}")
                else:
                    part, now = found
                    sheet.take(part)
            elif keyword in ("PEN_DOWN", "PEN_UP"):
                if text.strip():
                    sheet.components.append(Component(keyword == "PEN_DOWN", _points(text, now.axes), now, name))
            elif keyword == "SEGMENT":
                try:
                    sheet.segments.append(Segment.parse(text, line))
                except FormatError as error:
                    sheet.left_out.add(str(error), f"{name}, line {line}")
            else:
                now = _state(now, keyword, text, where)
        return sheet, now


def _state(now: Conditions, keyword: str, text: str, where: str) -> Conditions:
    """The conditions after a statement."""
    if keyword == "WRITER_ID":
        return replace(now, writer=" ".join(text.split()))
    if keyword == "COORD":
        channels = text.upper().split()
        if "X" not in channels or "Y" not in channels:
            raise FormatError(f"{where}: the coordinates of a point are X and Y, and perhaps others; .COORD names no X or no Y")
        return replace(now, axes=(channels.index("X"), channels.index("Y"), len(channels)))
    if keyword in RESOLUTIONS:
        axis, length = RESOLUTIONS[keyword]
        number = _numbers(text, where)[0] / length
        points = number if FINEST**-1 <= number <= FINEST else None
        stated = (points, now.resolution[1]) if axis == 0 else (now.resolution[0], points)
        return replace(now, resolution=stated)
    if keyword == "H_LINE":
        return replace(now, lines=(*now.lines, *_numbers(text, where)))
    return now


def _numbers(text: str, where: str) -> list[float]:
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        numbers = []
    if not numbers or not all(abs(number) <= FARTHEST for number in numbers):
        raise FormatError(f"{where}: a number was expected")
    return numbers


def _points(text: str, axes: tuple[int, int, int]) -> NDArray[np.float64] | None:
    """The points of a section, [k, 2]; None where they are not as many numbers each as is stated, or not finite."""
    x, y, width = axes
    try:
        numbers = np.array(text.split(), np.float64)
    except ValueError:
        return None
    line, rest = divmod(len(numbers), text.strip().count("\n") + 1)
    another = not rest and line not in (1, width) and line < 2 * width  # each line a point, of another width
    if another or len(numbers) % width:
        return None
    points = numbers.reshape(-1, width)[:, [x, y]]
    return points if bool((np.abs(points) <= FARTHEST).all()) else None
