"""The files of the release, in a folder or in an archive: `data/CATEGORY/CONTRIBUTOR/….dat` and what they include."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from allograph.corpora.nist.zip_directory import check_entries
from allograph.errors import FormatError, InputError
from allograph.files.input import files_below, open_file, read_file

ENDINGS = (".dat", ".doc", ".lex")
"""What the release's files end with: data, the conditions they were written in, and word lists."""
LARGEST_FILE = 1 << 28
"""Bytes of the largest file that is read."""
LARGEST_RELEASE = 1 << 34
"""Bytes of all files that are taken out of an archive."""
MOST_FILES = 1_000_000
"""Entries in the largest archive."""

COMPRESSED: dict[bytes, Callable[[Path], BinaryIO | gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
"""What opens a compressed file, by how it begins."""


@dataclass(frozen=True)
class Release:
    """A release in a folder."""

    root: Path
    """The folder that holds `data` and `include`."""
    shown: str
    """What messages call it: the path that was given."""

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Release]:
        """The release at a path; an archive (.tar, .tar.gz, .tar.bz2, .tar.xz, .zip) is unpacked until the block ends.

        Raises `InputError` where there is nothing, `FormatError` where an archive is truncated or foreign, or holds no release.
        """
        if path.is_dir():
            yield cls(_root(path, path), str(path))
            return
        if not path.exists():
            raise InputError(f"{path} does not exist")
        with tempfile.TemporaryDirectory(prefix="allograph-unipen-") as folder:
            try:
                _unpack(path, Path(folder))
            except (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, RuntimeError, OSError) as error:
                if isinstance(error, FormatError):
                    raise
                raise FormatError(f"{path} cannot be read: it is truncated or foreign ({error}); fetch it again") from error
            yield cls(_root(Path(folder), path), str(path))

    def data_files(self, categories: Iterable[str]) -> list[str]:
        """The names of these categories' files, such as `data/1a/….dat`: those of one ink after one another."""
        found = []
        for category in categories:
            for place in files_below(self.root / "data" / category):
                if place.endswith(".dat"):
                    found.append(Path(place).relative_to(self.root).as_posix())
        return sorted(found, key=lambda name: (PurePosixPath(name).parts[2:], name))

    def read(self, name: str) -> str | None:
        """The text of a file, one character a byte (Latin-1); None where there is none.

        Raises `FormatError` for one that is too large, no regular file, or outside the release.
        """
        if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
            raise FormatError(f"{self.shown}: {name} lies outside the release")
        try:
            return read_file(self.root / name, LARGEST_FILE).decode("latin-1")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise FormatError(f"{self.shown}: {name} cannot be read ({error.strerror or error})") from error


def contributor(name: str) -> str:
    """Who gave a data file to the collection: the folder in its category."""
    return PurePosixPath(name).parts[2]


def _root(folder: Path, given: Path) -> Path:
    """The folder, of this one and those below, that holds the release."""
    for place in sorted([folder, *(data.parent for data in folder.rglob("data"))], key=lambda place: len(place.parts)):
        if (place / "data").is_dir() and (place / "include").is_dir():
            return place
    raise FormatError(f"{given} holds no folders data and include beside each other; give the release of UNIPEN, train_r01_v07")


def _unpack(path: Path, folder: Path) -> None:
    """Write an archive's files of the release into a folder."""
    total = 0
    if zipfile.is_zipfile(path):
        check_entries(path, MOST_FILES)
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.filename.lower().endswith(ENDINGS):
                    total = _more(path, entry.filename, entry.file_size, total)
                    archive.extract(entry, folder)
        return
    with _decompressed(path) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
        for number, member in enumerate(archive):
            if number >= MOST_FILES:
                raise FormatError(f"{path} has more than {MOST_FILES:,} entries, the most that are read")
            if member.isfile() and member.name.lower().endswith(ENDINGS):
                total = _more(path, member.name, member.size, total)
                target = folder / tarfile.data_filter(member, str(folder)).name
                target.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                if content is not None:
                    with content, open(target, "wb") as file:
                        shutil.copyfileobj(content, file)
        if not stream.last:  # an archive ends with blocks of zeros, and tarfile takes the end of the file for them
            raise FormatError(f"{path} cannot be read: it is truncated; fetch it again")


class _Watched(io.BufferedReader):
    """A file that remembers what was read last."""

    last = b""

    def read(self, size: int | None = -1, /) -> bytes:
        self.last = super().read(size)
        return self.last


def _decompressed(path: Path) -> _Watched:
    """What a file holds, decompressed where it is compressed."""
    with open_file(path) as file:
        begin = file.read(6)
    opener = next((opener for magic, opener in COMPRESSED.items() if begin.startswith(magic)), None)
    opened = open_file(path, buffer=0) if opener is None else opener(path)
    return _Watched(opened)  # type: ignore[arg-type]


def _more(path: Path, name: str, size: int, total: int) -> int:
    """The bytes so far and these; raises `FormatError` where they are too many."""
    if size > LARGEST_FILE or total + size > LARGEST_RELEASE:
        raise FormatError(f"{path}: with {name} there are more than {LARGEST_RELEASE:,} bytes, the most that are unpacked")
    return total + size
