"""UNIPEN's lines: the texts of category 8, and which strokes are which character where category 3 and 1a–1d tell of all."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.lines.line import LabelledLine
from allograph.corpora.lines.source import GatheredLines
from allograph.corpora.lines.text import characters_of, check_text
from allograph.corpora.unipen.left_out import LeftOut
from allograph.corpora.unipen.reading import Found, find_segments
from allograph.corpora.unipen.release import Release
from allograph.corpora.unipen.resolution import LetterSizes
from allograph.corpora.unipen.source import ISOLATED, LICENCE, ORIGIN
from allograph.errors import FormatError, InputError
from allograph.progress import Progress, silent

TEXTS = ("8",)
"""The category of texts of several words."""
IN_CONTEXT = "3"
"""The category of characters in the context of words or texts."""


class _Marked(NamedTuple):
    """A character that is marked in a sheet."""

    label: str
    components: tuple[int, ...]
    whole: bool
    """Whether each of its components is all its own."""
    in_context: bool
    """Whether it is marked in the context of a text."""


def gather_lines(path: Path, progress: Progress = silent) -> GatheredLines:
    """The lines of a release, in millimetres where the stated resolution can be true.

    Raises `FormatError` where the release is truncated, foreign, or holds no line.
    """
    left_out = LeftOut()
    lines: list[LabelledLine] = []
    with Release.open(path, progress) as release:
        marked, in_context, sizes = _marked(release, progress)
        for found in find_segments(release, TEXTS, "TEXT", left_out, progress):
            try:
                text = check_text(found.segment.label)
                lines.append(
                    LabelledLine(
                        tuple(stroke / found.per_unit for stroke in found.strokes),
                        text,
                        found.writer,
                        "application",
                        characters_of_strokes(found, text, marked[found.sheet]),
                        "millimetres" if sizes.are_true(found) else "device",
                    )
                )
            except InputError:
                left_out.add("texts that can be no line", found.place)
    if not lines:
        raise FormatError(f"{path}: no text is marked in its category 8")
    notes = [
        *left_out.notes(),
        *sizes.notes(),
        f"{in_context:,} characters in context (category 3) tell which strokes are which character",
    ]
    return GatheredLines("unipen", lines, tuple(notes), ORIGIN, LICENCE)


def characters_of_strokes(found: Found, text: str, marked: set[_Marked]) -> NDArray[np.int16] | None:
    """[strokes] the character of the text that each stroke belongs to; None where that is not known of all.

    It is known where each component is one marked character's, and the characters, in the order in which they were begun, are
    those of the text; marks in the context of a text come before those of isolated characters.
    """
    mine = set(found.components)
    within: list[_Marked] = []
    owned: set[int] = set()
    for one in sorted(marked, key=lambda one: not one.in_context):
        if one.whole and mine.issuperset(one.components) and owned.isdisjoint(one.components):
            within.append(one)
            owned.update(one.components)
    if owned != mine:
        return None
    within.sort(key=lambda one: one.components[0])
    owner = {component: place for place, one in enumerate(within) for component in one.components}
    if tuple(one.label for one in within) != characters_of(text):
        return None
    return np.array([owner[component] for component in found.components], np.int16)


def _marked(release: Release, progress: Progress) -> tuple[dict[str, set[_Marked]], int, LetterSizes]:
    """The characters that are marked in each sheet, each once, how many there are in context, and how large letters are."""
    sizes = LetterSizes()
    marked: dict[str, set[_Marked]] = defaultdict(set)
    in_context = 0
    for found in find_segments(release, (*ISOLATED, IN_CONTEXT), "CHARACTER", LeftOut(), progress):
        sizes.add(found)
        whole = all(not span.start and span.stop is None for span in found.segment.spans())
        context = found.file.startswith(f"data/{IN_CONTEXT}/")
        marked[found.sheet].add(_Marked(found.segment.label, tuple(found.components), whole, context))
        in_context += context
    return marked, in_context, sizes
