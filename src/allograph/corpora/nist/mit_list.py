"""NIST's `.mit` lists: which pictures of a class a partition holds, and who wrote them."""

from __future__ import annotations

import re
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from allograph.errors import FormatError

_LINE = re.compile(
    rb"^\S*?(\d{1,7})\.\w+[ \t]+(?:\S*/)?f(\d{4})_(\d\d)/\S+/([a-z])\d{4}_\d\d_(\d{1,7})\.\w+[ \t\r]*$", re.MULTILINE
)
LARGEST = 1 << 24
"""Bytes in the largest list that is read: the largest of NIST's has half a million."""
_LONGEST = 200
"""Bytes in the longest line that is looked at."""
_NUMBERS = 10**7
"""A picture's key is its folder's, times this, plus its number."""

Integer = TypeVar("Integer", int, NDArray[np.int64])


class MitList(NamedTuple):
    """The `n` pictures of one class in one partition, in the order of their lines."""

    labels: NDArray[np.str_]
    """[n], all the same."""
    in_class: NDArray[np.int64]
    """[n] their keys in by_class."""
    by_writer: NDArray[np.int64]
    """[n] their keys in by_write."""
    writers: NDArray[np.str_]
    """[n] such as `f0000`."""


def parse_list(name: str, data: bytes, code: int, partition: int) -> MitList:
    """Read a list: the number of its pictures, then a line of two columns for each.

    The columns are the picture's name in by_class and its path in by_write, less the partition. The number in the
    latter may have six digits where the file's name has five. Raises `FormatError`, naming the list by `name`, when the
    number is not that of the lines, or a line has another form.
    """
    if len(data) > LARGEST:
        raise FormatError(f"{name} is no .mit list: it has {len(data):,} bytes, and a list has at most {LARGEST:,}")
    first, _, body = data.partition(b"\n")
    lines = [line for line in body.splitlines() if line.strip()]
    if len(first) > _LONGEST or not first.strip().isdigit():
        raise FormatError(f"{name} is no .mit list: its first line, {_quote(first)}, is not the number of its pictures")
    if int(first) != len(lines):
        raise FormatError(
            f"{name} announces {int(first)} pictures and lists {len(lines)}: it is truncated or changed; fetch it again"
        )
    if any(len(line) > _LONGEST for line in lines):
        raise FormatError(f"{name}: a line has more than {_LONGEST} characters; it is no .mit list")
    fields = _LINE.findall(body)
    if len(fields) != len(lines):
        wrong = next(line for line in lines if not _LINE.match(line))
        raise FormatError(f"{name}: the line {_quote(wrong)} is not IMAGE.png fWWWW_FF/XWWWW_FF/XWWWW_FF_NNNNN.png")
    columns = np.array(fields, "S7").reshape(-1, 5).T
    number, writer, form, number_of_form = columns[[0, 1, 2, 4]].astype(np.int64)
    kind = columns[3].astype("S1").view(np.uint8).astype(np.int64)
    return MitList(
        np.full(len(fields), chr(code)),
        class_key(code, partition, number),
        writer_key(partition, writer, form, kind, number_of_form),
        np.char.add("f", columns[1].astype(np.str_)).astype("U5"),
    )


def class_key(code: int, partition: int, number: Integer) -> Integer:
    """One number for a picture of by_class."""
    return (code * 10 + partition) * _NUMBERS + number


def list_key(key: Integer) -> Integer:
    """The code × 10 + partition of the list that a picture of by_class belongs to."""
    return key // _NUMBERS


def class_path(key: int) -> str:
    """The path from by_class that has this key.

    >>> class_path(class_key(0x4A, 6, 12))
    '4a/hsf_6/hsf_6_00012.png'
    """
    folder, number = divmod(key, _NUMBERS)
    code, partition = divmod(folder, 10)
    return f"{code:02x}/hsf_{partition}/hsf_{partition}_{number:05d}.png"


def writer_key(partition: int, writer: Integer, form: Integer, kind: Integer, number: Integer) -> Integer:
    """One number for a picture of by_write; `kind` is the code point of its letter: c, d, l or u."""
    return (((partition * 10**4 + writer) * 100 + form) * 128 + kind) * _NUMBERS + number


def writer_path(key: int) -> str:
    """The path from by_write that has this key.

    >>> writer_path(writer_key(0, 17, 4, ord("d"), 12))
    'hsf_0/f0017_04/d0017_04/d0017_04_00012.png'
    """
    folder, number = divmod(key, _NUMBERS)
    form, kind = divmod(folder, 128)
    writer, form = divmod(form, 100)
    partition, writer = divmod(writer, 10**4)
    field = f"{chr(kind)}{writer:04d}_{form:02d}"
    return f"hsf_{partition}/f{field[1:]}/{field}/{field}_{number:05d}.png"


def _quote(line: bytes) -> str:
    return repr(line[:80].decode("ascii", "replace"))
