"""UNIPEN's isolated characters: digits, capitals, small letters and signs (categories 1a–1d), with their writers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from allograph.alphabet.labels import check_label
from allograph.corpora.ink_table import Ink, InkSource
from allograph.corpora.source import Listing
from allograph.corpora.unipen.baselines import kept_lines
from allograph.corpora.unipen.drawing import draw_as_shipped
from allograph.corpora.unipen.left_out import LeftOut
from allograph.corpora.unipen.reading import Found, find_segments
from allograph.corpora.unipen.release import Release
from allograph.corpora.unipen.resolution import LetterSizes
from allograph.corpora.unipen.shipped import digest, shipped_table
from allograph.errors import FormatError, InputError
from allograph.images.frames import Frame
from allograph.ink import ink_extent
from allograph.progress import Progress
from allograph.samples.box import Boxes

ISOLATED = ("1a", "1b", "1c", "1d")
"""The categories of isolated characters."""
ORIGIN = "the International Unipen Foundation, UNIPEN train_r01_v07, doi 10.5281/zenodo.1195803"
LICENCE = "CC BY 4.0"


@dataclass
class UnipenSource(InkSource):
    """The release as it is published: a folder, or an archive of it.

    With `shipped`, the samples of the shipped bundle that the public release has, its numbers for the writers, its split, and
    its drawing. Boxes are in millimetres where the stated resolution can be true, else in what it states, or in points of the
    device. Samples are by file, and within a file in the order in which they were written.
    """

    paths: Sequence[str | Path]
    shipped: bool = False
    name: str = "unipen"
    origin: str = ORIGIN
    licence: str = LICENCE
    frame: Frame = "mnist"
    native: bool = False

    def _read(self, progress: Progress) -> tuple[Ink, Listing]:
        if len(self.paths) != 1:
            raise InputError(f"unipen reads one release, a folder or an archive; {len(self.paths)} paths were given")
        with Release.open(Path(self.paths[0]), progress) as release:
            return _read(release, self.shipped, progress)

    def _draw(self, strokes: Sequence[NDArray[np.float32]], frame: Frame, name: str) -> NDArray[np.uint8]:
        """With `shipped`, in the `mnist` frame, as the shipped bundle's were drawn."""
        return draw_as_shipped(strokes) if self.shipped and frame == "mnist" else super()._draw(strokes, frame, name)


def _read(release: Release, shipped: bool, progress: Progress) -> tuple[Ink, Listing]:
    left_out = LeftOut()
    table = shipped_table() if shipped else None
    known = table.writer_of() if table else {}
    sizes = LetterSizes()
    kept: list[tuple[tuple[str, int, int], Found, str]] = []
    for found in find_segments(release, ISOLATED, "CHARACTER", left_out, progress):
        label = found.segment.label
        sizes.add(found)
        try:
            check_label(label)
        except InputError:
            left_out.add("segments whose label is empty or too long", found.place)
            continue
        writer: str | None = found.writer
        if shipped:
            writer = known.get(digest(found.file, found.segment.delineation, label))
        if writer is None:
            left_out.add("characters that the shipped bundle's data do not hold", found.place)
            continue
        first = found.segment.spans()[0]
        kept.append(((found.sheet, first.component, first.start or 0), found, writer))
    if not kept:
        reasons = "; ".join(left_out.notes()) or "there is no file in its categories 1a to 1d"
        raise FormatError(f"{release.shown}: no character is marked in it that can be used: {reasons}")
    kept.sort(key=itemgetter(0))
    characters = [found for _, found, _ in kept]
    labels = np.array([found.segment.label for found in characters], np.str_)
    writers = np.array([writer for _, _, writer in kept], np.str_)
    order = _order(writers, [found.ink_file for found in characters])
    return (
        Ink.of([found.strokes for found in characters], _boxes(characters, sizes, labels, writers)),
        Listing(
            labels,
            writers,
            order,
            (
                *left_out.notes(),
                *sizes.notes(),
                *([] if order is not None else ["the order in time is known within a file only"]),
            ),
            dict(zip(table.writers, table.splits, strict=True)) if table else None,
        ),
    )


def _boxes(characters: list[Found], sizes: LetterSizes, labels: NDArray[np.str_], writers: NDArray[np.str_]) -> Boxes:
    edges = np.array([ink_extent(found.strokes) for found in characters])
    nearest = np.array(
        [
            found.lines[np.argmin(np.abs(found.lines - bottom))] if len(found.lines) else np.nan
            for found, bottom in zip(characters, edges[:, 3].tolist(), strict=True)
        ]
    )
    per_unit = np.array([found.per_unit for found in characters])
    return Boxes(
        (edges / per_unit[:, None]).astype(np.float32),
        (kept_lines(edges, nearest, labels, writers) / per_unit).astype(np.float32),
        np.array([sizes.are_true(found) for found in characters], np.bool_),
        np.zeros(len(characters), np.dtype("U1")),
    )


def _order(writers: NDArray[np.str_], ink_files: list[str]) -> NDArray[np.int32] | None:
    """[n] each character's position in its writer's time; None where a writer wrote several files, which have no order."""
    file_of: dict[str, str] = {}
    if any(file_of.setdefault(writer, file) != file for writer, file in zip(writers.tolist(), ink_files, strict=True)):
        return None
    seen: Counter[str] = Counter()
    order = np.empty(len(writers), np.int32)
    for row, writer in enumerate(writers.tolist()):
        order[row] = seen[writer]
        seen[writer] += 1
    return order
