"""Characters in InkML: the innermost labelled groups of traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from allograph.alphabet.labels import check_label
from allograph.corpora.ink_table import Ink, InkSource
from allograph.corpora.inkml.files import Labelled, labelled_groups
from allograph.corpora.lines.text import characters_of
from allograph.corpora.source import Listing
from allograph.errors import FormatError, InputError
from allograph.images.frames import Frame
from allograph.ink import ink_extent
from allograph.progress import Progress
from allograph.samples.box import Box, Boxes
from allograph.samples.names import check_writer


@dataclass
class InkmlSource(InkSource):
    """Files and folders of InkML.

    A label is one character, or a command such as `\\alpha`. Boxes are in millimetres where the channels state units of length.
    """

    paths: Sequence[str | Path]
    origin: str = ""
    licence: str = ""
    name: str = "inkml"
    frame: Frame = "mnist"
    native: bool = False

    def _read(self, progress: Progress) -> tuple[Ink, Listing]:
        return _read([Path(path) for path in self.paths], progress)


def _read(paths: list[Path], progress: Progress) -> tuple[Ink, Listing]:
    found: list[tuple[Labelled, str, str]] = []
    longer = 0
    for one in labelled_groups(paths, innermost=True, progress=progress):
        if _is_character(one.label):
            try:
                found.append((one, check_label(one.label), check_writer(one.writer)))
            except InputError as error:
                raise InputError(f"{one.place}: {error}") from None
        else:
            longer += 1
    if not found:
        named = ", ".join(map(str, paths))
        advice = "; it has words or lines: prepare them with --lines" if longer else ""
        raise FormatError(f"{named}: no group of traces is annotated with the character it shows{advice}")
    strokes = [[stroke.points for stroke in one.strokes] for one, _, _ in found]
    boxes = Boxes.of([_box(one) for one, _, _ in found])
    notes = (f"left out: {longer:,} groups whose label is more than a character",) if longer else ()
    labels, writers = (np.array([row[place] for row in found], np.str_) for place in (1, 2))
    return Ink.of(strokes, boxes), Listing(labels, writers, notes=notes)


def _is_character(label: str) -> bool:
    """Whether a label is one character, or a command of LaTeX, as labels of mathematics are."""
    command = label[:1] == "\\" and label[1:].isascii() and label[1:].isalpha() and len(label) <= 16
    return command or (len(label.split()) == 1 and len(characters_of(label)) == 1)


def _box(one: Labelled) -> Box:
    left, top, right, bottom = ink_extent([stroke.points for stroke in one.strokes])
    return Box(left, top, right, bottom, "millimetres" if all(stroke.millimetres for stroke in one.strokes) else "device")
