"""The arrays of an npz archive that were made by anybody's program: read without unpickling, texts in their one form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.npz.object_arrays import ObjectArchive
from allograph.errors import FormatError, InputError
from allograph.files.input import open_file


def open_archive(path: Path) -> ObjectArchive:
    """Open an archive; raises `FormatError` for what is none, and says so where it is a single array."""
    try:
        return ObjectArchive(path)
    except FormatError:
        if _is_single(path):
            raise FormatError(
                f"{path} holds a single array; an npz archive was expected, which holds several, each by its name"
            ) from None
        raise


def read_array(path: Path, name: str) -> NDArray[Any]:
    """One array of an archive; raises `FormatError` where there is none of that name, and where it holds objects."""
    with open_archive(path) as archive:
        array = archive.read(name)
    if array.dtype.hasobject:
        raise FormatError(
            f"{path}: the array {name} cannot be read (it holds objects); pickled arrays are refused: save it as "
            "numbers, or as text with astype(str)"
        )
    return array


def as_texts(path: Path, name: str, values: NDArray[Any], check: Callable[[str], str]) -> NDArray[np.str_]:
    """An array of texts, bytes or whole numbers as `str` [n], each in the form that `check` gives it.

    Raises `FormatError` for another type, `InputError` with the place for a value that is no text or that `check` refuses.
    """
    if values.dtype.kind not in "USiufb":
        raise FormatError(f"{path}: {name} is text [n]; this is {values.dtype}")
    unique, place, which = np.unique(values, return_index=True, return_inverse=True)
    try:
        distinct = unique.tolist()
    except ValueError as error:  # a number that is no code point
        raise FormatError(f"{path}: {name} holds what is no text ({error})") from error
    texts = []
    for value, first in zip(distinct, place.tolist(), strict=True):
        try:
            texts.append(check(_text(value)))
        except InputError as error:
            raise InputError(f"{path}: {name}[{first}]: {error}") from None
    return np.array(texts, dtype=np.str_)[which] if texts else np.empty(0, np.str_)


def _text(value: object) -> str:
    """One label or writer as text; numbers without a fraction, however they are stored."""
    match value:
        case str():
            return value
        case bytes():
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                raise InputError(f"{value!r} is no text in UTF-8") from None
        case bool():
            raise InputError(f"{value} is no text and no whole number")
        case int():
            return str(value)
        case float() if value.is_integer():
            return str(int(value))
        case float() if value != value:
            raise InputError("it is missing (NaN); fill it in, or leave the sample out")
    raise InputError(f"{value!r} is no text and no whole number")


def _is_single(path: Path) -> bool:
    try:
        with open_file(path) as file:
            return file.read(6) == b"\x93NUMPY"
    except OSError:
        return False
