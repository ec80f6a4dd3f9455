"""Files of a folder or a zip archive by the million, each known by a number instead of a name."""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.nist.zip_directory import Place, contents, entries, open_zip
from allograph.errors import FormatError
from allograph.files.input import files_below, read_file

LARGEST = 1 << 26
"""Bytes in the largest file that is read: far more than a picture or a list has."""
_PLACE, _PLACES = struct.Struct("<3QIi"), np.dtype("<u8, <u8, <u8, <u4, <i4")


@dataclass(frozen=True)
class KeyedFiles:
    """Files of one folder or archive; compact, as it is sent to every worker."""

    root: Path
    keys: NDArray[np.int64]
    """[n]"""
    places: NDArray[np.void] | NDArray[np.bytes_]
    """[n] places in the archive, or paths from the folder's parent."""

    def __len__(self) -> int:
        return len(self.keys)

    def select(self, keys: NDArray[np.int64], path_of: Callable[[int], str]) -> KeyedFiles:
        """The files of these keys, in this order; raises `FormatError` naming the first that is missing."""
        order = np.argsort(self.keys, kind="stable")
        last = np.searchsorted(self.keys, keys, side="right", sorter=order) - 1  # of equal names the last counts
        rows = order[np.maximum(last, 0)]
        missing = np.flatnonzero(self.keys[rows] != keys)
        if len(missing):
            raise FormatError(
                f"{self.root}: {path_of(int(keys[missing[0]]))} is missing (in all, {len(missing)} of "
                f"{len(keys)} listed files); fetch the archive, or unpack it, again"
            )
        return KeyedFiles(self.root, keys, self.places[rows])

    def read(self, rows: range) -> Iterator[tuple[str, bytes]]:
        """The name, for messages, and the bytes of these files; raises `FormatError` for a damaged one."""
        places = self.places[rows.start : rows.stop].tolist()
        if self.places.dtype == _PLACES:
            with open_zip(self.root) as file:
                for place in places:
                    name, data = contents(file, Place(*place))
                    yield f"{self.root}: {name}", data
            return
        for place in places:
            path = self.root.absolute().parent / os.fsdecode(place)
            try:
                data = read_file(path, LARGEST)
            except OSError as error:
                raise FormatError(f"{path} cannot be read: {error.strerror}") from error
            yield str(path), data


@dataclass
class Gathering:
    """Files as they are met, before they are `KeyedFiles`."""

    keys: array[int] = field(default_factory=lambda: array("q"))
    packed: bytearray = field(default_factory=bytearray)
    paths: list[bytes] = field(default_factory=list)

    def add(self, key: int, path: bytes, place: Place | None) -> None:
        """Add a file that `walk` yielded."""
        self.keys.append(key)
        if place is None:
            self.paths.append(path)
        else:
            self.packed += _PLACE.pack(*place)

    def files(self, root: Path) -> KeyedFiles:
        """What was gathered below `root`."""
        places = np.frombuffer(self.packed, _PLACES) if self.packed else np.array(self.paths, np.bytes_)
        return KeyedFiles(root, np.array(self.keys, np.int64), places)


def walk(root: Path, skip: str) -> Iterator[tuple[bytes, Place | None]]:
    """Yield the path and place of every entry of an archive, or the path of every file of a folder, from its parent.

    What lies in folders whose names begin with `skip` is passed over, and what is hidden or macOS's own; links are followed.
    Raises `FormatError` when `root` is neither folder nor archive.
    """
    if not root.is_dir():
        for path, place in entries(root, f"/{skip}".encode()):
            if b"/." not in b"/" + path.removeprefix(b"./") and b"__MACOSX/" not in path:
                yield path, place
        return
    parent = os.path.join(root.absolute().parent, "")
    for file in files_below(root.absolute(), skip):
        yield os.fsencode(file.removeprefix(parent).replace(os.sep, "/")), None
