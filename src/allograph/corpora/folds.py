"""Writers held out: a corpus whose application writers are some of the train writers of another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from allograph.corpora.box_columns import boxes_to_arrow, count_units
from allograph.corpora.corpus import FORMAT, SCHEMA, Corpus, images_to_arrow
from allograph.corpora.parquet import atomic_parquet, pa, sign
from allograph.errors import InputError
from allograph.files.records import record_values
from allograph.split import SPLITS


def fold(corpus: Corpus, part: int, parts: int, output: str | Path) -> Corpus:
    """Write a corpus in which one of `parts` random parts of the train writers, number `part` from 1 on, is held out.

    They become its application writers; those of `corpus` are left out altogether. A base that is trained on it has not seen
    them, so that adapters can be judged on them, and every writer but the application writers is held out once. Raises
    `InputError` unless every part has a writer.
    """
    train = np.unique(corpus.writers[corpus.splits == "train"])
    if not 1 <= part <= parts or not 2 <= parts <= len(train):
        raise InputError(f"part {part} of {parts} cannot be held out of {len(train)} train writers; name one such as 1/3")
    held = np.random.default_rng(0).permutation(train)[part - 1 :: parts]
    splits = np.where(np.isin(corpus.writers, held), "application", corpus.splits)
    keep = corpus.splits != "application"
    record = replace(
        corpus.record,
        fold=f"{part}/{parts}",
        split_samples={name: int((splits[keep] == name).sum()) for name in SPLITS},
        boxes=dict(count_units(None if corpus.boxes is None else corpus.boxes.at(keep))),
        split_writers={name: len(np.unique(corpus.writers[keep & (splits == name)])) for name in SPLITS},
    )
    with atomic_parquet(output, SCHEMA) as file:
        for samples in corpus.batches():
            batch = samples.where(keep[samples.rows])
            order = pa.nulls(len(batch), pa.int32()) if batch.order is None else pa.array(batch.order)
            columns = [
                images_to_arrow(batch.images),
                batch.labels,
                batch.writers,
                splits[batch.rows],
                order,
                *boxes_to_arrow(batch.boxes, len(batch)),
            ]
            if len(batch):
                file.write_table(pa.table([pa.array(column) for column in columns], schema=SCHEMA))
        sign(file, "corpus", FORMAT, record_values(record))
    return Corpus.open(output)
