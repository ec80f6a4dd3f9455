"""From a picture of a line of hand print, or of a few, to pieces of ink in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.errors import ImageError
from allograph.images.area_rasterizer import Area
from allograph.images.frames import Polarity
from allograph.ink import ink_extent
from allograph.lines.pictures.components import draw_runs, find_runs, label_runs
from allograph.lines.pictures.ink import PictureInk, find_picture_ink
from allograph.lines.pictures.middle_lines import find_strokes, smooth_path
from allograph.lines.pictures.rows import lean, reading_order, rows
from allograph.lines.pictures.ruled_lines import remove_ruled_lines
from allograph.lines.pictures.thinning import thin_ink
from allograph.lines.pictures.touching import part_ink
from allograph.lines.pictures.writing_check import check_runs, check_writing
from allograph.lines.piece import Piece
from allograph.samples.picture_box import LARGEST_CHARACTER

REACH = 1.5
"""Widths of the pen around a path within which its ink lies."""
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
    found = _components(ink, name)
    groups = part_ink(list(found.strokes.values()), ink.pen)
    parts = [part for group in groups for part in group]
    pieces = [tuple(map(smooth_path, part)) for part in parts]
    edges, counts = np.array([ink_extent(paths) for paths in pieces]), [len(group) for group in groups]
    row = np.repeat(rows(np.array([_hull(part) for part in np.split(edges, np.cumsum(counts)[:-1])])), counts)
    scale, millimetres = _scale(edges, ink, resolution)
    areas = _areas(found, parts, ink.pen, scale)
    order = reading_order(edges, row, lean([path for paths in pieces for path in paths])).tolist()
    placed = [Piece(tuple(path * scale for path in pieces[i]), areas[i]) for i in order]
    return PicturePieces(placed, row[order], millimetres)


class _Components(NamedTuple):
    """The connected parts of the ink."""

    drawn: NDArray[np.int32]
    """[h, w] the part that each pixel belongs to, −1 for paper."""
    depths: NDArray[np.float32]
    """[h, w] as in `Area`."""
    strokes: dict[int, list[list[NDArray[np.float64]]]]
    """The strokes of each part that has any, by its number."""

    def label(self, paths: Sequence[NDArray[np.float64]]) -> int:
        """The connected part that paths run through."""
        columns, lines = np.concatenate(paths).astype(int).T
        return int(self.drawn[lines, columns].max())


def _areas(
    found: _Components, parts: Sequence[Sequence[NDArray[np.float64]]], pen: float, scale: NDArray[np.float64]
) -> list[Area]:
    """The ink of each part: of ink that was cut, a pixel belongs to the part whose path is nearest."""
    together: dict[int, list[int]] = {}
    for place, paths in enumerate(parts):
        together.setdefault(found.label(paths), []).append(place)
    pixel = float(np.sqrt(scale[0] * scale[1]))
    areas: dict[int, Area] = {}
    for label, places in together.items():
        around = [np.concatenate(parts[place]) for place in places]
        points, depths = _ink_of(found, label, np.concatenate(around), int(np.ceil(REACH * pen)))
        away = [((points[:, None] - path) ** 2).sum(axis=2).min(axis=1) for path in around] if len(around) > 1 else None
        owner = np.zeros(len(points), np.int64) if away is None else np.argmin(away, axis=0)
        for one, (place, path) in enumerate(zip(places, around, strict=True)):
            mine = owner == one
            ink = (points[mine], depths[mine]) if mine.any() else (path[:1], np.ones(1, np.float32))
            areas[place] = Area(ink[0] * scale, ink[1], pixel, pen * pixel)
    return [areas[place] for place in range(len(parts))]


def _ink_of(
    found: _Components, label: int, path: NDArray[np.float64], reach: int
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """x and y [k, 2] of a connected part's pixels, and their depths [k]; they are within reach of its paths' points [n, 2]."""
    (left, top), (right, bottom) = path.min(axis=0).astype(int), path.max(axis=0).astype(int) + 1
    first = max(left - reach, 0), max(top - reach, 0)
    place = slice(first[1], bottom + reach), slice(first[0], right + reach)
    lines, columns = np.nonzero(found.drawn[place] == label)
    points = np.stack([columns + first[0], lines + first[1]], axis=1).astype(np.float64)
    return points, found.depths[place][lines, columns]


def _components(ink: PictureInk, name: str) -> _Components:
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
    found = _Components(drawn, ink_depths(drawn >= 0), {})
    for stroke in find_strokes(thin_ink(drawn >= 0), ink.pen):
        found.strokes.setdefault(found.label(stroke), []).append(stroke)
    return found


def ink_depths(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """[h, w] how often the ink's edge is taken off before a pixel goes: by crosses and squares in turn, to stay round."""
    depths, left = np.zeros(mask.shape, np.float32), np.pad(mask, 1)
    turn = 0
    while left.any():
        depths += left[1:-1, 1:-1]
        across = left[:, 1:-1] & left[:, :-2] & left[:, 2:]
        down = left[1:-1] & left[:-2] & left[2:]
        inner = across[1:-1] & down[:, 1:-1] if turn % 2 == 0 else across[1:-1] & across[:-2] & across[2:]
        left[1:-1, 1:-1] = inner
        turn += 1
    return depths


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
