"""Synthetic writers whose pairs of labels look alike but for their size, and their statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.statistics import Statistics
from allograph.alphabet.labels import Alphabet
from allograph.readings import Corrections
from allograph.samples.box import Boxes

Floats = NDArray[np.float32]
D, LABELS = 16, "cCoOsSvV.,'x"
ALPHABET = Alphabet(LABELS)
HEIGHTS = np.array([2.5, 5, 2.5, 5, 2.5, 5, 2.5, 5, 0.4, 1.2, 1.2, 2.5])
"""Millimetres, of the usual writer."""
BOTTOMS = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, -1.0, 4, 0])
"""How far the bottom lies above the baseline, in millimetres."""
SHAPES = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6])
"""Which labels look alike."""


def boxes_of(
    labels: NDArray[np.integer], seed: int, device: str = "pad", unit: float | None = None, place: bool = False
) -> Boxes:
    """The boxes of labels (places) [n] by the writer of this seed; `unit` is how many of the device's a millimetre is."""
    hand, random = np.random.default_rng(seed // 100), np.random.default_rng(seed + 7)
    scale = np.exp(0.25 * hand.normal())
    own = np.exp(0.1 * hand.normal(size=len(LABELS)))
    heights = scale * own[labels] * HEIGHTS[labels] * np.exp(0.1 * random.normal(size=len(labels)))
    widths = 0.8 * heights * np.exp(0.1 * random.normal(size=len(labels)))
    bottoms = scale * (BOTTOMS[labels] + 0.1 * random.normal(size=len(labels)))
    edges = np.stack([np.zeros(len(labels)), -bottoms - heights, widths, -bottoms], axis=1) * (unit or 1.0)
    baselines = np.full(len(labels), 0.0 if place else np.nan)
    devices = np.full(len(labels), device)
    return Boxes(edges.astype(np.float32), baselines.astype(np.float32), np.full(len(labels), unit is None), devices)


def written(count: int, seed: int, device: str = "pad", unit: float | None = None, place: bool = False) -> Corrections:
    """Samples of the writer of this seed (its hundreds), read by a base that does not tell what looks alike apart."""
    random, hand = np.random.default_rng(seed), np.random.default_rng(seed // 100)
    centres = np.random.default_rng(1).normal(size=(7, D)) * 2 + hand.normal(size=(7, D))
    true = random.integers(0, len(LABELS), count)
    embeddings = (centres[SHAPES[true]] + random.normal(size=(count, D))).astype(np.float32)
    logits = random.normal(size=(count, len(LABELS))).astype(np.float32)
    said = np.where(random.random(count) < 0.8, SHAPES[true], random.integers(0, 7, count))
    logits += 4 * (said[:, None] == SHAPES).astype(np.float32)
    names = [LABELS[i] for i in true.tolist()]
    return Corrections(embeddings, logits, names, boxes=boxes_of(true, seed, device, unit, place))


def without_boxes(batch: Corrections) -> Corrections:
    """The same, of unknown size."""
    return replace(batch, boxes=None)


def one_after_the_other(parts: Sequence[Corrections]) -> Corrections:
    """Several batches as one."""
    return Corrections(
        np.concatenate([part.embeddings for part in parts]),
        np.concatenate([part.logits for part in parts]),
        [label for part in parts for label in part.labels],
        boxes=Boxes.join([part.boxes for part in parts], [len(part) for part in parts]),
    )


@cache
def statistics(place: bool = False) -> Statistics:
    """Those of 24 writers, in millimetres."""
    parts = [written(80, 100 * writer, place=place) for writer in range(100, 124)]
    everything = one_after_the_other(parts)
    writers = np.repeat(np.arange(len(parts)), 80).astype(str)
    return Statistics.estimate(everything.samples, ALPHABET.indices(everything.labels).astype(np.int32), writers)
