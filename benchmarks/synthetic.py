"""Writers whose embeddings gather by label and habit, as many and as large as a benchmark wants."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.paper import PaperAdapter
from allograph.alphabet.labels import NAMED, Alphabet
from allograph.evaluation.protocols.writer_samples import WriterSamples
from allograph.readings import Corrections

ALPHABET = Alphabet.of(NAMED["alphanumeric"])
D = 256
STYLES = 12
"""Styles a label, as many as NIST has on the average (715 of 62)."""


def styles() -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Styles [S, 256] around each label's centre, and their labels [S]."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(len(ALPHABET), 1, D))
    points = centres + 0.5 * random.normal(size=(len(ALPHABET), STYLES, D))
    return points.reshape(-1, D).astype(np.float32), np.repeat(np.arange(len(ALPHABET), dtype=np.int32), STYLES)


def adapter() -> PaperAdapter:
    """The paper's adapter on these styles."""
    return PaperAdapter(ALPHABET, *styles())


def writer(name: str, samples: int, accuracy: float = 0.87) -> WriterSamples:
    """A writer with one style a label and labels the base confuses, seeded by the name."""
    random = np.random.default_rng([*name.encode()])
    points, _ = styles()
    own = points.reshape(len(ALPHABET), STYLES, D)[np.arange(len(ALPHABET)), random.integers(0, STYLES, len(ALPHABET))]
    true = random.integers(0, len(ALPHABET), samples)
    embeddings = (own[true] + random.normal(size=(samples, D))).astype(np.float32)
    habit = random.integers(0, len(ALPHABET), len(ALPHABET))  # what the base takes this writer's hand for, when it errs
    read = np.where(random.random(samples) < accuracy, true, habit[true])
    logits = random.normal(size=(samples, len(ALPHABET))).astype(np.float32)
    logits[np.arange(samples), read] += 8
    return WriterSamples(name, Corrections(embeddings, logits, [ALPHABET[i] for i in true.tolist()]))
