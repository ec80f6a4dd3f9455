"""Files that are either whole or not there: written beside their place, then moved into it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from allograph.errors import AllographError, FormatError, InputError, storage_error


@contextmanager
def written(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there when the block ends well, remove it when it does not.

    Raises `StorageError` when the disk is full or the folder cannot be written.
    """
    path = Path(path)
    with _beside(path, folder=False) as temporary:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)


@contextmanager
def written_folder(path: str | Path) -> Iterator[Path]:
    """The same for a folder: what stood at `path` stays until the new folder is whole."""
    path = Path(path)
    with _beside(path, folder=True) as temporary:
        yield temporary
        for file in filter(Path.is_file, temporary.rglob("*")):
            with open(file, "rb+") as handle:
                os.fsync(handle.fileno())
        if path.exists():
            old = temporary.with_name(f"{path.name}.old")
            try:
                os.rename(path, old)
                os.rename(temporary, path)
            except BaseException:
                if old.exists() and not path.exists():
                    os.rename(old, path)
                raise
        else:
            os.rename(temporary, path)
        _sync_folder(path.parent)


@contextmanager
def _beside(path: Path, folder: bool) -> Iterator[Path]:
    if not path.absolute().parent.is_dir():
        raise InputError(f"cannot write {path}: the folder {path.parent} does not exist; make it first")
    if folder and path.exists() and not path.is_dir():
        raise InputError(f"cannot write the folder {path}: a file of that name is there; remove it or choose another name")
    if not folder and path.is_dir():
        raise InputError(f"cannot write the file {path}: a folder of that name is there; remove it or choose another name")
    place = path.absolute().parent
    temporary = None
    try:
        scratch = Path(tempfile.mkdtemp(dir=place, prefix=f".{path.name}."))
        temporary = scratch / path.name
        if folder:
            temporary.mkdir()
        yield temporary
    except OSError as error:
        if isinstance(error, AllographError):
            raise
        raise storage_error(error, path) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary.parent, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def array_on_disk(path: str | Path, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """A new array in a file of its own, for what may be larger than memory.

    Its space is reserved at once: a full disk raises `StorageError` here and does not kill the process later.
    """
    try:
        with open(path, "wb") as file:
            size = max(1, int(np.prod(shape)) * np.dtype(dtype).itemsize)
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        raise storage_error(error, path) from error
    return np.memmap(path, dtype, "r+", shape=shape)


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented UTF-8 JSON, whole or not at all."""
    with written(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Read a JSON file; raise `FormatError` when it is none."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FormatError(f"{path} does not exist") from None
    except (ValueError, OSError) as error:
        raise FormatError(f"{path} is not readable JSON ({error}); it is truncated or not what it claims to be") from error


def check_version(path: str | Path, what: str, found: Any, expected: int) -> None:
    """Raise `FormatError` unless the format version `found` in a file is the one this release reads."""
    if found is None:
        raise FormatError(f"{path} is not an allograph {what}: it carries no format version")
    if found != expected:
        raise FormatError(
            f"{path} is an allograph {what} of format {found}; this release reads format {expected}. "
            "Make it anew, or use the release that wrote it"
        )


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
