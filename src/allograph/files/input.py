"""Files that others made: a pipe or a device is not opened, and no more of a file is read than it may have.

What is wrong is an `OSError`, as of `open` itself: the caller says which file it was, and what was expected. `check_file`, for
libraries that open a file themselves, raises `InputError`.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from allograph.errors import InputError


def open_file(path: str | Path, buffer: int = io.DEFAULT_BUFFER_SIZE, largest: int | None = None) -> BinaryIO:
    """Open a regular file to be read; `buffer` is how many bytes are read ahead, `largest` how many it may have.

    Raises `OSError`: what `open` raises, and for a folder, a pipe, a device, a socket, and a file of more bytes.
    """
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder, and a file was expected")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe, a device or a socket; give a file, saved on the disk")
    if largest is not None and status.st_size > largest:
        raise _too_large(largest)
    return open(path, "rb", buffering=buffer)


def read_file(path: str | Path, largest: int) -> bytes:
    """The bytes of a regular file; raises `OSError` as `open_file` does."""
    with open_file(path, largest=largest) as file:
        data = file.read(largest + 1)  # the system's own files say that they have 0 bytes
    if len(data) > largest:
        raise _too_large(largest)
    return data


def check_file(path: str | Path) -> None:
    """Raise `InputError` unless a file, which has an end, is there: no folder, pipe or device."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} is {file_kind(mode)}; name a file")


def file_kind(mode: int) -> str:
    """What a message calls a file of this mode (`os.stat`) that is no regular one."""
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    return kinds.get(stat.S_IFMT(mode), "a socket" if stat.S_ISSOCK(mode) else "an open stream")


def files_below(folder: Path, skip: str = ".") -> Iterator[str]:
    """Yield the files of a folder and of those below it, by name; links to folders are followed, each folder read once.

    What is hidden, macOS's own folders, and folders whose names begin with `skip` are passed over.
    """
    seen: set[tuple[int, int]] = set()
    for place, below, names in os.walk(folder, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in seen:
            below.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        below[:] = sorted(name for name in below if not name.startswith((".", skip, "__MACOSX")))
        for name in sorted(names):
            if not name.startswith("."):
                yield os.path.join(place, name)


def _too_large(largest: int) -> OSError:
    return OSError(errno.EFBIG, f"it has more than {largest:,} bytes, the most that is read of such a file")
