"""A survey of a corpus with a recognizer: its accuracy on each split, and the styles of the writers (paper §3.2)."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.corpus import Corpus
from allograph.errors import InputError, UnknownLabel
from allograph.files.arrays import array_on_disk
from allograph.images.frames import SIDE
from allograph.progress import Progress, silent
from allograph.recognizer import Recognizer
from allograph.split import SPLITS, Split
from allograph.styles import NOBODY, Styles, find_styles, quality
from allograph.training.statistics import TrainWriters

LEARNED: tuple[Split, ...] = ("train", "validation")
"""The splits whose writers the styles are found on."""


def survey(
    recognizer: Recognizer,
    corpus: Corpus,
    scratch: Path,
    seed: int = 0,
    progress: Progress = silent,
    train_writers: TrainWriters | None = None,
) -> tuple[Styles, dict[str, Any]]:
    """Find the styles of the train and validation writers, and note what the corpus is and how well the model reads it.

    Embeddings lie in a file in the folder `scratch` meanwhile, so that a corpus may be larger than memory; `train_writers` is
    given every sample that was embedded, and says in the record of how many it keeps statistics. Raises
    `UnknownLabel` for a corpus with a label that the model cannot read, `MismatchError` when their frames differ, `InputError`
    when there are no such writers.
    """
    recognizer.bundle.check_frame(corpus.frame, str(corpus.place))
    unknown = [label for label in corpus.alphabet if label not in recognizer.alphabet]
    if unknown:
        raise UnknownLabel(f"{corpus.place} holds the label {unknown[0]!r}, which the model's alphabet does not")
    labels = recognizer.alphabet.indices(corpus.labels)
    learned = np.isin(corpus.splits, LEARNED)
    if not learned.any():
        raise InputError(
            f"{corpus.place} has no train or validation samples to find styles on; prepare it with --split paper or a split file"
        )
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        shape = (len(corpus), recognizer.bundle.embedding_size)
        embeddings = array_on_disk(Path(folder) / "embeddings", shape, np.float32)
        right = np.zeros(len(corpus), bool)
        for samples in corpus.batches():
            embedded = replace(recognizer.embed(samples.images), boxes=samples.boxes)
            embeddings[samples.rows] = embedded.embeddings
            if train_writers is not None:
                train_writers.add(samples.rows, embedded)
            right[samples.rows] = embedded.logits.argmax(axis=1) == labels[samples.rows]
            progress("embedding", int(samples.rows[-1]) + 1, len(corpus))
        clusters = find_styles(embeddings, np.where(learned, labels, NOBODY), seed, progress)
        styles = Styles(clusters.centroids, clusters.labels, images_at(corpus, clusters.medoid_rows))
        application = corpus.splits == "application"
        figures: dict[str, Any] = {"count": len(styles)}
        if application.any():
            progress("judging styles", 0, 1)
            accuracy, neighbours = quality(styles, embeddings[application], labels[application])
            figures |= {"application_accuracy": accuracy, "neighbours": neighbours}
        del embeddings
    record = {
        key: getattr(corpus.record, key) for key in ("source", "origin", "licence", "split", "split_samples", "split_writers")
    }
    parts = {part: corpus.splits == part for part in SPLITS}
    return styles, {
        "corpus": record | {"sha256": corpus.content_hash},
        "accuracy": {part: float(right[mask].mean()) if mask.any() else None for part, mask in parts.items()},
        "styles": figures,
        **({} if train_writers is None else {"population": train_writers.record}),
    }


def images_at(corpus: Corpus, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The images, uint8 [k, 28, 28], at some rows of a corpus, in one pass."""
    images = np.empty((len(rows), SIDE, SIDE), np.uint8)
    for samples in corpus.batches():
        here = np.flatnonzero((rows >= samples.rows[0]) & (rows <= samples.rows[-1]))
        images[here] = samples.images[rows[here] - samples.rows[0]]
    return images
