"""Samples that are 28×28 already, in a NumPy archive: `images`, `labels`, `writers`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.alphabet.labels import check_label
from allograph.corpora.npz.arrays import as_texts, open_archive, read_array
from allograph.corpora.npz.boxes import read_boxes
from allograph.corpora.source import Listing, Rendered
from allograph.errors import FormatError, ImageError, InputError
from allograph.images.frames import SIDE, Frame
from allograph.samples.box import Boxes
from allograph.samples.names import check_present, check_writer

RANKED = "the orders are times, or numbers of more than 32 bits; the corpus keeps their ranks"


@dataclass
class NpzSource:
    """`images` [n, 28, 28] white on black, `labels` and `writers` [n]; optionally `order` or `digit_index` [n], and boxes.

    Images are whole numbers 0…255, or 0 and 1, or bool; labels and writers are texts, UTF-8 bytes or whole numbers; orders are
    numbers or times, of which only the ranks are kept where they are no whole numbers of 32 bits.
    """

    path: Path
    origin: str = ""
    licence: str = ""
    frame: Frame = "mnist"
    boxes: Path | None = None
    """The archive with the samples' boxes (`read_boxes`), in their order; None for those in the archive itself, if any."""
    name: str = "npz"
    native: bool = True
    _images: NDArray[Any] | None = field(default=None, repr=False)
    _ink: int = field(default=255, repr=False)
    """The largest number that the images' type of numbers has for ink: 255 or 1."""
    _boxes: Boxes | None = field(default=None, repr=False)

    def listing(self) -> Listing:
        """Read labels and writers.

        Raises `FormatError` for an archive that is truncated, lacks an array, or has one of another type than is read;
        `InputError`, with the sample's place, for a label, a writer or an order that is missing or cannot be one.
        """
        labels, writers = read_array(self.path, "labels"), read_array(self.path, "writers")
        with open_archive(self.path) as archive:
            ordered = next((name for name in ("order", "digit_index") if name in archive), None)
        order = None if ordered is None else read_array(self.path, ordered)
        for name, column in (("writers", writers), ("order", order)):
            if column is not None and column.shape != labels.shape:
                raise FormatError(f"{self.path}: {name} has {column.size} entries and labels has {labels.size}")
        if labels.ndim != 1:
            raise FormatError(f"{self.path}: labels is [n]; this is {list(labels.shape)}")
        ranks, notes = (None, ()) if ordered is None or order is None else self._order(ordered, order)
        named = as_texts(self.path, "labels", labels, _label), as_texts(self.path, "writers", writers, check_writer)
        self._boxes = self._read_boxes(labels.size)
        return Listing(*named, ranks, notes)

    def render(self, rows: range, frame: Frame) -> Rendered:
        """The images as they are; an image without ink raises `ImageError` with its place."""
        if self._images is None:
            self._images, self._ink = self._load()
            self._boxes = self._read_boxes(len(self._images))
        images = self._images[rows.start : rows.stop]
        inked = images.reshape(len(images), -1).any(axis=1)
        if not inked.all():
            raise ImageError(f"{self.path}: the image at place {rows.start + int(np.argmin(inked))} is empty: it shows no ink")
        images = images.astype(np.uint8, copy=False)
        boxes = None if self._boxes is None else self._boxes.at(slice(rows.start, rows.stop))
        return Rendered(images if self._ink == 255 else images * np.uint8(255), Counter(light=len(images)), boxes=boxes)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_images": None, "_boxes": None}

    def _read_boxes(self, count: int) -> Boxes | None:
        """The boxes of the samples, where there are any."""
        boxes = read_boxes(self.boxes or self.path, count)
        if self.boxes is not None and boxes is None:
            raise FormatError(f"{self.boxes} holds no array box; boxes are box [n, 4], in the order of {self.path}")
        return boxes

    def _load(self) -> tuple[NDArray[Any], int]:
        """All images, and the number that is ink in them."""
        images = read_array(self.path, "images")
        if images.dtype.kind not in "bui" or images.shape[1:] != (SIDE, SIDE):
            raise ImageError(
                f"{self.path}: images is uint8 [n, 28, 28]; this is {images.dtype} {list(images.shape)}{_advice(images)}"
            )
        labels = read_array(self.path, "labels").size
        if labels != len(images):
            raise FormatError(f"{self.path}: there are {len(images)} images and {labels} labels")
        least, most = (int(images.min()), int(images.max())) if images.size else (0, 255)
        if least < 0 or most > 255:
            raise ImageError(f"{self.path}: images hold 0 (paper) to 255 (ink); these hold {least} to {most}")
        return images, 255 if most > 1 else 1

    def _order(self, name: str, values: NDArray[Any]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """Orders as positions in time, int32 [n], and what is to be said of them."""
        if values.dtype.kind not in "iufmM":
            raise FormatError(f"{self.path}: {name} is numbers or times [n]; this is {values.dtype}")
        finite = np.isfinite(values)
        if not finite.all():
            raise InputError(
                f"{self.path}: {name}[{int(np.argmin(finite))}] is missing; fill it in, or leave out the array where the order "
                "is not known"
            )
        whole = values.dtype.kind in "iu" or (values.dtype.kind == "f" and bool((values == np.rint(values)).all()))
        limits = np.iinfo(np.int32)
        if whole and (not values.size or (values.min() >= limits.min and values.max() <= limits.max)):
            return values.astype(np.int32), ()
        return np.unique(values, return_inverse=True)[1].astype(np.int32), (RANKED,)


def _label(text: str) -> str:
    check_present(text, "label")
    return check_label(text)


def _advice(images: NDArray[Any]) -> str:
    """How to make images of another shape or type what they should be."""
    if images.dtype.kind == "f":
        return "; floats of 0…1 become that with (255 * images).round().astype(np.uint8)"
    if images.ndim > 1 and images[:1].size == SIDE * SIDE:
        return "; reshape it to (-1, 28, 28), and look at one: EMNIST's own files hold them transposed"
    return ""
