"""From a picture of a line of hand print, or of a few, to pieces of ink in reading order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.errors import ImageError
from allograph.images.frames import Polarity
from allograph.lines.pictures.components import draw_runs, find_runs, label_runs
from allograph.lines.pictures.ink import PictureInk, find_picture_ink
from allograph.lines.pictures.middle_lines import find_strokes, smooth_path
from allograph.lines.pictures.rows import lean, reading_order, rows
from allograph.lines.pictures.ruled_lines import remove_ruled_lines
from allograph.lines.pictures.thinning import thin_ink
from allograph.lines.pictures.touching import part_ink
from allograph.lines.pictures.writing_check import check_runs, check_writing
from allograph.lines.piece import Piece, edges_of
from allograph.samples.picture_box import LARGEST_CHARACTER

SPECK = 0.3
"""The area of the smallest dot, as a share of the square of the pen's width."""


class PicturePieces(NamedTuple):
    """What was found in a picture."""

    pieces: list[Piece]
    """In reading order."""
    rows: NDArray[np.int64]
    """[n] the row of each, from 0 at the top."""
    millimetres: bool
    """Whether they are in millimetres; else they are in pixels."""


def picture_pieces(
    grey: NDArray[np.uint8],
    polarity: Polarity = "auto",
    resolution: tuple[float, float] | None = None,
    name: str = "the image",
) -> list[Piece]:
    """As `find_pieces`, the pieces alone."""
    return find_pieces(grey, polarity, resolution, name).pieces


def find_pieces(
    grey: NDArray[np.uint8],
    polarity: Polarity = "auto",
    resolution: tuple[float, float] | None = None,
    name: str = "the image",
) -> PicturePieces:
    """The ink of a grey picture, uint8 [h, w], as pieces: middle lines of what is connected, parted where characters may touch.

    `resolution` is the pixels a millimetre along x and y, where it is known (`images.resolution`); it is not believed where
    characters would be larger than any. Raises `ImageError`, naming the picture by `name`, when it shows no line of writing.
    """
    ink = find_picture_ink(grey, polarity, name)
    components = _components(ink, name)
    groups = [[Piece(tuple(map(smooth_path, part))) for part in parts] for parts in part_ink(components, ink.pen)]
    pieces = [piece for group in groups for piece in group]
    row = np.repeat(rows(np.array([_hull(edges_of(group)) for group in groups])), [len(group) for group in groups])
    order = reading_order(edges_of(pieces), row, lean([path for piece in pieces for path in piece.paths])).tolist()
    scale, millimetres = _scale(edges_of(pieces), ink, resolution)
    return PicturePieces([Piece(tuple(path * scale for path in pieces[i].paths)) for i in order], row[order], millimetres)


def _components(ink: PictureInk, name: str) -> list[list[list[NDArray[np.float64]]]]:
    """The strokes of each connected part of the ink that is no speck."""
    mask = remove_ruled_lines(ink.mask, ink.pen)
    runs = find_runs(mask)
    check_runs(runs, name)
    labels = label_runs(runs)
    large = np.bincount(labels, runs.end - runs.start) >= SPECK * ink.pen**2
    if not large.any():
        raise ImageError(f"{name} is empty: it shows nothing but specks or ruled lines")
    runs, labels = runs.choose(large[labels]), (np.cumsum(large) - 1)[labels[large[labels]]]
    drawn = draw_runs(runs, labels, mask.shape)
    check_writing(drawn >= 0, runs, labels, ink.pen, name)
    components: dict[int, list[list[NDArray[np.float64]]]] = {}
    for stroke in find_strokes(thin_ink(drawn >= 0), ink.pen):
        columns, lines = np.concatenate(stroke).astype(int).T
        components.setdefault(int(drawn[lines, columns].max()), []).append(stroke)
    return list(components.values())


def _hull(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """[4] the edges of all pieces with these edges together."""
    return np.concatenate([edges[:, :2].min(axis=0), edges[:, 2:].max(axis=0)])


def _scale(
    edges: NDArray[np.float64], ink: PictureInk, resolution: tuple[float, float] | None
) -> tuple[NDArray[np.float64], bool]:
    """The unit of a pixel of the ink along x and y, [2], and whether it is the millimetre or the picture's pixel."""
    scale = np.array(ink.scale)
    if resolution is not None:
        heights = (edges[:, 3] - edges[:, 1]) * scale[1] / resolution[1]
        if np.percentile(heights, 75) <= LARGEST_CHARACTER:
            return scale / resolution, True
    return scale, False
