"""LEAF's JSON: the samples of some writers in a file that may be larger than memory, read a writer at a time."""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.errors import FormatError
from allograph.files.input import check_file
from allograph.images.frames import SIDE

_USER_DATA = re.compile(rb'"user_data"\s*:\s*\{')
_USER = re.compile(rb'\s*("(?:[^"\\]|\\.)*")\s*:\s*\{')
_LABELS = re.compile(rb'"y"\s*:\s*\[([^\]]*)\]')
_NEXT = re.compile(rb"\s*([,}])")


class LeafFile:
    """`users`, `num_samples` and `user_data`: by user `x`, pictures of 784 numbers 0 (ink) … 1 (paper), and `y`, their classes.

    Opening it finds each user's place in the file and reads the classes; pictures are read when asked for. Raises `FormatError`
    where the file is truncated or of another form.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: list[tuple[int, int]] = []
        self._firsts = [0]
        classes: list[NDArray[np.intp]] = []
        writers: list[str] = []
        check_file(path)
        with open(path, "rb") as file, _mapped(file, path) as content:
            for name, start, end in self._users(content):
                found = _LABELS.search(content, start, end)
                if found is None:
                    raise FormatError(f"{path}: the user {name!r} has no classes y")
                try:
                    numbers = json.loads(b"[" + found[1] + b"]")
                except ValueError:
                    numbers = [None]
                if not all(type(number) is int for number in numbers):
                    raise FormatError(f"{path}: the classes y of the user {name!r} are no whole numbers")
                classes.append(np.array(numbers, dtype=np.intp))
                writers += [name] * len(numbers)
                self._places.append((start, end))
                self._firsts.append(len(writers))
        self.classes = np.concatenate([*classes, np.empty(0, np.intp)])
        self.writers = np.array(writers, dtype=np.str_)

    def __len__(self) -> int:
        return len(self.writers)

    def pictures(self, rows: range) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """The pictures of these samples, uint8 [28, 28], each with a name; raises `FormatError` for what is none."""
        with open(self.path, "rb") as file, _mapped(file, self.path) as content:
            for user, (start, end) in enumerate(self._places):
                first, last = self._firsts[user], self._firsts[user + 1]
                if first < rows.stop and rows.start < last:
                    images = self._images(content[start:end], last - first, str(self.writers[first]))
                    for row in range(max(first, rows.start), min(last, rows.stop)):
                        yield f"{self.path}, sample {row - first} of {self.writers[first]}", images[row - first]

    def _images(self, text: bytes, count: int, user: str) -> NDArray[np.uint8]:
        try:
            values = np.array(json.loads(text)["x"], dtype=np.float64)
        except (ValueError, TypeError, KeyError) as error:
            raise FormatError(f"{self.path}: the pictures x of the user {user!r} cannot be read ({error})") from error
        if values.shape != (count, SIDE * SIDE) or not ((values >= 0) & (values <= 1)).all():
            raise FormatError(
                f"{self.path}: the user {user!r} has {count} classes, and not as many pictures of 784 numbers 0 (ink) … 1 (paper)"
            )
        return np.rint(values * 255).astype(np.uint8).reshape(-1, SIDE, SIDE)

    def _users(self, content: mmap.mmap) -> Iterator[tuple[str, int, int]]:
        """Each user's name and where its object begins and ends; nothing lies in it but lists of numbers."""
        head = _USER_DATA.search(content)
        if head is None:
            raise FormatError(f'{self.path} is not of LEAF: it has no "user_data"')
        place, counts = head.end(), {}
        closed = _NEXT.match(content, place)
        while not (closed and closed[1] == b"}"):
            name = _USER.match(content, place)
            end = content.find(b"}", name.end()) + 1 if name else 0
            closed = _NEXT.match(content, end) if end else None
            if name is None or closed is None:
                raise FormatError(f"{self.path} is truncated or not of LEAF, at byte {place}; make it anew")
            user = self._name(name[1], place)
            if user in counts:
                raise FormatError(f"{self.path} has the user {user!r} twice; make it anew")
            before = self._firsts[-1]
            yield user, name.end() - 1, end
            counts[user] = self._firsts[-1] - before
            place = closed.end()
        self._check(content[: head.end()] + content[closed.end() - 1 :], counts)

    def _name(self, text: bytes, place: int) -> str:
        try:
            return str(json.loads(text))
        except ValueError as error:
            raise FormatError(f"{self.path}: the name of the user at byte {place} cannot be read ({error})") from error

    def _check(self, rest: bytes, counts: dict[str, int]) -> None:
        """Compare what the file says of its users, all but their data, with what was found."""
        try:
            value: Any = json.loads(rest)
            stated = dict(zip(value["users"], value["num_samples"], strict=True))
        except (ValueError, TypeError, KeyError) as error:
            raise FormatError(f"{self.path} is truncated or not of LEAF ({error}); make it anew") from error
        if stated != counts:
            raise FormatError(f"{self.path}: users and num_samples are not those of user_data; make it anew")


def _mapped(file: Any, path: Path) -> mmap.mmap:
    try:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (ValueError, OSError) as error:
        raise FormatError(f"{path} cannot be read: {error}") from error
