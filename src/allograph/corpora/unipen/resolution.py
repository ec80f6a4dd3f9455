"""Whether a stated resolution can be true: it makes letters as large as a hand writes them, or it does not."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property

import numpy as np

from allograph.corpora.unipen.reading import Device, Found
from allograph.ink import ink_extent

SMALLEST, LARGEST = 1.0, 15.0
"""Millimetres of the longer side of letters and digits, in the median, between which a resolution can be true.

In the shipped bundle's data it is 1.9 to 10 mm of the contributors whose resolution is believed, 21 to 27 mm of the others.
"""
FEWEST = 8
"""Letters and digits from which on they tell: one may be of any size."""
KNOWN = frozenset(("apb", "mot", "sie"))
"""Contributors whose resolution the whole release shows to be untrue; a part of it may hold too few of their letters."""


class LetterSizes:
    """How large letters and digits are by the resolutions that are stated, for each contributor and resolution."""

    def __init__(self) -> None:
        self._sizes: defaultdict[Device, list[float]] = defaultdict(list)

    def add(self, found: Found) -> None:
        """Take a character into account."""
        if found.resolution and found.segment.label.isalnum():
            left, top, right, bottom = ink_extent(found.strokes)
            self._sizes[found.device].append(max(right - left, bottom - top) / found.per_unit)

    def are_true(self, found: Found) -> bool:
        """Whether the resolution of a segment is stated, and can be true; asked when all characters were added."""
        return found.resolution and found.device.contributor not in KNOWN and found.device not in self._untrue

    def notes(self) -> list[str]:
        """A sentence for each resolution that cannot be true."""
        return [
            f"{device.contributor} states {device.per_unit:g} points a millimetre, by which its letters would be {size:.1f} mm: "
            "not believed"
            for device, size in sorted(self._untrue.items())
        ]

    @cached_property
    def _untrue(self) -> dict[Device, float]:
        medians = {device: float(np.median(sizes)) for device, sizes in self._sizes.items() if len(sizes) >= FEWEST}
        return {device: size for device, size in medians.items() if not SMALLEST <= size <= LARGEST}
