"""What was meant, laid over the ink: the search of a line, forced to a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.lines.lattice import Lattice

LEAST_LOG = -9.0
"""A label's log-probability counts for no less: the recognizer may be quite wrong about a hand."""
LEAST_SPACE = -4.0
"""The log-odds of a space, or of none, count for no less."""
SKIPPED = -7.0
"""What a piece of ink that belongs to no character costs, in nats."""
MISSING = -9.0
"""What a character without ink costs."""


class Alignment(NamedTuple):
    """A text's characters and the ink of each."""

    runs: list[int]
    """[m] places in the lattice; −1 for a character that no ink shows."""
    skipped: int
    """Pieces that belong to no character."""


def align(lattice: Lattice, labels: Sequence[int], spaces: Sequence[bool]) -> Alignment:
    """Lay characters over the ink: their labels (places, −1 for one that the lattice has not) [m], and whether a space is before.

    By dynamic programming over pieces and characters. A character that was cut otherwise in the reading is cut anew.
    """
    count, size = lattice.pieces, len(labels)
    wanted = np.array(labels, np.int64)
    known = wanted >= 0
    logs = np.full((len(lattice.runs), size), LEAST_LOG, np.float32)
    logs[:, known] = np.maximum(lattice.logs[:, wanted[known]], LEAST_LOG)
    odds = np.clip(np.where(np.array(spaces)[None], 1, -1) * lattice.space_odds[:, None], LEAST_SPACE, -LEAST_SPACE)
    odds[:, 0] = 0.0  # before the first character no space is written
    gains = logs + lattice.cuts[:, None] - np.logaddexp(0, -odds)
    best = np.full((count + 1, size + 1), -np.inf)
    best[0] = MISSING * np.arange(size + 1)
    came = np.full((count + 1, size + 1), -2, np.int64)  # the run; −1: a piece was skipped; −2: a character has no ink
    begun = 0
    for run, (first, after) in enumerate(lattice.runs.tolist()):
        if first != begun:
            begun = first
            _leave_out(best, came, first)
        ways = best[first, :-1] + gains[run]
        better = ways > best[after, 1:]
        best[after, 1:][better], came[after, 1:][better] = ways[better], run
        if after == first + 1:
            skip = best[first] + SKIPPED
            better = skip > best[after]
            best[after][better], came[after][better] = skip[better], -1
    _leave_out(best, came, count)
    runs, skipped, end, place = [-1] * size, 0, count, size
    while end or place:
        run = int(came[end, place])
        if run >= 0:
            place -= 1
            runs[place], end = run, int(lattice.runs[run, 0])
        elif run == -1:
            end, skipped = end - 1, skipped + 1
        else:
            place -= 1
    return Alignment(runs, skipped)


def _leave_out(best: NDArray[np.float64], came: NDArray[np.int64], piece: int) -> None:
    """Let characters have no ink before a piece, where that is better."""
    for place in range(1, best.shape[1]):
        if best[piece, place - 1] + MISSING > best[piece, place]:
            best[piece, place], came[piece, place] = best[piece, place - 1] + MISSING, -2
