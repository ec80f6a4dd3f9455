"""DeepWriting: characters of digital ink, cut from whole lines, with their writers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.deepwriting.files import changes, npz, release
from allograph.corpora.deepwriting.shape import is_iam, width_factor
from allograph.corpora.ink_table import Ink, InkSource
from allograph.corpora.source import Listing
from allograph.errors import FormatError, InputError
from allograph.images.frames import Frame, to_frame
from allograph.ink import LENGTH, draw_ink
from allograph.progress import Progress
from allograph.samples.box import Boxes

DEVICES = ("IAM-OnDB", "DeepWriting")
"""The two collections, written on a whiteboard and on a tablet."""
COUNTS = (
    "the paper's Table 1 counts 406,956 images and its authors' logs 369,455, of the same 294 writers; "
    "the logs are of these npz files, from which DeepWriting's authors left out short, long and poorly marked fragments"
)


@dataclass
class DeepWritingSource(InkSource):
    """The npz files (training and validation), or the JSON release: its folder, its zip, or single files of it.

    `square` is what the `paper` frame's square has beyond the longer side of the ink. In the npz, IAM-OnDB's characters are about
    twice as wide as they were written, and it is these that the paper's figures are of; `undistorted` estimates and undoes that
    (`shape.width_factor`), and leaves the JSON as it is, which has them as they were written. The boxes are as they were written
    either way, and missing where that cannot be estimated; no resolution is documented, so they are in a unit of the device. The
    order in time is not known for the npz, which are shuffled; for the JSON it is where every writer's lines carry clocks that
    agree on one.
    """

    paths: Sequence[str | Path]
    square: int = 2
    name: str = "deepwriting"
    origin: str = "DeepWriting (Aksan, Pece, Hilliges, CHI 2018), which extends IAM-OnDB (Liwicki, Bunke, ICDAR 2005)"
    licence: str = "the data set's own terms and those of IAM-OnDB: non-commercial research, after registration"
    frame: Frame = "paper"
    native: bool = False
    undistorted: bool = False

    def _read(self, progress: Progress) -> tuple[Ink, Listing]:
        progress("reading ink", 0, len(self.paths))
        return _read([Path(path) for path in self.paths], self.undistorted)

    def _draw(self, strokes: Sequence[NDArray[np.float32]], frame: Frame, name: str) -> NDArray[np.uint8]:
        """As the paper has it; a dot has no extent and is drawn as wide as the pen."""
        return to_frame(draw_ink(strokes, name), frame, "light", self.square, LENGTH, name, level=False).image


def _read(paths: list[Path], undo: bool) -> tuple[Ink, Listing]:
    archives = sum(path.suffix == ".npz" for path in paths)
    named = ", ".join(str(path) for path in paths)
    if not paths or 0 < archives < len(paths):
        raise InputError(f"deepwriting reads its npz files or its JSON release, and one of them; given: {named or 'no path'}")
    files = [npz(path) for path in paths] if archives else [form for path in paths for form in release(path)]
    labels = np.array([label for file in files for label in file.labels], dtype=np.str_)
    writers = np.array([writer for file in files for writer in file.writers], dtype=np.str_)
    if not len(labels):
        raise FormatError(f"{named}: no character is marked in it")

    owner = _join([file.owner for file in files], [len(file.labels) for file in files])
    line = _join([file.line for file in files], [len(file.clocks) for file in files])
    new = changes(owner)
    begun = np.flatnonzero(new | changes(np.concatenate([file.lifts for file in files])))
    points = np.concatenate([file.points for file in files])
    notes: list[str] = []
    boxless: list[str] = []
    iam, first = is_iam(writers), np.flatnonzero(new)
    edges = np.concatenate([np.minimum.reduceat(points, first), np.maximum.reduceat(points, first)], axis=1)
    if archives:
        try:
            factor = width_factor(edges, labels, iam)
        except InputError:
            if undo:
                raise
            factor = math.nan
            boxless = [f"{np.count_nonzero(iam):,} characters of IAM-OnDB have no box: how wide they were written is not known"]
        edges[iam] = edges[iam] * np.array([factor, 1, factor, 1], np.float32) if factor == factor else np.nan
        if undo:
            points = points * np.where(iam[owner, None], np.array([factor, 1], np.float32), np.float32(1))
            notes.append(f"the width of IAM-OnDB's characters was multiplied by {factor:.3f}, estimated from their letters")
    boxes = replace(Boxes.none(len(labels)), edges=edges, devices=np.where(iam, *DEVICES))
    ink = Ink(points, np.append(begun, len(points)), np.append(np.flatnonzero(new[begun]), len(begun)), boxes)

    order = _order(writers, line, np.concatenate([file.clocks for file in files]))
    left_out = sum((file.left_out for file in files), Counter[str]())
    notes += [f"left out: {count:,} {what}" for what, count in left_out.items()]
    notes += [] if order is not None else ["the order in time is not known"]
    return ink, Listing(labels, writers, order, (*notes, *boxless, *([COUNTS] if archives else [])))


def _join(places: list[NDArray[np.int64]], sizes: list[int]) -> NDArray[np.int64]:
    """Places within each file as places within all, given how many there are in each."""
    return np.concatenate([place + before for place, before in zip(places, accumulate(sizes, initial=0), strict=False)])


def _order(writers: NDArray[np.str_], line: NDArray[np.int64], clocks: NDArray[np.float64]) -> NDArray[np.int32] | None:
    """[n] each character's position in its writer's time, or None where the lines of a writer overlap or have no clock.

    `line` [n] is the line of each character, `clocks` [L, 2] when each line began and ended.
    """
    used, first = np.unique(line, return_index=True)
    writer, (begun, ended) = writers[first], clocks[used].T
    ranked = np.lexsort((begun, writer))
    same = writer[ranked][1:] == writer[ranked][:-1]
    if not np.isfinite(clocks[used]).all() or (same & (begun[ranked][1:] <= ended[ranked][:-1])).any():
        return None
    rank = np.empty(len(clocks), np.int64)
    rank[used[ranked]] = np.arange(len(used))
    in_time = np.lexsort((np.arange(len(line)), rank[line]))
    _, start, count = np.unique(writers[in_time], return_index=True, return_counts=True)
    order = np.empty(len(line), np.int32)
    order[in_time] = np.arange(len(line)) - np.repeat(start, count)
    return order
