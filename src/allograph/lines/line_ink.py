"""The ink of a line as it came: the strokes of a pen, or the picture of a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allograph.errors import ImageError
from allograph.images.frames import Picture, Polarity
from allograph.ink import ink_path
from allograph.lines.hypotheses import Hypotheses, line_height
from allograph.lines.order import order_late_pieces
from allograph.lines.pictures.pieces import find_pieces
from allograph.lines.piece import Piece, edges_of
from allograph.lines.stroke_rows import rows_by_time
from allograph.samples.box import Box, Boxes, Unit
from allograph.samples.equality import by_content
from allograph.samples.sample import open_picture

if TYPE_CHECKING:
    import PIL.Image

MOST_PIECES = 1000
"""A line has no more."""
WIDE = 2.5
"""A piece that is wider, in the line's heights, is likely several letters, joined up."""
JOINED = 0.4
"""The share of a line's ink in such pieces from which on it is taken for joined-up writing."""


@by_content
@dataclass(frozen=True, eq=False)
class LineInk:
    """One line of hand print, in a row or in several: its pieces, in the order of reading.

    >>> ink = LineInk.from_strokes([[(0, 0), (0, 90)], [(60, 0), (60, 90)]])
    >>> len(ink.pieces), ink.rows.tolist()
    (2, [0, 0])
    """

    pieces: tuple[Piece, ...]
    """[p] at least one."""
    sources: NDArray[np.int64]
    """[p] the stroke that each is, counted as they were given; of a picture, its place here."""
    rows: NDArray[np.int64]
    """[p] the row of each, ascending."""
    unit: Unit = "device"
    """What the points are in."""
    device: str = ""
    """What it was written on, in any words."""

    @classmethod
    def from_strokes(
        cls, strokes: Sequence[ArrayLike], *, unit: Unit = "device", device: str = "", name: str = "the line"
    ) -> LineInk:
        """The strokes of a pen as they were written, each points [k, 2] of x and y (down) in a unit; one point is a dot.

        Dots and bars that came late, after other letters, are put beside their own. Raises `ImageError` when there is no point,
        one is not finite, a stroke has another form, or there are more than 1,000 strokes, `InputError` for what is no unit or no
        name of a device.
        """
        Box(0, 0, 0, 0, unit, device)
        strokes = [*strokes] if isinstance(strokes, Iterable) else strokes
        paths = ink_path(strokes, name)
        if len(paths) > MOST_PIECES:
            raise ImageError(f"{name} has {len(paths)} strokes; a line has at most {MOST_PIECES}: give one line at a time")
        given = [place for place, stroke in enumerate(strokes) if np.size(stroke)]
        pieces = [Piece((path,)) for path in paths]
        edges = edges_of(pieces)
        rows = rows_by_time(edges)
        order = order_late_pieces(edges, rows, line_height(edges))
        return cls(tuple(pieces[place] for place in order), np.array(given, np.int64)[order], rows[order], unit, device)

    @classmethod
    def from_picture(
        cls,
        picture: str | Path | bytes | PIL.Image.Image | NDArray[Any] | Picture,
        polarity: Polarity = "auto",
        name: str | None = None,
        *,
        device: str = "",
    ) -> LineInk:
        """A picture of a line: a file, its bytes, a Pillow image, an array [h, w] or [h, w, 3 or 4], or a decoded `Picture`.

        A piece is a connected part of the ink, or a part of one where characters may touch, as middle lines; in millimetres where
        the file states a resolution that can be true. Raises `ImageError` for what is no picture, a file that cannot be read, and
        a picture that shows no line of writing.
        """
        Box(0, 0, 0, 0, "device", device)
        seen, name = open_picture(picture, name)
        found = find_pieces(seen.grey, polarity, seen.resolution, name)
        if len(found.pieces) > MOST_PIECES:
            raise ImageError(f"{name} has {len(found.pieces)} pieces of ink; a line has at most {MOST_PIECES}: cut it into lines")
        order = np.argsort(found.rows, kind="stable")
        pieces = tuple(found.pieces[place] for place in order.tolist())
        unit: Unit = "millimetres" if found.millimetres else "device"
        return cls(pieces, np.arange(len(pieces)), found.rows[order], unit, device)

    @property
    def is_picture(self) -> bool:
        """Whether it is the ink of a picture."""
        return self.pieces[0].area is not None

    @cached_property
    def hypotheses(self) -> Hypotheses:
        """The runs of pieces that may be characters."""
        ends = np.array([[*piece.paths[0][0], *piece.paths[-1][-1]] for piece in self.pieces])
        return Hypotheses.of(edges_of(self.pieces), self.rows, ends)

    def boxes(self, edges: NDArray[np.floating], baselines: NDArray[np.floating] | None = None) -> Boxes:
        """The boxes with edges [n, 4] on this line's device, and baselines [n], where they are known."""
        count = len(edges)
        missing = np.full(count, np.nan, np.float32)
        return Boxes(
            edges.astype(np.float32),
            missing if baselines is None else baselines.astype(np.float32),
            np.full(count, self.unit == "millimetres"),
            np.full(count, self.device),
        )

    @property
    def is_joined(self) -> bool:
        """Whether it looks like joined-up writing, which is not read: much of its ink is in pieces as wide as several letters."""
        lengths = np.array([sum(float(_length(path)) for path in piece.paths) for piece in self.pieces])
        edges = edges_of(self.pieces)
        height = max(float(np.median(edges[:, 3] - edges[:, 1])), line_height(edges) / 2)
        wide = edges[:, 2] - edges[:, 0] > WIDE * height
        return bool(lengths[wide].sum() > JOINED * lengths.sum())


def _length(path: NDArray[np.float64]) -> np.float64:
    steps = np.diff(path, axis=0)
    return np.hypot(steps[:, 0], steps[:, 1]).sum()
