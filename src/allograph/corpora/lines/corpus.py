"""A corpus of lines on disk, read in row groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.alphabet.labels import Alphabet
from allograph.corpora.corpus import string_column
from allograph.corpora.lines.columns import SCHEMA, lines_of
from allograph.corpora.lines.line import LabelledLine
from allograph.corpora.lines.record import LineCorpusRecord
from allograph.corpora.lines.text import characters_of
from allograph.corpora.place import AtPlace, Place, as_place
from allograph.corpora.table import Table, open_table
from allograph.corpora.table_output import Layout
from allograph.files.records import read_record
from allograph.split import Split

KIND = "corpus of lines"
FORMAT = 1
"""The format that is written. To raise it: as of `corpora.corpus.FORMAT`."""
SCHEMAS = {FORMAT: SCHEMA}
"""The columns of each format that is read."""
LAYOUT = Layout(KIND, FORMAT, SCHEMA)
"""How it is written."""


@dataclass(frozen=True)
class LineCorpus(AtPlace):
    """A file of lines, or a folder of parts. Opening it reads its record; columns and strokes are read when asked for."""

    place: Place
    record: LineCorpusRecord

    @classmethod
    def open(cls, path: Place) -> LineCorpus:
        """Open a corpus of lines at a path or URL; raises `FormatError` when it is truncated, foreign or of another version."""
        place = as_place(path)
        _, record = open_table(place, KIND, SCHEMAS)
        return cls(place, read_record(LineCorpusRecord, record, str(path)))

    @classmethod
    def of(cls, corpus: LineCorpus | Place) -> LineCorpus:
        """The corpus itself, or the one at a path or URL."""
        return corpus if isinstance(corpus, LineCorpus) else cls.open(corpus)

    @cached_property
    def texts(self) -> NDArray[np.str_]:
        """[n] the text of every line."""
        return self._strings("text")

    @cached_property
    def writers(self) -> NDArray[np.str_]:
        """[n] the writer of every line."""
        return self._strings("writer")

    @cached_property
    def splits(self) -> NDArray[np.str_]:
        """[n] the split of every line."""
        return self._strings("split")

    @cached_property
    def alphabet(self) -> Alphabet:
        """Every character of the texts but the space, in code-point order."""
        return Alphabet.of({character for text in self.texts.tolist() for character in characters_of(text)})

    def __len__(self) -> int:
        return self._open().rows

    def writer_rows(self) -> list[dict[str, Any]]:
        """A row for each writer, for a table, by name: `writer`, `split`, and how many `lines` and `characters`."""
        lines, characters = Counter[str](), Counter[str]()
        for text, writer in zip(self.texts.tolist(), self.writers.tolist(), strict=True):
            lines[writer] += 1
            characters[writer] += len(characters_of(text))
        split_of = dict(zip(self.writers.tolist(), self.splits.tolist(), strict=True))
        return [
            {"writer": writer, "split": split_of[writer], "lines": lines[writer], "characters": characters[writer]}
            for writer in sorted(lines)
        ]

    def lines(self, split: Split | None = None, writer: str | None = None) -> Iterator[LabelledLine]:
        """Yield the lines of one split, of one writer, or all, in order; one row group at a time is in memory.

        Raises `FormatError` where the file is damaged or holds what can be no line.
        """
        keep = np.ones(len(self), np.bool_)
        if split is not None:
            keep &= self.splits == split
        if writer is not None:
            keep &= self.writers == writer
        return self.lines_at(np.flatnonzero(keep))

    def lines_at(self, places: NDArray[np.int64]) -> Iterator[LabelledLine]:
        """Yield the lines at these places, which ascend; raises `FormatError` as `lines` does."""
        table = self._open()
        ends = np.searchsorted(places, np.cumsum([rows for _, _, rows in table.groups])).tolist()
        for number, (first, begin, end) in enumerate(zip(table.starts, [0, *ends], ends, strict=False)):
            if begin < end:
                here = set(places[begin:end].tolist())
                for row, line in enumerate(lines_of(table.group(number, SCHEMA.names), str(self.place), first), first):
                    if row in here:
                        yield line

    def writer_places(self, split: Split, takes: Callable[[str], bool]) -> dict[str, NDArray[np.int64]]:
        """Where the lines of a split's writers stand, by name, of those who have one whose text is such as `takes` says.

        A row group at a time is in memory, and what is kept is a number a line.
        """
        table = self._open()
        places: dict[str, list[int]] = {}
        taken = set[str]()
        for number, first in enumerate(table.starts):
            columns = table.group(number, ["writer", "split", "text"])
            rows = zip(*(string_column(columns[name]).tolist() for name in ("writer", "split", "text")), strict=True)
            for place, (writer, part, text) in enumerate(rows, first):
                if part == split:
                    places.setdefault(writer, []).append(place)
                    if takes(text):
                        taken.add(writer)
        return {writer: np.array(places[writer], np.int64) for writer in sorted(taken)}

    def _strings(self, name: str) -> NDArray[np.str_]:
        return string_column(self._open().read([name])[name])

    def _open(self) -> Table:
        return open_table(self.place, KIND, SCHEMAS)[0]
