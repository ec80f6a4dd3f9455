"""The samples of one writer, as a protocol parts them and an adapter learns them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allograph.embedding import EmbeddedSamples
from allograph.readings import Corrections


@dataclass(frozen=True)
class WriterSamples:
    """All samples of one writer; its `len` is their number."""

    writer: str
    samples: Corrections
    order: NDArray[np.int32] | None = None
    """[n] the order in time, where it is known."""

    def __len__(self) -> int:
        return len(self.samples.labels)


def samples_by_writer(samples: EmbeddedSamples, offered: NDArray[np.bool_] | None = None) -> list[WriterSamples]:
    """The samples of each writer, writers by id; the logits of labels that are not `offered` (bool [C]) become −inf."""
    logits = samples.logits if offered is None else np.where(offered, samples.logits, np.float32(-np.inf))
    parts = []
    for writer, rows in rows_by_writer(samples.writers).items():
        features = None if samples.features is None else samples.features[rows]
        boxes = None if samples.boxes is None else samples.boxes.at(rows)
        own = Corrections(samples.embeddings[rows], logits[rows], samples.labels[rows].tolist(), features=features, boxes=boxes)
        parts.append(WriterSamples(writer, own, None if samples.order is None else samples.order[rows]))
    return parts


def rows_by_writer(writers: NDArray[np.str_]) -> dict[str, NDArray[np.int64]]:
    """Where in `writers` [n] each writer's samples stand, writers by id.

    >>> {writer: rows.tolist() for writer, rows in rows_by_writer(np.array(["ben", "ana", "ben"])).items()}
    {'ana': [1], 'ben': [0, 2]}
    """
    order = np.argsort(writers, kind="stable")
    names, starts = np.unique(writers[order], return_index=True)
    return dict(zip(names.tolist(), np.split(order, starts)[1:], strict=True))
