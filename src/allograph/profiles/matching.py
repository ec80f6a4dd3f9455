"""Which corrections of a line are of the same samples, where their ids do not tell: each reading of a line gives others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from allograph.profiles.journal import Entry

CLOSE = 1e-3
"""How far numbers of an embedding may be apart that were computed of one sample beside different others."""


def pair(stand: Sequence[Entry], entries: Sequence[Entry]) -> list[Entry | None]:
    """For each of `entries` the one that stands of the same sample, if there is one: rather one that says the same too."""
    left = {one.seq: one for one in stand}
    found: dict[int, Entry] = {}
    for alike in (says_the_same, is_same_sample):
        for i, entry in enumerate(entries):
            match = next((one for one in left.values() if alike(one, entry)), None) if i not in found else None
            if match:
                found[i] = left.pop(match.seq)
    return [found.get(i) for i in range(len(entries))]


def says_the_same(one: Entry, other: Entry) -> bool:
    """Whether two corrections give the same sample, read by the same model, the same label, both implicitly or neither."""
    said = (one.label, one.implicit, one.model_hash) == (other.label, other.implicit, other.model_hash)
    return said and is_same_sample(one, other)


def is_same_sample(one: Entry, other: Entry) -> bool:
    """Whether the images are the same or, where one is not kept, the embeddings."""
    if one.image is not None and other.image is not None:
        return np.array_equal(one.image, other.image)
    vectors = one.outputs.embeddings, other.outputs.embeddings
    return vectors[0].shape == vectors[1].shape and np.allclose(*vectors, rtol=CLOSE, atol=CLOSE)
