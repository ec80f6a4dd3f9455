"""Writers held out: a corpus whose application writers are some of the train writers of another."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.box_columns import boxes_to_arrow, count_units
from allograph.corpora.corpus import LAYOUT, SCHEMA, Corpus, images_to_arrow
from allograph.corpora.parquet import pa
from allograph.corpora.place import Place
from allograph.corpora.table_output import table_output
from allograph.errors import InputError
from allograph.execution import Jobs
from allograph.files.records import record_values
from allograph.progress import Progress, silent
from allograph.split import SPLITS


def fold(corpus: Corpus | Place, part: int, parts: int, output: Place, jobs: Jobs = 1, progress: Progress = silent) -> Corpus:
    """Write a corpus in which one of `parts` random parts of the train writers, number `part` from 1 on, is held out.

    They become its application writers; those of `corpus` are left out altogether. A base that is trained on it has not seen
    them, so that adapters can be judged on them, and every writer but the application writers is held out once. `jobs` says who
    does it (`execution.Jobs`). Raises `InputError` unless every part has a writer.
    """
    corpus = Corpus.of(corpus)
    train = np.array(sorted({writer for writer, split in corpus.writer_splits() if split == "train"}))
    if not 1 <= part <= parts or not 2 <= parts <= len(train):
        raise InputError(f"part {part} of {parts} cannot be held out of {len(train)} train writers; name one such as 1/3")
    held = np.random.default_rng(0).permutation(train)[part - 1 :: parts]
    samples, units = Counter[str](), Counter[str]()
    writers: dict[str, set[str]] = {name: set() for name in SPLITS}
    with table_output(output, LAYOUT) as file:
        groups = range(corpus.groups())
        progress("holding writers out", 0, len(groups))
        for done, found in enumerate(file.fill(_Fold.make, _Fold(Corpus(corpus.place, corpus.record), held), groups, jobs), 1):
            samples.update(found.samples)
            units.update(found.units)
            for name, some in found.writers.items():
                writers[name] |= some
            progress("holding writers out", done, len(groups))
        record = replace(
            corpus.record,
            fold=f"{part}/{parts}",
            split_samples={name: samples[name] for name in SPLITS},
            boxes=dict(units),
            split_writers={name: len(writers[name]) for name in SPLITS},
        )
        file.sign(record_values(record))
    return Corpus.open(output)


@dataclass(frozen=True)
class _Found:
    """What the record needs to know of a row group."""

    samples: Counter[str]
    """By split."""
    writers: dict[str, set[str]]
    """By split."""
    units: Counter[str]


@dataclass(frozen=True)
class _Fold:
    """What is the same for all row groups; each worker is sent it once."""

    corpus: Corpus
    held: NDArray[np.str_]

    def make(self, group: int) -> tuple[pa.Table, _Found]:
        """The samples of a row group that stay, with their new splits."""
        samples = self.corpus.group(group)
        samples = samples.where(samples.splits != "application")
        splits = np.where(np.isin(samples.writers, self.held), "application", samples.splits)
        columns = [
            images_to_arrow(samples.images),
            samples.labels,
            samples.writers,
            splits,
            pa.nulls(len(samples), pa.int32()) if samples.order is None else pa.array(samples.order),
            *boxes_to_arrow(samples.boxes, len(samples)),
        ]
        found = _Found(
            Counter(splits.tolist()),
            {name: set(samples.writers[splits == name].tolist()) for name in SPLITS},
            count_units(samples.boxes),
        )
        return pa.table([pa.array(column) for column in columns], schema=SCHEMA), found
