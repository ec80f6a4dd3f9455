"""The ink of many characters as three arrays: compact, so that it travels to worker processes; and sources of such ink."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.source import Listing, Rendered
from allograph.images.frames import SIDE, Frame
from allograph.ink import ink_to_frame
from allograph.progress import Progress, silent
from allograph.samples.box import Boxes


class Ink(NamedTuple):
    """The characters of a source."""

    points: NDArray[np.float32]
    """[N, 2] x, y; y down."""
    strokes: NDArray[np.int64]
    """[S + 1] stroke i has the points strokes[i] to strokes[i + 1]."""
    characters: NDArray[np.int64]
    """[n + 1] character i has the strokes characters[i] to characters[i + 1]."""
    boxes: Boxes
    """[n] as they were written."""

    @classmethod
    def of(cls, characters: Sequence[Sequence[NDArray[np.floating]]], boxes: Boxes) -> Self:
        """The table of characters, each its strokes [k, 2], and of their boxes."""
        strokes = [stroke for character in characters for stroke in character]
        return cls(
            np.concatenate([np.empty((0, 2)), *strokes]).astype(np.float32),
            np.cumsum([0, *map(len, strokes)]),
            np.cumsum([0, *map(len, characters)]),
            boxes,
        )

    def character(self, row: int) -> list[NDArray[np.float32]]:
        """The strokes of one character, each [k, 2]."""
        bounds = self.strokes[self.characters[row] : self.characters[row + 1] + 1]
        return [self.points[start:stop] for start, stop in pairwise(bounds)]


class InkSource(ABC):
    """A source of characters of digital ink, all of which it holds in memory once it was read."""

    name: str
    _kept: tuple[Ink, Listing] | None = None

    def read(self, progress: Progress = silent) -> None:
        """Read all ink, unless it was read; raises `FormatError`, naming file and place, for what is damaged or foreign."""
        if self._kept is None:
            self._kept = self._read(progress)

    def listing(self) -> Listing:
        """All characters; raises as `read` does."""
        return self._content[1]

    def render(self, rows: range, frame: Frame) -> Rendered:
        """Draw characters, white on black; raises `ImageError`, naming the sample."""
        ink, listing = self._content
        images = np.empty((len(rows), SIDE, SIDE), np.uint8)
        for image, row in zip(images, rows, strict=True):
            name = f"{self.name}: character {row} ({str(listing.labels[row])!r}, writer {listing.writers[row]})"
            image[:] = self._draw(ink.character(row), frame, name)
        return Rendered(images, Counter(light=len(images)), boxes=ink.boxes.at(slice(rows.start, rows.stop)))

    @property
    def _content(self) -> tuple[Ink, Listing]:
        self.read()
        assert self._kept is not None
        return self._kept

    @abstractmethod
    def _read(self, progress: Progress) -> tuple[Ink, Listing]: ...

    def _draw(self, strokes: Sequence[NDArray[np.float32]], frame: Frame, name: str) -> NDArray[np.uint8]:
        """One character, uint8 [28, 28], from its strokes, each [k, 2]."""
        return ink_to_frame(strokes, frame, name)
