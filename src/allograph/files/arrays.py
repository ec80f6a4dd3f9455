"""Arrays that may be larger than memory, each in a file of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from allograph.errors import storage_error


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
