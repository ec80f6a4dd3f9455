"""Columns of text in which the same values come again and again: labels, writers, splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.parquet import pa
from allograph.corpora.table import Table
from allograph.errors import FormatError


@dataclass(frozen=True, eq=False)
class TextColumn:
    """A column of text with each value once; its `len` is the number of rows."""

    values: NDArray[np.str_]
    """[k] sorted; each occurs."""
    codes: NDArray[np.int32]
    """[n] which of the values each row has."""

    @classmethod
    def of(cls, texts: NDArray[np.str_] | Sequence[str]) -> TextColumn:
        """The column of these texts [n]."""
        values, codes = np.unique(np.asarray(texts, np.str_), return_inverse=True)
        return cls(values, codes.astype(np.int32))

    def __len__(self) -> int:
        return len(self.codes)

    def texts(self) -> NDArray[np.str_]:
        """[n] the text of each row."""
        return self.values[self.codes] if len(self.values) else np.empty(0, np.str_)

    def isin(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """[n] which rows have one of these texts."""
        return np.isin(self.values, list(texts))[self.codes] if len(self.values) else np.empty(0, np.bool_)

    def at(self, rows: NDArray[np.integer | np.bool_]) -> TextColumn:
        """These rows, with the values that are left."""
        kept, codes = np.unique(self.codes[rows], return_inverse=True)
        return TextColumn(self.values[kept], codes.astype(np.int32))


def read_texts(table: Table, names: Sequence[str]) -> list[TextColumn]:
    """Some columns of text, read a row group at a time; raises `FormatError` where a row lacks its text."""
    places: list[dict[str, int]] = [{} for _ in names]
    codes: list[list[NDArray[np.int32]]] = [[] for _ in names]
    for number in range(len(table.groups)):
        group = table.group(number, list(names))
        for name, known, parts in zip(names, places, codes, strict=True):
            values, found = encoded(group[name])
            place_of = np.array([known.setdefault(value, len(known)) for value in values], np.int32)
            parts.append(place_of[found])
    return [_sorted(list(known), parts) for known, parts in zip(places, codes, strict=True)]


def encoded(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.integer]]:
    """The values of a text column, and which of them each row has, [n]; raises `FormatError` where one lacks its text."""
    if column.null_count:
        raise FormatError(f"{column.null_count} samples lack their label, writer or split; make the file anew")
    codes = column.combine_chunks().dictionary_encode()
    if isinstance(codes, pa.ChunkedArray):
        codes = codes.combine_chunks()
    return codes.dictionary.to_pylist(), codes.indices.to_numpy(zero_copy_only=False)


def _sorted(values: Sequence[str], codes: Sequence[NDArray[np.int32]]) -> TextColumn:
    texts = np.array(values, np.str_)
    order = np.argsort(texts)
    place_of = np.empty(len(texts), np.int32)
    place_of[order] = np.arange(len(texts))
    return TextColumn(texts[order], np.concatenate([place_of[part] for part in codes] or [np.empty(0, np.int32)]))
