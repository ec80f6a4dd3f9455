"""Where a table stands: a local path, or a URL of any file system that fsspec knows (`s3://`, `gs://`, `file://`, …)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from allograph.errors import AllographError, FormatError, InputError, missing_extra, storage_error
from allograph.files.atomic import check_output
from allograph.files.json_files import LARGEST_JSON

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

Place = Path | str
"""A local path, or a URL, which is text."""


class AtPlace:
    """What stands at a place."""

    place: Place

    @property
    def name(self) -> str:
        """What to call it in a table."""
        return name_of(self.place)

    @property
    def path(self) -> Path:
        """Its local path; raises `InputError` where it is at a URL."""
        return path_of(self.place)


RECORD = "record.json"
"""The file that makes a folder of parts a table: it is written last."""
BLOCK = 1 << 20
"""Bytes that are hashed at a time."""


def is_url(place: Place) -> bool:
    """Whether a place is a URL."""
    return "://" in str(place) and not isinstance(place, Path)


def as_place(place: Place) -> Place:
    """A URL as it is but for slashes at its end, anything else as a path."""
    return str(place).rstrip("/") if is_url(place) else Path(place)


def local_path(place: Place) -> Path | None:
    """Its path, where it is no URL."""
    return None if is_url(place) else Path(place)


def path_of(place: Place) -> Path:
    """Its path; raises `InputError` where it is a URL."""
    path = local_path(place)
    if path is None:
        raise InputError(f"{place} has no path on this machine; copy it to a local one first")
    return path


def name_of(place: Place) -> str:
    """The last part of it."""
    return Path(str(place)).name


def child(place: Place, name: str) -> Place:
    """The file of that name in a folder."""
    return f"{place}/{name}" if is_url(place) else Path(place) / name


def is_folder_name(place: Place) -> bool:
    """Whether an output of this name is a folder of parts: it ends with a slash."""
    return isinstance(place, str) and place.endswith(("/", os.sep))


def is_folder(place: Place) -> bool:
    """Whether a folder of parts is read there: a local folder, or a URL below which there is a record."""
    if not is_url(place):
        return Path(place).is_dir()
    with reading(place):
        system, path = file_system(child(place, RECORD))
        return bool(system.exists(path))


def check_table_output(place: Place, *inputs: Place | None) -> None:
    """Raise `InputError` unless a table may be written there without harm to anything else (`files.atomic.check_output`).

    A folder of parts replaces nothing but another; below a URL there must be nothing.
    """
    if not is_url(place):
        check_output(place, *(one for one in inputs if one is not None and not is_url(one)), folder=is_folder_name(place))
        names = sorted(os.listdir(place)) if is_folder_name(place) and os.path.isdir(place) else []
        if names and RECORD not in names:
            raise InputError(f"{place} holds {names[0]} and is no folder of parts; name a new or an empty one")
        return
    if any(one is not None and str(as_place(one)) == str(as_place(place)) for one in inputs):
        raise InputError(f"cannot write {place}: it is what is read; choose another name")
    if is_folder_name(place):
        with reading(place):
            system, path = file_system(as_place(place))
            if system.exists(path) and (not system.isdir(path) or system.ls(path)):
                raise InputError(f"cannot write {place}: something is there already; remove it or choose another name")


def file_system(place: Place, own: bool = False) -> tuple[AbstractFileSystem, str]:
    """The file system of a URL, perhaps one of its `own`, and the path on it; raises `InputError` where there is none."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:  # pragma: no cover
        raise missing_extra("fsspec", "cluster") from error
    try:
        system, path = url_to_fs(str(place), skip_instance_cache=own)
    except ImportError as error:
        raise InputError(f"{place} cannot be reached: {error}") from error
    except ValueError as error:
        raise InputError(f"{place} is no place that is known: {error}") from error
    return system, str(path)


@contextmanager
def reading(place: Place) -> Iterator[None]:
    """Say which place could not be read: whatever a file system raises becomes an `InputError`."""
    try:
        yield
    except AllographError:
        raise
    except FileNotFoundError:
        raise InputError(f"{place} does not exist") from None
    except Exception as error:  # each file system has exceptions of its own
        raise InputError(f"{place} cannot be read ({type(error).__name__}: {error})") from error


@contextmanager
def atomic_upload(place: Place) -> Iterator[IO[bytes]]:
    """Write a file at a URL, whole or not at all; raises `StorageError` where that fails."""
    system, path = file_system(place, own=True)  # a transaction takes all that is written by this one
    try:
        system.makedirs(path.rpartition("/")[0], exist_ok=True)
        with system.transaction, system.open(path, "wb") as file:
            yield file
    except AllographError:
        raise
    except OSError as error:
        raise storage_error(error, place) from error


def open_place(place: Place) -> Any:
    """Open a file to be read; raises what its file system raises (`reading`)."""
    if not is_url(place):
        return open(place, "rb")
    system, path = file_system(place)
    return system.open(path, "rb")


def read_record(folder: Place) -> bytes:
    """The record of a folder of parts; raises `FormatError` where it has none, or one too large to be one."""
    place = child(folder, RECORD)
    try:
        with open_place(place) as file:
            data: bytes = file.read(LARGEST_JSON + 1)
    except FileNotFoundError:
        raise FormatError(
            f"{folder} is a folder, and holds no {RECORD}: it is no table of allograph's, or was not finished; name a file"
        ) from None
    except OSError as error:
        raise InputError(f"{place} cannot be read ({error})") from error
    if len(data) > LARGEST_JSON:
        raise FormatError(f"{place} has more than {LARGEST_JSON:,} bytes; it is no record")
    return data


def hash_places(places: Sequence[Place]) -> str:
    """The SHA-256 of the bytes of these files one after the other, hexadecimal."""
    digest = hashlib.sha256()
    for place in places:
        with reading(place), open_place(place) as file:
            while block := file.read(BLOCK):
                digest.update(block)
    return digest.hexdigest()


def remove_folder(place: Place) -> None:
    """Remove what was begun below a URL; what a file system says to that is not heard, for something went wrong before."""
    try:
        system, path = file_system(place)
        system.rm(path, recursive=True)
    except Exception:  # each file system has exceptions of its own
        return
