"""The true cuts of a line, where the character of each stroke is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allograph.lines.line_ink import LineInk


def true_runs(ink: LineInk, characters: NDArray[np.integer]) -> NDArray[np.int64]:
    """[m] the hypothesis that is each character, −1 where none has just its pieces; `characters` [strokes] are the strokes'."""
    of_piece = np.asarray(characters)[ink.sources]
    firsts = np.flatnonzero(np.diff(of_piece, prepend=-1) != 0)
    ends = np.append(firsts[1:], len(of_piece))
    found = np.full(int(of_piece.max()) + 1, -1, np.int64)
    known = {(first, end): place for place, (first, end) in enumerate(ink.hypotheses.runs.tolist())}
    for first, end in zip(firsts.tolist(), ends.tolist(), strict=True):
        character = int(of_piece[first])
        parted = np.count_nonzero(of_piece == character) != end - first
        found[character] = -1 if parted else known.get((first, end), -1)
    return found
