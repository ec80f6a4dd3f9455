"""What adapters lean on, gathered while a corpus is embedded: the statistics of its train writers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.statistics import Statistics
from allograph.corpora.corpus import Corpus
from allograph.readings import Samples
from allograph.recognizer import Recognizer

NUMBERS = 2**25
"""Embeddings, logits and features that are kept, at most: 128 MiB."""


class TrainWriters:
    """The embedded samples of train writers: of all, or of as many whole writers, drawn at random, as memory is given to."""

    def __init__(self, corpus: Corpus, recognizer: Recognizer, seed: int = 0, numbers: int = NUMBERS) -> None:
        width = recognizer.bundle.embedding_size + len(recognizer.alphabet) + (recognizer.feature_size or 0)
        random = np.random.default_rng(seed)
        rows = np.flatnonzero(corpus.splits == "train")
        writers, of = np.unique(corpus.writers[rows], return_inverse=True)
        order = random.permutation(len(writers))
        ends = np.cumsum(np.bincount(of, minlength=len(writers))[order])
        taken = max(int(np.searchsorted(ends, numbers // width, side="right")), 1)
        rows = rows[np.isin(of, order[:taken])]
        if len(rows) > numbers // width:  # one writer who wrote more than that
            rows = random.permutation(rows)[: max(numbers // width, 1)]
        self._kept = np.zeros(len(corpus), np.bool_)
        self._kept[rows] = True
        self._labels, self._writers = corpus.labels[self._kept], corpus.writers[self._kept]
        self._alphabet = recognizer.alphabet
        self._parts: list[Samples] = []

    def add(self, rows: NDArray[np.int64], embedded: Samples) -> None:
        """Keep those that are wanted of the samples at some rows [n] of the corpus; rows come in ascending order."""
        wanted = np.flatnonzero(self._kept[rows])
        if len(wanted):
            self._parts.append(embedded.at(wanted))

    @property
    def record(self) -> dict[str, int]:
        """How many writers and samples the statistics are of."""
        return {"writers": len(np.unique(self._writers)), "samples": len(self._writers)}

    def statistics(self) -> dict[str, NDArray[Any]]:
        """The arrays for a bundle, once all samples were added; none where writers are too few or all samples look alike."""
        if len(np.unique(self._writers)) < 2:
            return {}
        samples = Samples.join(self._parts)
        try:
            estimates = Statistics.estimate(samples, self._alphabet.indices(self._labels), self._writers)
        except np.linalg.LinAlgError:  # what is not finite has no axes
            return {}
        arrays = estimates.arrays()
        is_sound = all(np.isfinite(array).all() for array in arrays.values()) and np.trace(estimates.population.within) > 0
        return arrays if is_sound else {}
