"""A corpus on disk: samples with labels, writers and splits, read and written in row groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from allograph.alphabet.labels import Alphabet
from allograph.corpora.box_columns import FIELDS, NAMES, boxes_of
from allograph.corpora.parquet import pa
from allograph.corpora.place import AtPlace, Place, as_place
from allograph.corpora.record import CorpusRecord
from allograph.corpora.table import Table, content_hash, open_table
from allograph.corpora.table_output import Layout
from allograph.corpora.text_column import encoded
from allograph.errors import FormatError
from allograph.files.records import read_record
from allograph.images.frames import PIXELS, SIDE, Frame
from allograph.samples.box import Boxes
from allograph.samples.equality import by_content
from allograph.split import SPLITS, Split

FORMAT = 2
"""The format that is written. Format 1 has no boxes.

To raise it: give the new columns to `SCHEMA`, keep what was in `SCHEMAS` under the old number, and make the files of all formats
that the tests open for ever with tests/data/make_formats.py.
"""
_UNBOXED = pa.schema(
    [
        ("image", pa.binary(PIXELS)),
        ("label", pa.string()),
        ("writer", pa.string()),
        ("split", pa.string()),
        ("order", pa.int32()),
    ]
)
SCHEMA = pa.schema([*_UNBOXED, *FIELDS])
SCHEMAS = {1: _UNBOXED, FORMAT: SCHEMA}
"""The columns of each format that is read."""
LAYOUT = Layout("corpus", FORMAT, SCHEMA)
"""How it is written."""


@by_content
@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Some rows of a corpus."""

    rows: NDArray[np.int64]
    """[n] positions in the corpus."""
    images: NDArray[np.uint8]
    """[n, 28, 28]"""
    labels: NDArray[np.str_]
    writers: NDArray[np.str_]
    splits: NDArray[np.str_]
    order: NDArray[np.int32] | None
    boxes: Boxes | None = None
    """[n] how large each was written, and where; None where that is known of none."""

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, keep: NDArray[np.bool_]) -> LabelledImages:
        """Those of the rows where `keep` [n] is true."""
        return LabelledImages(
            self.rows[keep],
            self.images[keep],
            self.labels[keep],
            self.writers[keep],
            self.splits[keep],
            None if self.order is None else self.order[keep],
            None if self.boxes is None else self.boxes.at(keep),
        )


@dataclass(frozen=True)
class Corpus(AtPlace):
    """A corpus: a file or a folder of parts. Opening it reads its record; columns and images are read when asked for."""

    place: Place
    record: CorpusRecord

    @classmethod
    def open(cls, path: Place) -> Corpus:
        """Open a corpus at a path or URL; raises `FormatError` when it is truncated, foreign or of another version."""
        place = as_place(path)
        _, record = open_table(place, LAYOUT.kind, SCHEMAS)
        return cls(place, read_record(CorpusRecord, record, str(path)))

    @classmethod
    def of(cls, corpus: Corpus | Place) -> Corpus:
        """The corpus itself, or the one at a path or URL."""
        return corpus if isinstance(corpus, Corpus) else cls.open(corpus)

    @property
    def frame(self) -> Frame:
        """How the ink lies in the images: `paper` or `mnist`."""
        return self.record.frame

    @property
    def source(self) -> str:
        """The source it was prepared from, such as `nist`."""
        return self.record.source

    @property
    def content_hash(self) -> str:
        """SHA-256 of all of its bytes."""
        return content_hash(self.place)

    @cached_property
    def labels(self) -> NDArray[np.str_]:
        """[n] the label of every sample."""
        return self._strings("label")

    @cached_property
    def writers(self) -> NDArray[np.str_]:
        """[n] the writer of every sample."""
        return self._strings("writer")

    @cached_property
    def splits(self) -> NDArray[np.str_]:
        """[n] the split of every sample."""
        splits = self._strings("split")
        for split in np.unique(splits).tolist():
            if split not in SPLITS:
                raise FormatError(f"{self.place} holds samples of the split {split!r}; there are {', '.join(SPLITS)}")
        return splits

    @cached_property
    def boxes(self) -> Boxes | None:
        """[n] the boxes of all samples, read without their images; None where all are missing."""
        table = self._open()
        return boxes_of(table.read([name for name in NAMES if name in table.schema.names]), str(self.place))

    @cached_property
    def alphabet(self) -> Alphabet:
        """Every label of the corpus, in code-point order."""
        return Alphabet.of(np.unique(self.labels).tolist())

    def __len__(self) -> int:
        return self._open().rows

    def count(self, split: Split) -> int:
        """How many samples a split has."""
        return int(np.count_nonzero(self.splits == split))

    def batches(self, split: Split | None = None) -> Iterator[LabelledImages]:
        """Yield the samples of one split, or of all, a row group at a time, in order.

        Raises `FormatError` where the file is damaged or an image shows no ink.
        """
        table = self._open()
        for number in range(len(table.groups)):
            samples = self._samples(table, number)
            if split is not None:
                samples = samples.where(samples.splits == split)
            if len(samples):
                yield samples

    def writer_splits(self) -> set[tuple[str, str]]:
        """Every writer with the split of some of its samples, read a row group at a time."""
        table, found = self._open(), set[tuple[str, str]]()
        for number in range(len(table.groups)):
            group = table.group(number, ["writer", "split"])
            found |= set(zip(string_column(group["writer"]).tolist(), string_column(group["split"]).tolist(), strict=True))
        return found

    def groups(self) -> int:
        """How many row groups it has."""
        return len(self._open().groups)

    def group(self, number: int) -> LabelledImages:
        """The samples of one row group; raises `FormatError` as `batches` does."""
        return self._samples(self._open(), number)

    def _samples(self, table: Table, number: int) -> LabelledImages:
        group, start = table.group(number), table.starts[number]
        samples = LabelledImages(
            np.arange(start, start + group.num_rows),
            image_column(group["image"]),
            string_column(group["label"]),
            string_column(group["writer"]),
            string_column(group["split"]),
            order_column(group["order"]),
            boxes_of(group, str(self.place)),
        )
        inked = samples.images.any(axis=(1, 2))
        if not inked.all():
            raise FormatError(f"{self.place}: the sample in row {start + int(np.argmin(inked))} is empty: it shows no ink")
        return samples

    def images(self, split: Split, into: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """All images of one split, uint8 [n, 28, 28]; `into` may be an array on disk that is filled instead."""
        images = np.empty((self.count(split), SIDE, SIDE), np.uint8) if into is None else into
        start = 0
        for samples in self.batches(split):
            images[start : start + len(samples)] = samples.images
            start += len(samples)
        return images

    def _strings(self, name: str) -> NDArray[np.str_]:
        return string_column(self._open().read([name])[name])

    def _open(self) -> Table:
        return open_table(self.place, LAYOUT.kind, SCHEMAS)[0]


def string_column(column: pa.ChunkedArray) -> NDArray[np.str_]:
    """A text column as `str` [n]; raises `FormatError` where a sample lacks its text."""
    values, codes = encoded(column)
    return np.array(values or [""], dtype=np.str_)[codes]


def image_column(column: pa.ChunkedArray) -> NDArray[np.uint8]:
    """A column of 784 bytes as uint8 [n, 28, 28]."""
    array = column.combine_chunks()
    chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
    parts = [
        np.frombuffer(chunk.buffers()[1], np.uint8)[chunk.offset * PIXELS : (chunk.offset + len(chunk)) * PIXELS]
        for chunk in chunks
    ]
    return np.concatenate([*parts, np.empty(0, np.uint8)]).reshape(-1, SIDE, SIDE)


def order_column(column: pa.ChunkedArray) -> NDArray[np.int32] | None:
    """The positions in time, int32 [n], or None where they are not known."""
    if column.null_count:
        return None
    return np.asarray(column.to_numpy(), dtype=np.int32)


def images_to_arrow(images: NDArray[np.uint8]) -> pa.Array:
    """Uint8 [n, 28, 28] as a column of 784 bytes."""
    buffer = pa.py_buffer(np.ascontiguousarray(images, dtype=np.uint8))
    return pa.Array.from_buffers(pa.binary(PIXELS), len(images), [None, buffer])
