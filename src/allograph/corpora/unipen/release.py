"""The files of the release, in a folder or in an archive: `data/CATEGORY/CONTRIBUTOR/….dat` and what they include."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import posixpath
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from allograph.corpora.nist.zip_directory import check_entries
from allograph.errors import FormatError, InputError
from allograph.files.input import files_below, open_file, read_file
from allograph.progress import Progress, silent

FOLDERS = ("data", "include")
"""What the release holds: segments by category, and the ink, conditions and word lists that they include."""
ENDINGS = (".dat", ".doc", ".lex")
"""What most of its files end with."""
LARGEST_FILE = 1 << 28
"""Bytes of the largest file that is read."""
LARGEST_RELEASE = 1 << 34
"""Bytes of all files that are taken out of an archive."""
MOST_FILES = 1_000_000
"""Entries in the largest archive."""

COMPRESSED: dict[bytes, Callable[[BinaryIO], gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
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
    def open(cls, path: Path, progress: Progress = silent) -> Iterator[Release]:
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
                _unpack(path, Path(folder), progress)
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
                if place.lower().endswith(".dat"):
                    found.append(Path(place).relative_to(self.root).as_posix())
        return sorted(found, key=lambda name: (PurePosixPath(name).parts[2:], name))

    def read(self, name: str) -> str | None:
        """The text of a file, its lines ending with `\\n`; None where there is none.

        It is Latin-1, as the release is, unless its bytes are those of UTF-8. Raises `FormatError` for one that is too large, or
        no regular file.
        """
        try:
            data = read_file(self.root / name, LARGEST_FILE)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise FormatError(f"{self.shown}: {name} cannot be read ({error.strerror or error})") from error
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def find_included(self, reference: str, by: str) -> str:
        """The name of the file that the file `by` includes: below `include`, else beside it; letter case counts where it tells.

        Where there is none, it is the name that it would have below `include`. Raises `FormatError` for one outside the release.
        """
        reference = reference.replace("\\", "/")
        names = [posixpath.normpath(posixpath.join(folder, reference)) for folder in ("include", posixpath.dirname(by))]
        inside = [name for name in names if name.partition("/")[0] in FOLDERS]
        if not inside:
            raise FormatError(f"{self.shown}: {reference} lies outside the release, and {by} includes it")
        exact = (name for name in inside if (self.root / name).is_file())
        alike = (self._spelled[name.lower()] for name in inside if name.lower() in self._spelled)
        return next(exact, None) or next(alike, inside[0])

    @cached_property
    def _spelled(self) -> dict[str, str]:
        """The names of all included files, by their small letters."""
        names = [Path(place).relative_to(self.root).as_posix() for place in files_below(self.root / "include")]
        return {name.lower(): name for name in names}


def contributor(name: str) -> str:
    """Who gave a data file to the collection: the folder in its category."""
    parts = PurePosixPath(name).parts
    return parts[2] if len(parts) > 3 else ""


def _root(folder: Path, given: Path) -> Path:
    """The folder, of this one and those below, that holds the release."""
    for place in sorted([folder, *(data.parent for data in folder.rglob("data"))], key=lambda place: len(place.parts)):
        if (place / "data").is_dir() and (place / "include").is_dir():
            return place
    raise FormatError(f"{given} holds no folders data and include beside each other; give the release of UNIPEN, train_r01_v07")


def _unpack(path: Path, folder: Path, progress: Progress) -> None:
    """Write an archive's files of the release into a folder."""
    total = 0
    if zipfile.is_zipfile(path):
        check_entries(path, MOST_FILES)
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            for number, entry in enumerate(entries):
                progress("unpacking", number, len(entries))
                entry.filename = entry.filename.replace("\\", "/")  # as some archives made on Windows have it
                if not entry.is_dir() and _is_of_release(entry.filename):
                    total = _more(path, entry.filename, entry.file_size, total)
                    archive.extract(entry, folder)
        return
    size = path.stat().st_size
    with (
        open_file(path) as packed,
        _decompressed(packed) as stream,
        tarfile.open(fileobj=stream, mode="r:") as archive,
    ):
        for number, member in enumerate(archive):
            progress("unpacking", packed.tell(), size)
            if number >= MOST_FILES:
                raise FormatError(f"{path} has more than {MOST_FILES:,} entries, the most that are read")
            if member.isfile() and _is_of_release(member.name):
                total = _more(path, member.name, member.size, total)
                target = folder / tarfile.data_filter(member, str(folder)).name
                target.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                if content is not None:
                    with content, open(target, "wb") as file:
                        shutil.copyfileobj(content, file)
        if not stream.last:  # an archive ends with blocks of zeros, and tarfile takes the end of the file for them
            raise FormatError(f"{path} cannot be read: it is truncated; fetch it again")
        stream.read(1 << 20)  # to the end, where a compressed file has its checksum


def _is_of_release(name: str) -> bool:
    """Whether an archive's file is one that a release can hold."""
    return name.lower().endswith(ENDINGS) or any(part in FOLDERS for part in PurePosixPath(name).parts[:-1])


class _Watched(io.BufferedReader):
    """A file that remembers what was read last."""

    last = b""

    def read(self, size: int | None = -1, /) -> bytes:
        self.last = super().read(size)
        return self.last


def _decompressed(file: BinaryIO) -> _Watched:
    """What a file holds, decompressed where it is compressed."""
    begin = file.read(6)
    file.seek(0)
    opener = next((opener for magic, opener in COMPRESSED.items() if begin.startswith(magic)), None)
    return _Watched(file if opener is None else opener(file))  # type: ignore[arg-type]


def _more(path: Path, name: str, size: int, total: int) -> int:
    """The bytes so far and these; raises `FormatError` where they are too many."""
    if size > LARGEST_FILE or total + size > LARGEST_RELEASE:
        raise FormatError(f"{path}: with {name} there are more than {LARGEST_RELEASE:,} bytes, the most that are unpacked")
    return total + size
