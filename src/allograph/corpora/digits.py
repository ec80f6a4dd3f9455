"""The 1,797 real digits inside scikit-learn, with the writers that its file left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.source import Listing, Rendered
from allograph.errors import FormatError, missing_extra
from allograph.images.frames import SIDE, Frame, to_frame

FORM = (
    "012345678901234567890123456789"
    "0955650989841773510022782012633733466649150952820017"
    "632174631391768431405369617544728225795488490898"
)
"""The digits that every writer copied, in order (a test finds them anew in the data)."""
RUNS = 14
SKIPPED, MISREAD = 1, 2
"""What the alignment pays for a digit of the form that is missing, and for a sample that shows another digit."""

RUNS_ARE_WRITERS = (
    "each of the 14 runs through the form counts as a writer; UCI speaks of 13 writers, so two runs may be one person"
)


@dataclass
class DigitsSource:
    """UCI optdigits' test set as scikit-learn ships it: 8×8 grey, one writer for each run through the 130-digit form.

    The file names no writers, but its order gives them away: a run ends where the form begins anew (`align`).
    """

    origin: str = (
        "E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits (test set), "
        "UCI Machine Learning Repository, 1998, doi 10.24432/C50P49, as shipped in scikit-learn"
    )
    licence: str = "CC BY 4.0"
    frame: Frame = "mnist"
    name: str = "digits"
    native: bool = False
    _pictures: NDArray[np.uint8] | None = field(default=None, repr=False)

    def listing(self) -> Listing:
        """Align the digits to the form; `order` is the place in it. Raises `MissingExtraError` without scikit-learn."""
        _, digits = _load()
        runs, places = align(digits)
        if runs.max() + 1 != RUNS:
            raise FormatError(
                f"scikit-learn's digits hold {runs.max() + 1} runs through the form and not {RUNS}: "
                "they are in another order than UCI's file; use an unmodified scikit-learn"
            )
        writers = np.array([f"run-{run:02d}" for run in range(RUNS)])[runs]
        missing = RUNS * len(FORM) - len(digits)
        notes = (RUNS_ARE_WRITERS, f"{missing} digits of the {RUNS} forms are missing from UCI's file")
        return Listing(digits.astype(np.str_), writers, places.astype(np.int32), notes)

    def render(self, rows: range, frame: Frame) -> Rendered:
        """Frame the 8×8 pictures, enlarged to 128×128 first."""
        if self._pictures is None:
            self._pictures, _ = _load()
        images = np.empty((len(rows), SIDE, SIDE), np.uint8)
        for image, row in zip(images, rows, strict=True):
            image[:] = to_frame(self._pictures[row], frame, "light", name=f"digit {row} of scikit-learn", level=False).image
        return Rendered(images, Counter(light=len(rows)))

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_pictures": None}


def align(digits: NDArray[np.integer], form: str = FORM) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The run and the place in the form of every digit, both [n], where `digits` [n] are copies of the form with gaps.

    Of all ways to lay the digits onto the form, again and again from its beginning, this is the cheapest: a digit of
    the form that is left out costs `SKIPPED`, one that was copied as another costs `MISREAD` (dynamic programming).
    """
    copied = np.array([int(digit) for digit in form])
    size = len(copied)
    place = np.arange(size)
    left_out = (place - place[:, None] - 1) % size * SKIPPED  # from one place to a later one, or to one in the next run
    cost = place * SKIPPED + (copied != digits[0]) * MISREAD
    came_from = np.zeros((len(digits), size), np.intp)
    for i in range(1, len(digits)):
        paid = cost[:, None] + left_out
        came_from[i] = paid.argmin(axis=0)
        cost = paid[came_from[i], place] + (copied != digits[i]) * MISREAD
    places = np.empty(len(digits), np.intp)
    places[-1] = int((cost + place[::-1] * SKIPPED).argmin())
    for i in range(len(digits) - 1, 0, -1):
        places[i - 1] = came_from[i, places[i]]
    runs = np.concatenate([[0], np.cumsum(places[1:] <= places[:-1])])
    return runs, places


def _load() -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """The pictures, uint8 [n, 8, 8] in 0…255, and what they show, int [n]."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise missing_extra("scikit-learn", "research") from None
    digits = load_digits()
    return np.asarray((digits.images * 255 / 16).round(), dtype=np.uint8), np.asarray(digits.target, dtype=np.intp)
