"""DeepWriting's npz files with the widths of both collections' characters as they were written.

The files join two collections of ink, IAM-OnDB's and the authors' own, each brought to 0…1 by its own extent, and carry the
extent of the authors' own. What is IAM-OnDB's so comes back stretched, by one factor for all of it. People write the same letters
in both, so the factor is that between the letters' proportions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allograph.errors import InputError

OWN = 100_000
"""The authors' own writers have numbers from this on (123456 …), those of IAM-OnDB lower ones (10000 …)."""
EACH, LABELS = 5, 3
"""So many characters of a label in each collection, and so many such labels, are needed for an estimate."""


def undistort(
    points: NDArray[np.float32], owner: NDArray[np.int64], labels: NDArray[np.str_], writers: NDArray[np.str_]
) -> tuple[NDArray[np.float32], float]:
    """The points [N, 2] with IAM-OnDB's made as narrow as their letters say, and the factor of their widths.

    `owner` [N], ascending, is the character 0…n−1 of each point; labels and writers are [n]. The factor is the median, over the
    labels that both collections have, of the quotient of the label's median width over height in the one and in the other.
    Raises `InputError` where there is too little of a collection for an estimate.
    """
    iam = np.array([writer.isdecimal() and int(writer) < OWN for writer in writers.tolist()], dtype=bool)
    if not iam.any():
        return points, 1.0
    begun = np.flatnonzero(np.diff(owner, prepend=-1))
    extent = np.maximum.reduceat(points, begun) - np.minimum.reduceat(points, begun)
    width, height = np.zeros((2, len(labels)))
    width[owner[begun]], height[owner[begun]] = extent.T
    drawn = (width > 0) & (height > 0)  # neither a dot nor a bar
    proportion = np.log(width, out=np.zeros_like(width), where=drawn) - np.log(height, out=np.zeros_like(width), where=drawn)
    differences = []
    for label in np.unique(labels).tolist():
        one, other = (proportion[drawn & (labels == label) & collection] for collection in (~iam, iam))
        if label != " " and min(len(one), len(other)) >= EACH:
            differences.append(float(np.median(one) - np.median(other)))
    if len(differences) < LABELS:
        raise InputError(
            f"the shape of IAM-OnDB's characters is estimated from labels that both collections have {EACH} times, and there are "
            f"{len(differences)} such labels of {LABELS} that are needed; give the training file too, or leave out --undistorted"
        )
    factor = float(np.exp(np.median(differences)))
    changed = points.copy()
    changed[iam[owner], 0] *= np.float32(factor)
    return changed, factor
