"""What is counted of a line that was read: characters and words that are wrong, and characters that are cut out right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.lines.text import characters_of
from allograph.lines.line import Line


@dataclass(frozen=True)
class LineCounts:
    """Counts of one line, or of several together."""

    lines: int = 0
    characters: int = 0
    """Of the true text, without spaces."""
    characters_wrong: int = 0
    """Edit distance: characters to be replaced, left out or put in; spaces do not count."""
    words: int = 0
    """Of the true text, parted by spaces."""
    words_wrong: int = 0
    """Edit distance over words."""
    cuts: int = 0
    """True characters of which it is known which strokes they are."""
    cuts_right: int = 0
    """Those of them that were cut out with just these strokes."""

    def __add__(self, other: LineCounts) -> LineCounts:
        return LineCounts(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))


class Edits(NamedTuple):
    """The fewest edits that turn one sequence into another."""

    distance: int
    extra: list[bool]
    """Of each part of the first, whether it is replaced or left out."""
    missed: list[bool]
    """Of each part of the second, whether it is put in, or in another's place."""


def edits(read: Sequence[str], true: Sequence[str]) -> Edits:
    """Compare what was read with the truth.

    >>> edits("kitten", "sitting").distance
    3
    >>> edits("abd", "abcd").missed
    [False, False, True, False]
    """
    table = [list(range(len(true) + 1))]
    for row, one in enumerate(read, 1):
        above, here = table[-1], [row]
        for column, other in enumerate(true):
            here.append(min(above[column] + (one != other), above[column + 1] + 1, here[column] + 1))
        table.append(here)
    extra, missed = [False] * len(read), [False] * len(true)
    row, column = len(read), len(true)
    while row or column:
        steps = table[row][column]
        if row and column and steps == table[row - 1][column - 1] + (read[row - 1] != true[column - 1]):
            row, column = row - 1, column - 1
            extra[row] = missed[column] = read[row] != true[column]
        elif row and steps == table[row - 1][column] + 1:
            row -= 1
            extra[row] = True
        else:
            column -= 1
            missed[column] = True
    return Edits(table[-1][-1], extra, missed)


def count_line(line: Line | None, truth: str, runs: NDArray[np.int64] | None = None) -> LineCounts:
    """Judge a line by its true text; None is a line that could not be read, of which all is wrong.

    `runs` [m] are the hypotheses of the true characters (−1 where none is), as `true_runs` gives them; None where they are not
    known.
    """
    text = "" if line is None else line.text
    found = np.zeros(0, np.int64) if line is None else np.array(line.reading.path.runs)
    characters, words = characters_of(truth), truth.split()
    return LineCounts(
        lines=1,
        characters=len(characters),
        characters_wrong=edits(characters_of(text), characters).distance,
        words=len(words),
        words_wrong=edits(text.split(), words).distance,
        cuts=0 if runs is None else len(runs),
        cuts_right=0 if runs is None else int(np.isin(runs, found).sum()),
    )
