"""The directory of a zip archive, read once as a stream, and the entries' contents, read by their place.

The standard library's reader keeps an object for each entry, a gigabyte for NIST's archives; this one keeps nothing.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from allograph.errors import FormatError, InputError
from allograph.files.input import open_file

_ENTRY = struct.Struct("<8x2H4x3I3H8xI")
_LOCAL = struct.Struct("<6xH18x2H")
_END = struct.Struct("<8x2H2I2x")
_END64 = struct.Struct("<32x3Q")
_LARGEST = 1 << 26
"""Bytes in the largest entry that is read: far more than a picture or a list has."""
_FULL = 0xFFFFFFFF
"""What a 32-bit field holds when the number is in the zip64 extra field."""


class Place(NamedTuple):
    """Where an entry's contents stand in the archive, and what they must come to."""

    offset: int
    """Byte of the archive at which the entry's own header begins."""
    packed: int
    """Bytes as stored."""
    size: int
    """Bytes when unpacked."""
    crc: int
    method: int
    """0: stored, 8: deflated; -1 where the entry is encrypted."""


def open_zip(path: Path, buffer: int = io.DEFAULT_BUFFER_SIZE) -> BinaryIO:
    """Open an archive; `buffer` is how many bytes are read ahead. Raises `InputError` when it does not exist or is no file."""
    try:
        return open_file(path, buffer)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def entries(path: Path, without: bytes | None = None) -> Iterator[tuple[bytes, Place]]:
    """Yield the name and place of every entry, in the directory's order, zip64 included.

    Names have slashes, also where Windows wrote backslashes. Entries in whose names `without` occurs are passed over. Raises
    `FormatError` when the archive is truncated, damaged, in several parts, or no zip archive.
    """
    with open_zip(path, buffer=1 << 20) as file:
        start, end, count, shift = _directory(file, path)
        file.seek(start)
        at = start
        while at < end:
            header = file.read(46)
            if len(header) < 46 or not header.startswith(b"PK\1\2"):
                raise _damage(path, "has a broken directory")
            flags, method, crc, packed, size, named, extra, comment, offset = _ENTRY.unpack(header)
            name = file.read(named).replace(b"\\", b"/")
            more = file.read(extra + comment)
            at += 46 + named + extra + comment
            count -= 1
            if without and without in name:
                continue
            if _FULL in (packed, size, offset):
                packed, size, offset = _large(more[:extra], packed, size, offset, path)
            if offset + packed > start - shift:
                raise _damage(path, "has a broken directory")
            yield name, Place(offset + shift, packed, size, crc, -1 if flags & 1 else method)
        if at != end or count % 65536:  # archives of more entries than 16 bits count exist without zip64
            raise _damage(path, "has a broken directory")


def check_entries(path: Path, most: int) -> None:
    """Raise `FormatError` where an archive has more entries than `most`, before a reader makes an object of each."""
    if next(islice(entries(path), most, None), None) is not None:
        raise FormatError(f"{path} has more than {most:,} entries, the most that are read of such an archive")


def contents(file: BinaryIO, place: Place) -> tuple[str, bytes]:
    """The name and the unpacked contents of the entry at `place`, checked against its size and CRC-32.

    Raises `FormatError`, naming the entry, when it is damaged, encrypted, or packed in another way than deflate.
    """
    file.seek(place.offset)
    header = file.read(30)
    if len(header) < 30 or not header.startswith(b"PK\3\4"):
        raise _damage(file.name, f"has no entry at byte {place.offset}, where its directory says there is one")
    _, named, extra = _LOCAL.unpack(header)
    name = file.read(named).decode("utf-8", "replace")
    file.seek(extra, 1)
    if place.method not in (0, 8):
        kind = "encrypted" if place.method < 0 else f"packed by method {place.method}"
        raise FormatError(f"{file.name}: {name} is {kind}, and not stored or deflated; pack the archive anew")
    if max(place.size, place.packed) > _LARGEST:
        raise FormatError(f"{file.name}: {name} has {place.size} bytes; the largest that is read has {_LARGEST}")
    data = file.read(place.packed)
    try:
        if place.method:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, place.size + 1)
    except zlib.error as error:
        raise _damage(f"{file.name}: {name}", f"cannot be unpacked ({error})") from error
    if len(data) != place.size or zlib.crc32(data) != place.crc:
        raise _damage(f"{file.name}: {name}", "is not what was packed (its size or CRC-32 is another)")
    return name, data


def _directory(file: BinaryIO, path: Path) -> tuple[int, int, int, int]:
    """Where the directory begins and ends, how many entries it has, and how many bytes stand before the archive."""
    length = file.seek(0, 2)
    tail_at = max(0, length - 22 - 65535 - 20)  # the end record, the longest comment, the pointer to the zip64 record
    file.seek(tail_at)
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < 22:
        raise _damage(path, "has no directory")
    on_disk, count, size, offset = _END.unpack_from(tail, at)
    if on_disk != count:
        raise FormatError(f"{path} is one part of several; join them to one archive")
    end = tail_at + at
    if tail[:at][-20:].startswith(b"PK\6\7"):
        end = _end64(file, end - 20, path)
        count, size, offset = _END64.unpack(_read(file, end, 56))
    start = end - size
    if start < offset:
        raise _damage(path, "is shorter than its directory says")
    return start, end, count, start - offset


def _end64(file: BinaryIO, pointer: int, path: Path) -> int:
    """Where the zip64 end record begins: where its pointer says, or just before that when the archive was moved."""
    (said,) = struct.unpack("<8xQ4x", _read(file, pointer, 20))
    for place in (said, pointer - 56):
        if 0 <= place < pointer and _read(file, place, 4) == b"PK\6\6":
            return int(place)
    raise _damage(path, "has no zip64 end record")


def _large(extra: bytes, packed: int, size: int, offset: int, path: Path) -> tuple[int, int, int]:
    """The numbers that 32 bits do not hold, from the zip64 extra field, where they stand as size, packed, offset."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            body = extra[at + 4 : at + 4 + length]
            numbers = struct.unpack_from(f"<{len(body) // 8}Q", body)
            fields = [size, packed, offset]
            full = [i for i, number in enumerate(fields) if number == _FULL]
            if len(full) > len(numbers):
                break
            for i, number in zip(full, numbers, strict=False):
                fields[i] = number
            return fields[1], fields[0], fields[2]
        at += 4 + length
    raise _damage(path, "has a broken directory")


def _read(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    return file.read(length).ljust(length, b"\0")


def _damage(what: object, how: str) -> FormatError:
    return FormatError(f"{what} {how}: the archive is truncated, damaged or no zip archive; fetch it again")
