"""Late strokes: lines whose dots and bars are written when the word is done, as many people do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from allograph.corpora.lines.line import LabelledLine
from allograph.corpora.lines.text import characters_of

LATE_LABELS = frozenset("ijtfT")
"""Their last stroke is a dot or a bar that people are used to write late."""


def late_dots(line: LabelledLine) -> LabelledLine:
    """The line with the dots and bars of i, j, t, f and T moved to the end of their word, in the order of writing.

    Moved is the last stroke of such a character where it has several; the truth of the cuts moves along. A line whose cuts are
    not known stays as it is.
    """
    if line.characters is None:
        return line
    characters = line.characters.astype(np.int64)
    lengths = [len(characters_of(word)) for word in line.text.split()]
    words = np.repeat(np.arange(len(lengths)), lengths)[characters]
    ends = {int(word): int(np.flatnonzero(words == word)[-1]) for word in np.unique(words)}
    strokes = np.bincount(characters, minlength=len(line.labels))

    def place(stroke: int) -> tuple[int, bool, int]:
        one = int(characters[stroke])
        is_last = not (characters[stroke + 1 :] == one).any()
        late = line.labels[one] in LATE_LABELS and strokes[one] > 1 and is_last
        return (ends[int(words[stroke])] if late else stroke), late, stroke

    order = sorted(range(len(characters)), key=place)
    return replace(line, strokes=tuple(line.strokes[stroke] for stroke in order), characters=line.characters[order])
