"""Lines in a NumPy archive: the arrays that a person provides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.lines.line import LabelledLine
from allograph.corpora.lines.text import check_text
from allograph.corpora.npz.arrays import as_texts, open_archive, read_array
from allograph.errors import FormatError, InputError
from allograph.samples.names import MISSING, check_present, check_writer
from allograph.split import SPLITS, Split

OPTIONAL = ("stroke_character", "splits", "millimetres", "device")
"""Arrays that an archive may lack."""
KINDS = {"iuf": "numbers", "iu": "whole numbers", "bui": "true or false", "US": "text", "USiuf": "text or whole numbers"}
"""What the types of an array are called in a message, by the letters that NumPy has for them."""


@dataclass(frozen=True)
class LineArchive:
    """The lines of an npz archive: their texts and writers, and the ink, of which `line` makes one at a time."""

    path: Path
    texts: NDArray[np.str_]
    """[n] as `check_text` has them."""
    writers: NDArray[np.str_]
    """[n] as `check_writer` has them."""
    _points: NDArray[Any]
    _stroke_start: NDArray[np.int64]
    _line_start: NDArray[np.int64]
    _characters: NDArray[np.integer] | None
    _millimetres: NDArray[np.bool_]
    _devices: NDArray[np.str_]
    notes: tuple[str, ...] = ()
    origin: str = ""
    licence: str = ""

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    @classmethod
    def open(cls, path: str | Path) -> LineArchive:
        """Read an archive; the arrays are those that docs/corpora.md lists.

        Raises `FormatError` where it is truncated or lacks an array, or where one has another type or length than is read or does
        not begin or end where it must; `InputError` with the place for a text or a writer that can be none.
        """
        path = Path(path)
        with open_archive(path) as archive:
            optional = set(OPTIONAL) & set(archive.names)
        texts = as_texts(path, "texts", _array(path, "texts", "US"), _check_text)
        count = len(texts)
        if not count:
            raise InputError(f"{path}: there are no lines in it")
        points = _array(path, "points", "iuf", width=2)
        stroke_start = _starts(path, "stroke_start", "stroke", len(points), "points")
        line_start = _starts(path, "line_start", "line", len(stroke_start) - 1, "strokes")
        if len(line_start) != count + 1:
            raise FormatError(
                f"{path}: line_start has {len(line_start)} entries; of {count} texts it has {count + 1}, the end too"
            )
        strokes = len(stroke_start) - 1
        characters = _array(path, "stroke_character", "iu", strokes, "strokes") if "stroke_character" in optional else None
        millimetres = _array(path, "millimetres", "bui", count) if "millimetres" in optional else np.zeros(count, np.bool_)
        if not np.isin(millimetres, (0, 1)).all():
            raise FormatError(f"{path}: millimetres is true or false [n]")
        devices = _array(path, "device", "USiuf", count) if "device" in optional else np.zeros(count, np.dtype("U1"))
        return cls(
            path,
            texts,
            as_texts(path, "writers", _array(path, "writers", "USiuf", count), check_writer),
            points,
            stroke_start,
            line_start,
            characters,
            millimetres.astype(np.bool_),
            as_texts(path, "device", devices, str),
        )

    def __reduce__(self) -> tuple[Callable[[Path], LineArchive], tuple[Path]]:
        """Another process reads the archive itself."""
        return LineArchive.open, (self.path,)

    def __len__(self) -> int:
        return len(self.texts)

    def splits(self) -> dict[str, Split] | None:
        """The split of every writer; None where the archive has no array of that name.

        Raises `InputError` with the place for a split that is none, and for a writer in two.
        """
        with open_archive(self.path) as archive:
            if "splits" not in archive:
                return None
        splits = as_texts(self.path, "splits", _array(self.path, "splits", "US", len(self)), _check_split)
        split_of: dict[str, Split] = {}
        for place, (writer, split) in enumerate(zip(self.writers.tolist(), splits.tolist(), strict=True)):
            if split_of.setdefault(writer, split) != split:
                raise InputError(
                    f"{self.path}: splits[{place}]: the writer {writer!r} is in two splits, {split_of[writer]} and {split}"
                )
        return split_of

    def line(self, place: int, split: Split) -> LabelledLine:
        """One of the lines; raises `InputError`, which names its place, where it can be none."""
        first, last = self._line_start[place], self._line_start[place + 1]
        starts = self._stroke_start[first : last + 1]
        points = self._points[starts[0] : starts[-1]].astype(np.float64)
        strokes = tuple(np.split(points, starts[1:-1] - starts[0]))
        try:
            return LabelledLine(
                strokes,
                str(self.texts[place]),
                str(self.writers[place]),
                split,
                self._characters_of(first, last),  # type: ignore[arg-type]  # of any size; checked there, then int16
                "millimetres" if self._millimetres[place] else "device",
                str(self._devices[place]),
            )
        except InputError as error:
            raise InputError(f"{self.path}: line {place}, counted from 0: {error}") from None

    def _characters_of(self, first: int, last: int) -> NDArray[np.integer] | None:
        """The characters of a line's strokes; None where all are -1."""
        characters = None if self._characters is None else self._characters[first:last]
        return None if characters is None or (characters == -1).all() else characters


def _check_text(text: str) -> str:
    if text in MISSING - {"None"}:  # which is a word
        check_present(text, "text")
    return check_text(text)


def _check_split(name: str) -> str:
    """Return the name of a split; raises `InputError` where there is none of that name."""
    if name not in SPLITS:
        raise InputError(f"the split {name!r} is none of {', '.join(SPLITS)}")
    return name


def _array(
    path: Path, name: str, kinds: str, count: int | None = None, of: str = "lines", width: int | None = None
) -> NDArray[Any]:
    """An array of one of these kinds of types, [n] or [n, width], n the `count` of lines or strokes where that is known.

    Raises `FormatError` for another.
    """
    array = read_array(path, name)
    shape = () if width is None else (width,)
    if array.dtype.kind not in kinds or array.ndim == 0 or array.shape[1:] != shape:
        wanted = ", ".join(map(str, ("n", *shape)))
        raise FormatError(f"{path}: {name} is {KINDS[kinds]} [{wanted}]; this is {array.dtype} {list(array.shape)}")
    if count is not None and len(array) != count:
        raise FormatError(f"{path}: {name} has {len(array)} entries, and there are {count} {of}")
    return array


def _starts(path: Path, name: str, part: str, total: int, of: str) -> NDArray[np.int64]:
    """Where each part begins among `total` of what it consists of, and at last where they end; none is empty."""
    starts = _array(path, name, "iu").astype(np.int64)
    if not len(starts) or starts[0] != 0 or starts[-1] != total:
        ends = f"{starts[0]} to {starts[-1]}" if len(starts) else "empty"
        raise FormatError(f"{path}: {name} begins with 0 and ends with the number of {of}, {total}; this one is {ends}")
    empty = np.diff(starts) <= 0
    if empty.any():
        place = int(np.argmax(empty))
        what = f"{part} {place}, counted from 0"
        fault = "has no " + of if starts[place] == starts[place + 1] else "ends before it begins"
        raise FormatError(f"{path}: {name} is ascending; {what}, {fault}")
    return starts
