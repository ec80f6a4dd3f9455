"""Files that are either whole or not there: written beside their place, then moved into it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from allograph.errors import AllographError, InputError, storage_error
from allograph.files.input import file_kind

LONGEST_PREFIX = 32
"""Characters of an output's name in that of the folder where it is made; a name may itself be as long as names may be."""


@contextmanager
def atomic_file(path: str | Path, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there when the block ends well, remove it when it does not.

    A file that replaces another keeps that one's mode; with `private` a new one is its owner's alone.
    Where `path` is a symbolic link, what it points to is replaced, and the link stays. Raises `InputError` where something other
    than a file is there (`check_output`), `StorageError` when the disk is full or the folder cannot be written.
    """
    check_output(path)
    place = Path(os.path.realpath(path))
    with _beside(place, path, folder=False) as temporary:
        if private:
            temporary.touch(mode=0o600)
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        if place.exists():
            shutil.copymode(place, temporary)
        os.replace(temporary, place)
        _sync_folder(place.parent)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
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
        mode = path.stat().st_mode if path.exists() else None
        if mode is not None and (_is_stream(path) or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))):
            raise InputError(f"cannot write {path}: it is {file_kind(mode)}, which is never replaced; name a file")
        if mode is not None and folder and not stat.S_ISDIR(mode):
            raise InputError(f"cannot write the folder {path}: a file of that name is there; remove it or choose another name")
        if mode is not None and not folder and stat.S_ISDIR(mode):
            raise InputError(f"cannot write the file {path}: a folder of that name is there; remove it or choose another name")
        for source in [Path(source) for source in inputs if source is not None]:
            if mode is not None and source.exists() and path.samefile(source):
                raise InputError(f"cannot write {path}: it is what is read; choose another name")
            if source.is_dir() and parent.samefile(source):
                raise InputError(f"cannot write {path}: {source} is read, and stays as it is; choose another place")
    except OSError as error:
        if isinstance(error, AllographError):
            raise
        raise storage_error(error, path) from error


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
