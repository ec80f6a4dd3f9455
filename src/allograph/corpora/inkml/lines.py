"""Lines in InkML: the outermost labelled groups of traces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.inkml.document import Group, Stroke
from allograph.corpora.inkml.files import Labelled, labelled_groups
from allograph.corpora.lines.line import LabelledLine
from allograph.corpora.lines.source import GatheredLines
from allograph.corpora.lines.text import characters_of, check_text
from allograph.errors import FormatError, InputError
from allograph.progress import Progress, silent


def gather_lines(paths: Sequence[Path], progress: Progress = silent) -> GatheredLines:
    """The lines of all documents, in millimetres where the channels state units of length.

    Which strokes are which character is known where a line's strokes are all in labelled groups of one character each, which
    together are its text. Raises `InputError`, naming the file and the line, for a text or a writer that can be none.
    """
    lines = []
    for one in labelled_groups(paths, innermost=False, progress=progress):
        try:
            text = check_text(one.label)
            lines.append(
                LabelledLine(
                    tuple(stroke.points for stroke in one.strokes),
                    text,
                    one.writer,
                    "application",
                    _characters(one, text),
                    "millimetres" if all(stroke.millimetres for stroke in one.strokes) else "device",
                )
            )
        except InputError as error:
            raise InputError(f"{one.place}: {error}") from None
    if not lines:
        raise FormatError(f"{', '.join(map(str, paths))}: no group of traces is annotated with the text it shows")
    return GatheredLines("inkml", lines)


def _characters(one: Labelled, text: str) -> NDArray[np.int16] | None:
    """[strokes] the character of each; None where that is not known."""
    parts = _leaves(one.group)
    if tuple(group.label for group in parts) != characters_of(text):
        return None
    owner: dict[Stroke, int] = {}
    for place, group in enumerate(parts):
        owner.update(dict.fromkeys(group.strokes(), place))
    if owner.keys() != set(one.strokes) or len(set(owner.values())) != len(parts):
        return None
    return np.array([owner[stroke] for stroke in one.strokes], np.int16)


def _leaves(group: Group) -> list[Group]:
    """The innermost labelled groups within a group."""
    return [leaf for part in group.labelled() for leaf in (_leaves(part) or [part])]
