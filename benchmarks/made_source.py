"""A source of as many samples as are wanted; a module of its own, so that workers can import it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from allograph.bundle import Bundle
from allograph.corpora.source import Listing, Rendered
from allograph.images.frames import Frame

EACH = 1_000
"""Samples a writer."""
NOISE = 8
"""Grey levels by which a pixel of ink is lighter or darker, at most."""


@dataclass
class MadeSource:
    """So many samples: medoids of the shipped bundle's styles, each moved by a few pixels, with noise in the ink.

    No two pictures are alike, so that a file of them is as large as one of real samples.
    """

    samples: int
    name: str = "made"
    origin: str = ""
    licence: str = ""
    frame: Frame = "mnist"
    native: bool = True

    def listing(self) -> Listing:
        """Their labels and writers."""
        styles, alphabet = self._bundle.styles, np.array(list(self._bundle.alphabet))
        assert styles is not None
        writers = np.array([f"w{writer}" for writer in range(-(-self.samples // EACH))])
        return Listing(alphabet[styles.labels[np.arange(self.samples) % len(styles)]], np.repeat(writers, EACH)[: self.samples])

    def render(self, rows: range, frame: Frame) -> Rendered:
        """The samples in these places."""
        styles, places = self._bundle.styles, np.arange(rows.start, rows.stop)
        assert styles is not None
        images = styles.medoids[places % len(styles)]
        moves = places // len(styles) % 3 - 1
        moved = np.stack([np.roll(image, move, axis=1) for image, move in zip(images, moves.tolist(), strict=True)])
        noise = np.random.default_rng(rows.start).integers(-NOISE, NOISE, moved.shape, np.int16, endpoint=True)
        noisy = np.where(moved > 0, np.clip(moved + noise, 1, 255), 0).astype(np.uint8)
        return Rendered(noisy, Counter(light=len(moved)))

    @cached_property
    def _bundle(self) -> Bundle:
        return Bundle.open()

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key != "_bundle"}
