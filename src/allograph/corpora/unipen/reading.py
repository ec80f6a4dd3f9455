"""Segments of a release, one after the other, with the ink they name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.unipen.left_out import LeftOut
from allograph.corpora.unipen.release import Release, contributor
from allograph.corpora.unipen.segment import Segment
from allograph.corpora.unipen.sheet import Component, Sheet, SheetReader
from allograph.errors import FormatError
from allograph.progress import Progress, silent


class Device(NamedTuple):
    """What ink was written on, as far as it is told apart."""

    contributor: str
    per_unit: float
    """Points that make a millimetre along x, by what is stated; 1 where nothing is."""


class Found(NamedTuple):
    """A segment and its ink."""

    file: str
    """The data file that states it."""
    segment: Segment
    components: list[int]
    """[strokes] the component that each stroke is of."""
    strokes: list[NDArray[np.float64]]
    """Each [k, 2], y down; in points of the device along x, and as fine along y."""
    writer: str
    """Contributor and name."""
    ink_file: str
    """The file that holds the ink."""
    device: Device
    resolution: bool
    """Whether it is stated along both axes; not, whether it can be true."""
    lines: NDArray[np.float64]
    """The y of the lines to write on, in the unit of the strokes."""

    @property
    def per_unit(self) -> float:
        """Points that make a millimetre along x; 1 where no resolution is stated."""
        return self.device.per_unit

    @property
    def place(self) -> str:
        """For messages."""
        return f"{self.file}, line {self.segment.line}"

    @property
    def sheet(self) -> str:
        """The data file without its category: segments of one sheet count the same components."""
        return "/".join(PurePosixPath(self.file).parts[2:])


def find_segments(
    release: Release, categories: Iterable[str], level: str, left_out: LeftOut, progress: Progress = silent
) -> Iterator[Found]:
    """Yield the segments of a level in these categories; what cannot be used is counted in `left_out`.

    Raises `FormatError`, naming the file and the line, for a file that is not of the format.
    """
    reader = SheetReader(release)
    missing: set[str] = set()
    names = release.data_files(categories)
    for number, name in enumerate(names):
        progress(f"reading {level.lower()}s", number, len(names))
        sheet = reader.read(name)
        for place in set(sheet.missing) - missing:
            left_out.add("inclusions of a file that is not there", place)
        missing.update(sheet.missing)
        left_out.take(sheet.left_out)
        for segment in sheet.segments:
            place = f"{name}, line {segment.line}"
            if segment.level != level:
                left_out.add(f"segments of another level than {level}", place)
            elif segment.ligature:
                left_out.add("ligatures, delayed strokes and noise, labelled \\@", place)
            else:
                try:
                    yield _found(sheet, segment)
                except FormatError as error:
                    left_out.add(str(error), place)


def _found(sheet: Sheet, segment: Segment) -> Found:
    """The ink of a segment; raises `FormatError`, without a place, where there is none."""
    parts = sheet.strokes(segment)
    first: Component = sheet.components[parts[0][0]]
    giver = contributor(sheet.name)
    name = first.conditions.writer
    if not name:
        raise FormatError("segments whose writer is not named")
    across, down = first.conditions.resolution
    finer = across / down if across and down else 1.0
    to_place = np.array([1.0, -finer])
    return Found(
        sheet.name,
        segment,
        [component for component, _ in parts],
        [points * to_place + 0.0 for _, points in parts],  # + 0.0: there is no negative zero
        name if name.startswith(giver) else f"{giver}-{name}",
        first.file,
        Device(giver, across or 1.0),
        bool(across and down),
        np.array(first.conditions.lines) * -finer,
    )
