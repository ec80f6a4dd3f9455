"""The class of a label: what kind of character it is, in any script."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CLASSES = ("lower case", "upper case", "digit", "end mark", "other mark", "letter")
"""`end mark`: what ends words and sentences; `letter`: one of a script without cases."""
END_MARKS = frozenset(".,;:!?…。、！？")  # full-width marks are meant


def label_class(label: str) -> int:
    """The place in `CLASSES` of a label's first code point.

    >>> [CLASSES[label_class(label)] for label in "aÉ7,&あ"]
    ['lower case', 'upper case', 'digit', 'end mark', 'other mark', 'letter']
    """
    first = label[0]
    if first in END_MARKS:
        return 3
    category = unicodedata.category(first)
    return {"Ll": 0, "Lu": 1, "Lt": 1, "Nd": 2}.get(category, 5 if category[0] in "LM" else 4)


def label_classes(labels: Sequence[str]) -> NDArray[np.int64]:
    """[n] the classes of labels."""
    return np.array([label_class(label) for label in labels], np.int64)
