"""A corpus through a recognizer: embedded once, replayed many times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.alphabet.labels import Alphabet
from allograph.bundle import Bundle, BundleReference
from allograph.corpora.box_columns import FIELDS, NAMES, boxes_of, boxes_to_arrow
from allograph.corpora.corpus import Corpus, image_column, images_to_arrow, order_column, string_column
from allograph.corpora.parquet import pa
from allograph.corpora.place import AtPlace, Place, as_place
from allograph.corpora.record import CorpusRecord
from allograph.corpora.table import Table, content_hash, open_table
from allograph.corpora.table_output import Layout, table_output
from allograph.corpora.text_column import TextColumn, read_texts
from allograph.errors import FormatError, MismatchError, UnknownLabel
from allograph.execution import Jobs
from allograph.files.records import read_record, record_values
from allograph.images.frames import PIXELS, SIDE, Frame
from allograph.progress import Progress, silent
from allograph.recognizer import Engine, Recognizer
from allograph.samples.box import Boxes
from allograph.samples.equality import by_content
from allograph.split import Split

FORMAT = 2
"""The format that is written. Format 1 has no boxes; how to raise it, see `corpora.corpus.FORMAT`."""
KIND = "embedded corpus"
LISTS = ("embedding", "logits", "features")
"""The columns of numbers."""


@by_content
@dataclass(frozen=True, eq=False)
class EmbeddedSamples:
    """Some samples of an embedded corpus."""

    embeddings: NDArray[np.float32]
    """[n, d]"""
    logits: NDArray[np.float32]
    """[n, C]"""
    labels: NDArray[np.str_]
    writers: NDArray[np.str_]
    order: NDArray[np.int32] | None
    rows: NDArray[np.int64]
    """[n] places in the corpus."""
    images: NDArray[np.uint8]
    """[n, 28, 28]; none where they were not asked for."""
    features: NDArray[np.float32] | None = None
    """[n, f] where the model has such an output."""
    boxes: Boxes | None = None
    """[n] how large each was written, and where; None where that is known of none."""

    def __len__(self) -> int:
        return len(self.labels)


def schema(embedding: int, labels: int, features: int | None = None) -> pa.Schema:
    """The columns of an embedded corpus in format 2; the last only where the model has features."""
    return pa.schema(
        [
            ("embedding", pa.list_(pa.float32(), embedding)),
            ("logits", pa.list_(pa.float32(), labels)),
            ("label", pa.string()),
            ("writer", pa.string()),
            ("split", pa.string()),
            ("order", pa.int32()),
            ("row", pa.int64()),
            ("image", pa.binary(PIXELS)),
            *FIELDS,
            *([] if features is None else [("features", pa.list_(pa.float32(), features))]),
        ]
    )


def _schemas() -> dict[int, pa.Schema]:
    """The columns of each format that is read; lists may have any length."""
    newest = schema(1, 1)
    return {1: pa.schema([column for column in newest if column.name not in NAMES]), FORMAT: newest}


def embed(
    corpus: Corpus | Place,
    recognizer: Recognizer | Bundle | str | Path | None,
    output: Place,
    progress: Progress = silent,
    jobs: Jobs = 1,
) -> EmbeddedCorpus:
    """Write every sample's embedding, logits and features, and open what was written.

    The recognizer may be a bundle, or a bundle's path; None is the shipped one. `jobs` says who embeds (`execution.Jobs`): with
    one, the model takes all cores; else each worker makes a session of its own, with one thread, of the same bundle. An `output`
    that ends with a slash is a folder of parts, and may be a URL. Raises `MismatchError` when corpus and model differ in their
    frame, `WorkerError` where a worker has another bundle.

    >>> from tempfile import TemporaryDirectory
    >>> from allograph.corpora import prepare
    >>> with TemporaryDirectory() as folder:
    ...     corpus = prepare("digits", f"{folder}/digits.parquet", split="all")
    ...     embedded = embed(corpus, None, f"{folder}/digits.embedded.parquet")
    ...     embedded.samples().embeddings.shape
    (1797, 256)
    """
    corpus = Corpus.of(corpus)
    recognizer = recognizer if isinstance(recognizer, Recognizer) else Recognizer(recognizer)
    recognizer.bundle.check_frame(corpus.frame, str(corpus.place))
    columns = schema(recognizer.bundle.embedding_size, len(recognizer.alphabet), recognizer.feature_size)
    compression = {column.name: "none" if column.name in LISTS else "zstd" for column in columns}
    layout = Layout(KIND, FORMAT, columns, compression, ["label", "writer", "split", "unit", "device"])
    count, done = len(corpus), 0
    with table_output(output, layout) as file:
        progress("embedding", 0, count)
        for rows in file.fill(_Embedding.make, _Embedding(corpus, recognizer, columns), range(corpus.groups()), jobs):
            done += rows
            progress("embedding", done, count)
        model_hash, alphabet = recognizer.bundle.model_hash, tuple(recognizer.alphabet)
        record = EmbeddedRecord(model_hash, alphabet, recognizer.frame, corpus.record, recognizer.engine)
        file.sign(record_values(record))
    return EmbeddedCorpus.open(output)


class _Embedding:
    """What is the same for all row groups; each worker is sent the places of corpus and bundle, and opens both itself."""

    def __init__(self, corpus: Corpus, recognizer: Recognizer, columns: pa.Schema) -> None:
        self._corpus = Corpus(corpus.place, corpus.record)
        self._bundle = BundleReference.of(recognizer.bundle)
        self._columns = columns
        self._engine = recognizer.engine
        self._recognizer: Recognizer | None = recognizer

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_recognizer": None}

    def make(self, group: int) -> tuple[pa.Table, int]:
        """A row group of the corpus, embedded, and its number of rows."""
        if self._recognizer is None:
            self._recognizer = Recognizer(self._bundle.open(), threads=1, engine=self._engine)
        samples = self._corpus.group(group)
        embedded = self._recognizer.embed(samples.images)
        columns = [
            _lists(embedded.embeddings),
            _lists(embedded.logits),
            pa.array(samples.labels),
            pa.array(samples.writers),
            pa.array(samples.splits),
            pa.nulls(len(samples), pa.int32()) if samples.order is None else pa.array(samples.order),
            pa.array(samples.rows),
            images_to_arrow(samples.images),
            *boxes_to_arrow(samples.boxes, len(samples)),
            *([] if embedded.features is None else [_lists(embedded.features)]),
        ]
        return pa.table(columns, schema=self._columns), len(samples)


@dataclass(frozen=True)
class EmbeddedRecord:
    """What an embedded corpus says of itself: the model it was embedded by, and the record of the corpus."""

    model_hash: str
    """SHA-256 of `model.onnx`."""
    alphabet: tuple[str, ...]
    """The labels that the logits stand for."""
    frame: Frame
    corpus: CorpusRecord
    engine: Engine = "onnxruntime"
    """What computed the model."""
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """What other programs noted in the file."""


@dataclass(frozen=True)
class EmbeddedCorpus(AtPlace):
    """An embedded corpus on disk: a file or a folder of parts."""

    place: Place
    record: EmbeddedRecord

    @classmethod
    def open(cls, path: Place) -> EmbeddedCorpus:
        """Open it at a path or URL; raises `FormatError` when it is truncated, foreign or of another version."""
        place = as_place(path)
        table, record = open_table(place, KIND, _schemas())
        facts = read_record(EmbeddedRecord, record, str(path), "embed the corpus again")
        embedding, logits = (table.schema.field(name).type for name in ("embedding", "logits"))
        if not pa.types.is_fixed_size_list(embedding):
            raise FormatError(f"{path} has embeddings of no fixed length; embed the corpus again")
        if not pa.types.is_fixed_size_list(logits) or logits.list_size != len(facts.alphabet):
            raise FormatError(f"{path} has logits for another number of labels than its alphabet holds; embed the corpus again")
        return cls(place, facts)

    @cached_property
    def alphabet(self) -> Alphabet:
        """The labels that the logits stand for."""
        return Alphabet(self.record.alphabet)

    @property
    def frame(self) -> Frame:
        """The frame of its samples."""
        return self.record.frame

    @property
    def source(self) -> str:
        """The source of the corpus, such as `nist`."""
        return self.record.corpus.source

    def __len__(self) -> int:
        return self._table.rows

    @cached_property
    def texts(self) -> tuple[TextColumn, TextColumn, TextColumn]:
        """Labels, writers and splits of all samples: 12 bytes a sample."""
        labels, writers, splits = read_texts(self._table, ["label", "writer", "split"])
        return labels, writers, splits

    @property
    def columns(self) -> tuple[NDArray[np.str_], NDArray[np.str_], NDArray[np.str_]]:
        """Labels, writers and splits of all samples, each [n]."""
        labels, writers, splits = self.texts
        return labels.texts(), writers.texts(), splits.texts()

    @cached_property
    def boxes(self) -> Boxes | None:
        """[n] the boxes of all samples, read without their embeddings; None where all are missing."""
        table = self._table
        return boxes_of(table.read([name for name in NAMES if name in table.schema.names]), str(self.place))

    @property
    def embedding_size(self) -> int:
        """How many numbers an embedding has."""
        return int(self._table.schema.field("embedding").type.list_size)

    @property
    def starts(self) -> list[int]:
        """The first row of each row group."""
        return self._table.starts

    @property
    def has_features(self) -> bool:
        """Whether the model that embedded it has features."""
        return "features" in self._table.schema.names

    def check_model(self, model_hash: str) -> None:
        """Raise `MismatchError` unless this model made the embeddings."""
        if self.record.model_hash != model_hash:
            raise MismatchError(
                f"{self.place} was embedded by another model ({self.record.model_hash[:12]}…, not {model_hash[:12]}…); "
                "embed the corpus again with this one, or name that one with --model"
            )

    def samples(
        self, keep: NDArray[np.bool_] | None = None, split: Split = "application", images: bool = True
    ) -> EmbeddedSamples:
        """All samples where `keep` [n] is true, by default those of a split; without their pictures where `images` is false.

        Raises `UnknownLabel` where one has a label that the model cannot read.
        """
        if keep is None:
            keep = self.texts[2].isin([split])
        parts = list(self.parts(keep, images)) or [self._none()]
        orders = [part.order for part in parts if part.order is not None]
        samples = EmbeddedSamples(
            np.concatenate([part.embeddings for part in parts]),
            np.concatenate([part.logits for part in parts]),
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.writers for part in parts]),
            np.concatenate(orders) if len(orders) == len(parts) else None,
            np.concatenate([part.rows for part in parts]),
            np.concatenate([part.images for part in parts]),
            np.concatenate([part.features for part in parts if part.features is not None]) if self.has_features else None,
            Boxes.join([part.boxes for part in parts], [len(part) for part in parts]),
        )
        self.check_labels(np.unique(samples.labels).tolist())
        return samples

    def check_labels(self, labels: Iterable[str]) -> None:
        """Raise `UnknownLabel` where one of them is none that the model can read."""
        unknown = sorted(set(labels) - set(self.alphabet))
        if unknown:
            raise UnknownLabel(
                f"{self.name} holds labels that the model does not know: {len(unknown)}, the first of them {unknown[0]!r}; "
                "judge a model that was trained on them, or leave those samples out"
            )

    def _none(self) -> EmbeddedSamples:
        text = np.empty(0, np.str_)
        return EmbeddedSamples(
            np.empty((0, self.embedding_size), np.float32),
            np.empty((0, len(self.alphabet)), np.float32),
            text,
            text,
            None,
            np.empty(0, np.int64),
            np.empty((0, SIDE, SIDE), np.uint8),
            np.empty((0, self._table.schema.field("features").type.list_size), np.float32) if self.has_features else None,
        )

    @property
    def content_hash(self) -> str:
        """SHA-256 of all of its bytes."""
        return content_hash(self.place)

    @property
    def _table(self) -> Table:
        return open_table(self.place, KIND, _schemas())[0]

    def parts(self, keep: NDArray[np.bool_], images: bool = True) -> Iterator[EmbeddedSamples]:
        """Yield the samples where `keep` [n] is true, a row group at a time."""
        columns = [name for name in self._table.schema.names if images or name != "image"]
        for table in self.groups(keep, columns):
            yield EmbeddedSamples(
                _matrix(table["embedding"]),
                _matrix(table["logits"]),
                string_column(table["label"]),
                string_column(table["writer"]),
                order_column(table["order"]),
                np.asarray(table["row"].to_numpy()),
                image_column(table["image"]) if images else np.empty((0, SIDE, SIDE), np.uint8),
                _matrix(table["features"]) if self.has_features else None,
                boxes_of(table, str(self.place)),
            )

    def groups(self, keep: NDArray[np.bool_], columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield these columns, as far as there are such, of the rows where `keep` [n] is true, a row group at a time."""
        stored = self._table
        there = [name for name in columns if name in stored.schema.names]
        for number, (start, (_, _, rows)) in enumerate(zip(stored.starts, stored.groups, strict=True)):
            here = keep[start : start + rows]
            if here.any():
                yield stored.group(number, there).filter(pa.array(here))


def _lists(values: NDArray[np.float32]) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])


def _matrix(column: pa.ChunkedArray) -> NDArray[np.float32]:
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    return np.asarray(array.flatten().to_numpy(), dtype=np.float32).reshape(len(array), -1)
