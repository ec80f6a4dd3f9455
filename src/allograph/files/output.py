"""Files that are either whole or not there: written beside their place, then moved into it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from allograph.errors import AllographError, FormatError, InputError, storage_error

LARGEST_JSON = 2**26
"""Bytes of JSON that are read at most."""
DEEPEST_JSON = 64
"""How deep lists and objects of JSON may lie in each other."""
LONGEST_PREFIX = 32
"""Characters of an output's name in that of the folder where it is made; a name may itself be as long as names may be."""


@contextmanager
def written(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there when the block ends well, remove it when it does not.

    Where `path` is a symbolic link, what it points to is replaced, and the link stays. Raises `InputError` where something other
    than a file is there (`check_output`), `StorageError` when the disk is full or the folder cannot be written.
    """
    check_output(path)
    place = Path(os.path.realpath(path))
    with _beside(place, path, folder=False) as temporary:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        if place.exists():
            shutil.copymode(place, temporary)
        os.replace(temporary, place)
        _sync_folder(place.parent)


@contextmanager
def written_folder(path: str | Path) -> Iterator[Path]:
    """The same for a folder: what stood at `path` stays until the new folder is whole."""
    check_output(path, folder=True)
    place = Path(os.path.realpath(path))
    with _beside(place, path, folder=True) as temporary:
        yield temporary
        for file in filter(Path.is_file, temporary.rglob("*")):
            with open(file, "rb+") as handle:
                os.fsync(handle.fileno())
        if place.exists():
            old = temporary.with_name(f"{place.name}.old")
            try:
                os.rename(place, old)
                os.rename(temporary, place)
            except BaseException:
                if old.exists() and not place.exists():
                    os.rename(old, place)
                raise
        else:
            os.rename(temporary, place)
        _sync_folder(place.parent)


def check_output(path: str | Path, *inputs: str | Path | None, folder: bool = False) -> None:
    """Raise `InputError` unless a file, or a `folder`, may be written there without harm to anything else.

    A pipe, a device or an open stream such as `/dev/stdout` is never replaced, nor one of the `inputs` that the output is made
    from, nor a file inside one that is a folder.
    """
    path = Path(path)
    try:
        parent = Path(os.path.realpath(path)).parent
        if not parent.is_dir():
            named = parent if path.is_symlink() else path.parent
            raise InputError(f"cannot write {path}: the folder {named} does not exist; make it first")
        found = path.stat().st_mode if path.exists() else None
        if found is not None and (_is_stream(path) or not (stat.S_ISREG(found) or stat.S_ISDIR(found))):
            raise InputError(f"cannot write {path}: it is {_kind(found)}, which is never replaced; name a file")
        if found is not None and folder and not stat.S_ISDIR(found):
            raise InputError(f"cannot write the folder {path}: a file of that name is there; remove it or choose another name")
        if found is not None and not folder and stat.S_ISDIR(found):
            raise InputError(f"cannot write the file {path}: a folder of that name is there; remove it or choose another name")
        for source in [Path(given) for given in inputs if given is not None]:
            if found is not None and source.exists() and path.samefile(source):
                raise InputError(f"cannot write {path}: it is what is read; choose another name")
            if source.is_dir() and parent.samefile(source):
                raise InputError(f"cannot write {path}: {source} is read, and stays as it is; choose another place")
    except OSError as error:
        if isinstance(error, AllographError):
            raise
        raise storage_error(error, path) from error


def check_file(path: str | Path) -> None:
    """Raise `InputError` unless a file, which has an end, is there: no folder, pipe or device."""
    try:
        found = os.stat(path).st_mode
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(found):
        raise InputError(f"{path} is {_kind(found)}; name a file")


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    return kinds.get(stat.S_IFMT(mode), "a socket" if stat.S_ISSOCK(mode) else "an open stream")


def _is_stream(path: Path) -> bool:
    """Whether a path stands for what some process has open, such as `/dev/stdout`."""
    return str(path.absolute()).startswith(("/dev/std", "/dev/fd/", "/proc/"))


@contextmanager
def _beside(place: Path, path: str | Path, folder: bool) -> Iterator[Path]:
    """A temporary file or folder in the folder of `place`; an `OSError` names the `path` that was asked for."""
    scratch = None
    try:
        scratch = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name[:LONGEST_PREFIX]}."))
        temporary = scratch / place.name
        if folder:
            temporary.mkdir()
        yield temporary
    except OSError as error:
        if isinstance(error, AllographError):
            raise
        raise storage_error(error, path) from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


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
    """Read a JSON file; raise `FormatError` when it is none, is too large, or is nested too deeply."""
    try:
        check_file(path)
        with open(path, "rb") as file:
            return parse_json(file.read(LARGEST_JSON + 1))
    except FormatError:
        raise
    except (ValueError, OSError) as error:
        if isinstance(error, AllographError):
            raise FormatError(str(error)) from error
        raise FormatError(f"{path} is not readable JSON ({error}); it is truncated or not what it claims to be") from error


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text that somebody else may have written.

    Raises `ValueError` where it is none, is longer than `LARGEST_JSON`, is nested deeper than `DEEPEST_JSON`, or holds a number
    that is not finite.
    """
    if len(text) > LARGEST_JSON:
        raise ValueError(f"it is larger than {LARGEST_JSON >> 20} MiB")
    too_deep = ValueError(f"it is nested deeper than {DEEPEST_JSON} levels")
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise too_deep from None
    if _deeper(value, DEEPEST_JSON):
        raise too_deep
    return value


def _finite(number: str) -> float:
    value = float(number.replace("Infinity", "inf"))
    if not math.isfinite(value):
        raise ValueError(f"it holds the number {number[:20]}, which is not finite")
    return value


def _deeper(value: Any, depth: int) -> bool:
    """Whether lists and objects are nested deeper than that."""
    level = [value]
    for _ in range(depth):
        level = [
            inner for one in level if isinstance(one, dict | list) for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return any(isinstance(one, dict | list) for one in level)


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
