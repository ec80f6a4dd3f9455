"""Samples that are 28×28 already, in a NumPy archive: `images`, `labels`, `writers`."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.source import Listing, Rendered
from allograph.errors import FormatError, ImageError, InputError
from allograph.images import SIDE, Frame


@dataclass
class NpzSource:
    """`images` uint8 [n, 28, 28] white on black, `labels` and `writers` str [n]; optionally `order` or `digit_index` [n]."""

    path: Path
    origin: str = ""
    licence: str = ""
    frame: Frame = "mnist"
    name: str = "npz"
    native: bool = True
    _images: NDArray[np.uint8] | None = field(default=None, repr=False)

    def listing(self) -> Listing:
        """Read labels and writers; raises `FormatError` for an archive that is truncated or lacks an array."""
        labels, writers = (self._read(name).astype(np.str_) for name in ("labels", "writers"))
        with _archive(self.path) as archive:
            ordered = next((name for name in ("order", "digit_index") if name in archive.files), None)
        order = None if ordered is None else self._read(ordered).astype(np.int32)
        for name, column in (("writers", writers), ("order", order)):
            if column is not None and column.shape != labels.shape:
                raise FormatError(f"{self.path}: {name} has {column.size} entries and labels has {labels.size}")
        if labels.ndim != 1:
            raise FormatError(f"{self.path}: labels is [n]; this is {list(labels.shape)}")
        return Listing(labels, writers, order)

    def render(self, rows: range, frame: Frame) -> Rendered:
        """The images as they are; an image without ink raises `ImageError` with its place."""
        if self._images is None:
            images: NDArray[Any] = self._read("images")
            if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE):
                raise ImageError(f"{self.path}: images is uint8 [n, 28, 28]; this is {images.dtype} {list(images.shape)}")
            labels = self._read("labels").size
            if labels != len(images):
                raise FormatError(f"{self.path}: there are {len(images)} images and {labels} labels")
            self._images = images
        images = self._images[rows.start : rows.stop]
        inked = images.reshape(len(images), -1).any(axis=1)
        if not inked.all():
            raise ImageError(f"{self.path}: the image at place {rows.start + int(np.argmin(inked))} is empty: it shows no ink")
        return Rendered(images, Counter(light=len(images)))

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_images": None}

    def _read(self, name: str) -> NDArray[Any]:
        with _archive(self.path) as archive:
            if name not in archive.files:
                raise FormatError(f"{self.path} holds no array {name}; it holds {', '.join(archive.files) or 'none'}")
            try:
                array: NDArray[Any] = archive[name]
            except (ValueError, OSError, zipfile.BadZipFile, zlib.error) as error:
                raise FormatError(
                    f"{self.path}: the array {name} cannot be read ({error}); pickled arrays are refused"
                ) from error
        return array


def _archive(path: Path) -> np.lib.npyio.NpzFile:
    try:
        archive = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path} is not a readable npz archive: it is truncated or foreign ({error})") from error
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise FormatError(f"{path} holds a single array; an npz archive with images, labels and writers was expected")
    return archive
