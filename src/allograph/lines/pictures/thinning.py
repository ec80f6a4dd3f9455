"""Thinning: from ink to its middle lines, one pixel wide."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""Down and right, clockwise from above: the bits of a pixel's surroundings, the lowest first."""


def thin_ink(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The skeleton of ink, bool [h, w]: it is connected where the ink is, and ends where strokes end.

    Z. Guo and R. W. Hall, Parallel thinning with two-subiteration algorithms, 1989. A dot becomes one or two pixels.
    """
    stride = mask.shape[1] + 2
    inked = np.pad(mask, 1).view(np.uint8).ravel()
    places = np.flatnonzero(inked)
    steps = [down * stride + right for down, right in NEIGHBOURS]
    spared = 0
    while spared < 2:  # neither half of a round took anything away
        for removable in _REMOVABLE:
            around = np.zeros(len(places), np.uint8)
            for bit, step in enumerate(steps):
                around |= inked[places + step] << np.uint8(bit)
            goes = removable[around]
            inked[places[goes]] = 0
            places = places[~goes]
            spared = 0 if goes.any() else spared + 1
    return inked.view(np.bool_).reshape(-1, stride)[1:-1, 1:-1]


def _removable(second: bool) -> NDArray[np.bool_]:
    """[256] whether a pixel with such surroundings goes, in the first or the second half of a round."""
    n, ne, e, se, s, sw, w, nw = (np.arange(256) >> bit & 1 == 1 for bit in range(8))
    parts = sum(part.astype(int) for part in (~n & (ne | e), ~e & (se | s), ~s & (sw | w), ~w & (nw | n)))
    pairs = sum(pair.astype(int) for pair in (nw | n, ne | e, se | s, sw | w))
    others = sum(pair.astype(int) for pair in (n | ne, e | se, s | sw, w | nw))
    fewest = np.minimum(pairs, others)
    kept = (n | ne | ~se) & e if second else (s | sw | ~nw) & w
    return np.asarray((parts == 1) & (fewest >= 2) & (fewest <= 3) & ~kept)


_REMOVABLE = (_removable(second=False), _removable(second=True))
