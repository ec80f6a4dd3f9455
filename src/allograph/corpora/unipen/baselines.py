"""Which of the stated lines a character stands on, where writers kept to the lines at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STANDING = frozenset("ABCDEFHIKLMNPRSTUVWXYZabcdehiklmnorstuvwxz0123456789")
"""Characters whose lowest point is on the baseline, in most hands."""
FEWEST = 8
"""Of these, as many are needed of a writer."""
NEAR = 0.25
"""How far from the line they may end, in the median, as a share of their height."""


def kept_lines(
    edges: NDArray[np.float64], nearest: NDArray[np.float64], labels: NDArray[np.str_], writers: NDArray[np.str_]
) -> NDArray[np.float64]:
    """[n] the y of each character's line, NaN where its writer did not keep to the lines, or there are too few to tell.

    `edges` [n, 4] are left, top, right, bottom, `nearest` [n] the stated line that is nearest to the bottom, NaN for none.
    Stated are the lines of the form, and some collections wrote above, below or across them.
    """
    lines = np.full(len(edges), np.nan)
    telling = np.isin(labels, sorted(STANDING)) & np.isfinite(nearest)
    for writer in np.unique(writers[telling]).tolist():
        own = writers == writer
        told = own & telling
        height = float(np.median(edges[told, 3] - edges[told, 1]))
        if np.count_nonzero(told) >= FEWEST and np.median(np.abs(edges[told, 3] - nearest[told])) <= NEAR * height:
            lines[own] = nearest[own]
    return lines
