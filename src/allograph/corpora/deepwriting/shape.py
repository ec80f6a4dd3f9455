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


def is_iam(writers: NDArray[np.str_]) -> NDArray[np.bool_]:
    """[n] whether it is a writer of IAM-OnDB."""
    return np.array([writer.isdecimal() and int(writer) < OWN for writer in writers.tolist()], dtype=np.bool_)


def width_factor(extents: NDArray[np.float32], labels: NDArray[np.str_], iam: NDArray[np.bool_]) -> float:
    """What the widths of IAM-OnDB's characters are to be multiplied by.

    `extents` [n, 4] are left, top, right, bottom of the characters; labels and `iam` are [n]. The factor is the median, over the
    labels that both collections have, of the quotient of the label's median width over height in the one and in the other.
    Raises `InputError` where there is too little of a collection for an estimate.
    """
    if not iam.any():
        return 1.0
    with np.errstate(invalid="ignore"):  # what is beyond all bounds is refused when it is drawn
        (width, height) = (extents[:, 2:] - extents[:, :2]).T
    has_area = (width > 0) & (height > 0)  # neither a dot nor a bar
    proportion = np.log(width, out=np.zeros_like(width), where=has_area) - np.log(
        height, out=np.zeros_like(width), where=has_area
    )
    differences = []
    for label in np.unique(labels).tolist():
        one, other = (proportion[has_area & (labels == label) & collection] for collection in (~iam, iam))
        if label != " " and min(len(one), len(other)) >= EACH:
            differences.append(float(np.median(one) - np.median(other)))
    if len(differences) < LABELS:
        raise InputError(
            f"the shape of IAM-OnDB's characters is estimated from labels that both collections have {EACH} times, and there are "
            f"{len(differences)} such labels of {LABELS} that are needed; give the training file too, or leave out --undistorted"
        )
    return float(np.exp(np.median(differences)))
