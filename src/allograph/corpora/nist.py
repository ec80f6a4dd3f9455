"""NIST Special Database 19, 2nd edition: 814,255 characters of 3,596 writers of forms."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.source import Listing, Rendered
from allograph.corpora.zip_directory import Place, contents, entries, opened
from allograph.errors import FormatError, InputError
from allograph.images import SIDE, Frame, Polarity, decoded, framed

LABELS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""The 62 classes; a class folder bears the code point of its label, hexadecimal."""

_CLASS = {f"{ord(label):02x}".encode(): ord(label) for label in LABELS}
_BY_CLASS = re.compile(rb"(?:.*/)?([^/]+)/hsf_(\d)(?:\.mit|/hsf_\2_(\d{5,7})\.png)")
_BY_WRITE = re.compile(rb"(?:.*/)?hsf_(\d)/f(\d{4})_(\d\d)/([a-z])\2_\3/\4\2_\3_(\d{5,7})\.png")
_LINE = re.compile(
    rb"^\S*?(\d{1,7})\.\w+[ \t]+(?:\S*/)?f(\d{4})_(\d\d)/(?:\S*/)?([a-z])\2_\3_(\d{1,7})\.\w+[ \t\r]*$", re.MULTILINE
)
_NUMBERS = 10**7
"""A picture's key is its place, times this, plus its number."""
_PLACE = np.dtype([("offset", "<u8"), ("packed", "<u4"), ("size", "<u4"), ("crc", "<u4"), ("method", "<i2")])


@dataclass
class NistSource:
    """`by_class.zip`, or a folder of its layout; or `by_write.zip` (or folder) and another path that has the `.mit` lists.

    `polarity` and `square` are those of `images.framed`. The lists say which pictures there are and who wrote them; the
    `train_XX` folders repeat pictures and are not read.
    """

    paths: Sequence[str | Path]
    polarity: Polarity = "auto"
    square: int = 2
    origin: str = (
        "NIST Special Database 19, Handprinted Forms and Characters, 2nd edition (P. J. Grother, K. K. Hanaoka, 2016), "
        "National Institute of Standards and Technology, doi 10.18434/T4H01C"
    )
    licence: str = "public domain: a work of the US government (17 U.S.C. 105); NIST asks to be named"
    frame: Frame = "paper"
    name: str = "nist"
    native: bool = False
    _listed: _Pictures | None = field(default=None, repr=False)

    def listing(self) -> Listing:
        """Read the lists, and find their pictures, in the order class, partition, line.

        Raises `InputError` for paths that do not exist or do not go together, `FormatError` for an archive that is truncated
        or foreign, a folder of an unknown class, a list whose count is not that of its lines, and a picture that is missing.
        """
        if not self.paths:
            raise InputError("nist reads by_class.zip, or a folder of its layout, or by_write.zip and the .mit lists: name one")
        shelves = [_Shelf.of(Path(path)) for path in self.paths]
        lists = [_List.parsed(*found) for found in sorted(_lists(shelves).items())]
        pictures, by_write = _pictures(shelves)
        if not by_write:
            _check_listed(pictures, lists)
        keys = np.concatenate([found.written if by_write else found.pictures for found in lists])
        labels = np.repeat(np.array([found.label for found in lists]), [len(found.pictures) for found in lists])
        writers = np.concatenate([found.writers for found in lists]).astype(np.str_)
        first = np.sort(np.unique(keys, return_index=True)[1])
        notes = []
        if len(first) < len(keys):
            notes.append(f"{len(keys) - len(first)} lines of the .mit lists name a picture again and were left out")
        self._listed = pictures.found(keys[first], _written_name if by_write else _class_name)
        spare = len(pictures.keys) - len(first)
        if spare:
            notes.append(f"{spare} pictures that no .mit list names were left out")
        return Listing(labels[first], writers[first], notes=tuple(notes))

    def render(self, rows: range, frame: Frame) -> Rendered:
        """Decode the pictures at these positions and frame them.

        Raises `ImageError` for a picture that is empty or cannot be decoded, `FormatError` for one whose CRC-32 is wrong.
        """
        if self._listed is None:
            self.listing()
            assert self._listed is not None
        images = np.empty((len(rows), SIDE, SIDE), np.uint8)
        polarity: Counter[str] = Counter()
        for i, (name, data) in enumerate(self._listed.contents(rows)):
            sample = framed(decoded(data, name), frame, self.polarity, self.square, name=name)
            images[i] = sample.image
            polarity[sample.polarity] += 1
        return Rendered(images, polarity)


@dataclass
class _Pictures:
    """Pictures of one archive or folder."""

    root: Path
    keys: NDArray[np.int64]
    """[n]"""
    places: NDArray[np.void] | NDArray[np.bytes_]
    """[n] places in the archive, or paths below the folder."""

    def found(self, keys: NDArray[np.int64], name_of: _Name) -> _Pictures:
        """The pictures of these keys, in their order; raises `FormatError` naming the first that is missing."""
        order = np.argsort(self.keys, kind="stable")
        at = np.searchsorted(self.keys, keys, side="right", sorter=order) - 1  # of entries of one name the last counts
        row = order[np.maximum(at, 0)]
        missing = self.keys[row] != keys
        if missing.any():
            name = name_of(int(keys[missing.argmax()]))
            raise FormatError(
                f"{self.root} lacks {name}, which a .mit list names ({np.count_nonzero(missing)} of {len(keys)} pictures are "
                "missing); it is incomplete: fetch or unpack it again"
            )
        return _Pictures(self.root, keys, self.places[row])

    def contents(self, rows: range) -> Iterator[tuple[str, bytes]]:
        """Name and bytes of the pictures at these positions."""
        places = self.places[rows.start : rows.stop].tolist()
        if self.places.dtype != _PLACE:
            for name in places:
                path = self.root / os.fsdecode(name)
                try:
                    yield str(path), path.read_bytes()
                except OSError as error:
                    raise FormatError(f"{path} cannot be read: {error.strerror}") from error
            return
        with opened(self.root) as file:
            for place in places:
                name, data = contents(file, Place(*place))
                yield f"{self.root}: {name}", data
