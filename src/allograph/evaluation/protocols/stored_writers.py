"""Writers whose samples stay in an embedded corpus until somebody replays them: a corpus larger than memory can be judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.box_columns import NAMES, boxes_of
from allograph.corpora.corpus import order_column
from allograph.corpora.text_column import TextColumn
from allograph.embedding import EmbeddedCorpus, EmbeddedSamples
from allograph.errors import AllographError, FormatError
from allograph.evaluation.protocols.writer_samples import WriterSamples, samples_by_writer
from allograph.samples.box import Boxes

GROUP = 8_192
"""Samples that are read and replayed together, at most, unless one writer has more."""
SHARES = 16
"""Groups for each worker, at least, where there are so many writers: none waits long for another, and progress is seen."""
SCATTERED_GROUP, SCATTERED_SHARES = 65_536, 2
"""The same where each group has the whole corpus read again, for its writers' samples lie all over it."""
FEW = 4
"""Row groups that a writer's samples lie in, beyond what they fill, where they are not scattered."""


class StoredWriter(NamedTuple):
    """What is known of a writer's samples without their embeddings."""

    writer: str
    rows: NDArray[np.int64]
    """[n] places in the corpus."""
    labels: NDArray[np.str_]
    """[n]"""
    order: NDArray[np.int32] | None
    """[n] the order in time, where it is known of all samples that are judged."""


@dataclass(frozen=True, eq=False)
class StoredWriters:
    """Writers, by id, and where their samples stand in an embedded corpus; its `len` is their number.

    It keeps 24 bytes a sample.
    """

    embedded: EmbeddedCorpus
    writers: NDArray[np.str_]
    """[W] by id."""
    starts: NDArray[np.int64]
    """[W + 1] where each writer's samples begin in what follows."""
    places: NDArray[np.int64]
    """[n] places in the embedded corpus, writer by writer."""
    rows: NDArray[np.int64]
    """[n] places in the corpus."""
    labels: TextColumn
    """[n]"""
    order: NDArray[np.int32] | None
    """[n] the order in time; None where it is not known of some."""
    has_boxes: bool
    """Whether any of the samples has a box."""

    @classmethod
    def of(cls, embedded: EmbeddedCorpus, keep: NDArray[np.bool_]) -> StoredWriters:
        """The writers of the samples where `keep` [n] is true.

        Raises `UnknownLabel` where one has a label that the model cannot read, `FormatError` where the file is damaged.
        """
        labels, writers, _ = embedded.texts
        labels, writers = labels.at(keep), writers.at(keep)
        embedded.check_labels(labels.values.tolist())
        rows, orders, has_boxes = [np.empty(0, np.int64)], [np.empty(0, np.int32)], False
        for table in embedded.groups(keep, ["row", "order", *NAMES]):
            rows.append(np.asarray(table["row"].to_numpy()))
            order = order_column(table["order"])
            orders += [] if order is None else [order]
            has_boxes = boxes_of(table, str(embedded.place)) is not None or has_boxes
        by_writer = np.argsort(writers.codes, kind="stable")
        return cls(
            EmbeddedCorpus(embedded.place, embedded.record),
            writers.values,
            np.concatenate([[0], np.cumsum(np.bincount(writers.codes, minlength=len(writers.values)))]),
            np.flatnonzero(keep)[by_writer],
            np.concatenate(rows)[by_writer],
            replace(labels, codes=labels.codes[by_writer]),
            np.concatenate(orders)[by_writer] if len(rows) > 1 and len(orders) == len(rows) else None,
            has_boxes,
        )

    def __len__(self) -> int:
        return len(self.writers)

    def __iter__(self) -> Iterator[StoredWriter]:
        for writer, start, end in zip(self.writers.tolist(), self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True):
            labels = self.labels.values[self.labels.codes[start:end]]
            yield StoredWriter(writer, self.rows[start:end], labels, None if self.order is None else self.order[start:end])

    @cached_property
    def are_scattered(self) -> bool:
        """Whether writers' samples lie all over the corpus, as NIST's do."""
        starts = np.array(self.embedded.starts)
        row_groups = np.searchsorted(starts, self.places, "right")
        writers = np.repeat(np.arange(len(self)), np.diff(self.starts))
        read = len(np.unique(writers * (len(starts) + 1) + row_groups))
        return read > FEW * len(self) + len(self.places) * len(starts) / max(len(self.embedded), 1)

    def groups(self, workers: int, offered: NDArray[np.bool_] | None = None) -> Iterator[WriterGroup]:
        """Some writers after the other, as tasks for so many workers; `offered` as of `WriterGroup`."""
        largest, shares = (SCATTERED_GROUP, SCATTERED_SHARES) if self.are_scattered else (GROUP, SHARES)
        most = min(largest, -(-len(self.places) // (shares * workers)))
        first = 0
        for end in range(1, len(self) + 1):
            if end == len(self) or self.starts[end + 1] - self.starts[first] > most:
                places = self.places[self.starts[first] : self.starts[end]]
                yield WriterGroup(self.embedded, places, self.order is not None, self.has_boxes, offered)
                first = end


@dataclass(frozen=True, eq=False)
class WriterGroup:
    """The samples of some writers, to be read where they are replayed; its `len` is the number of samples."""

    embedded: EmbeddedCorpus
    places: NDArray[np.int64]
    """[n] places in the embedded corpus."""
    has_order: bool
    has_boxes: bool
    offered: NDArray[np.bool_] | None
    """[C] which labels may be answered; None for all."""

    def __len__(self) -> int:
        return len(self.places)

    def read(self) -> list[WriterSamples]:
        """The writers with their samples, by id; raises `FormatError` unless all have finite embeddings."""
        keep = np.zeros(len(self.embedded), np.bool_)
        keep[self.places] = True
        samples = _checked_samples(self.embedded, keep)
        boxes = Boxes.none(len(samples)) if self.has_boxes and samples.boxes is None else samples.boxes
        return samples_by_writer(replace(samples, boxes=boxes, order=samples.order if self.has_order else None), self.offered)


def _checked_samples(embedded: EmbeddedCorpus, keep: NDArray[np.bool_]) -> EmbeddedSamples:
    try:
        samples = embedded.samples(keep, images=False)
    except (ValueError, IndexError, TypeError) as error:
        if isinstance(error, AllographError):
            raise
        raise FormatError(f"{embedded.place} is damaged: its columns do not fit together; embed the corpus again") from error
    if not (np.isfinite(samples.embeddings).all() and np.isfinite(samples.logits).all()):
        raise FormatError(f"{embedded.place} holds embeddings or logits that are not finite; embed the corpus again")
    return samples
