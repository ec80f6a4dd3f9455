"""What a profile is made of: corrections with all that they were learned from, and what marks those that were taken back."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.errors import UnknownWriter
from allograph.names import LONGEST_NAME as LONGEST_NAME
from allograph.names import check_name as check_name
from allograph.readings import Corrections, Samples


class Key(NamedTuple):
    """Whose profile it is."""

    tenant: str
    name: str


class Version(NamedTuple):
    """Which journal, and how far it goes: two that are equal hold the same corrections."""

    profile: int
    """A number that no other profile of the store ever has, so that one erased and begun anew is another."""
    edition: int
    """Changes when the journal is exchanged, by an import or a migration; while it stays, rows are only added, or blanked."""
    head: int
    """The last sequence number."""


@dataclass(frozen=True)
class Correction:
    """What a writer taught: the true label of one reading."""

    id: str
    """The reading's id: one reading has one correction."""
    label: str
    implicit: bool
    """True where the reading was left standing, False where its label was given."""
    time: float
    """Seconds since 1970, UTC; later corrections of a journal have later times."""


@dataclass(frozen=True)
class Entry(Correction):
    """A correction and what it was learned from: one row of the journal."""

    base: str
    """What the base classifier alone said."""
    answer: str
    """What the adapter said before it learned this, whether it was shown or not."""
    alphabet: tuple[str, ...] | None
    """The labels that were offered, where not all were."""
    samples: Samples
    """Embeddings [1, d], logits [1, C] and, where the model has them, features [1, f]."""
    image: NDArray[np.uint8] | None
    """[28, 28]; None where the owner keeps no images."""
    model_hash: str
    """The model that made the embedding and the logits."""
    batch: str
    """Entries of one batch, which follow one another, are learned together."""
    seq: int = 0
    """Its place in the journal, from 1; 0 until a store gives it one."""

    @property
    def correction(self) -> Correction:
        """The same without what it was learned from."""
        return Correction(self.id, self.label, self.implicit, self.time)


class Tombstone(NamedTuple):
    """What stays of a correction that was taken back: that it was, and when."""

    id: str
    time: float


class Tail(NamedTuple):
    """What a store says of a profile in one look."""

    version: Version
    model_hash: str
    """The model that the profile is for; entries of another model wait until they are migrated."""
    entries: list[Entry]
    """Those of this model that stand and come after the place that was asked for."""
    undone: int | None
    """The first place of the journal that was taken back after that place; None where nothing was."""

    def follows(self, version: Version) -> bool:
        """Whether whoever knows the journal as it was at `version`, the place that was asked for, need only learn the entries."""
        return self.version[:2] == version[:2] and (self.undone is None or self.undone > version.head)


class StoredState(NamedTuple):
    """An adapter's state, as a store keeps it."""

    version: Version
    """Of the journal, when it had just this state."""
    fingerprint: str
    """Of the adapter, its parameters and its statistics."""
    blob: bytes


class Stored(NamedTuple):
    """A profile, as a list shows it."""

    name: str
    corrections: int
    """How many stand."""


def batches(entries: Sequence[Entry]) -> list[Corrections]:
    """The entries as the batches in which they are learned."""
    return [_together(list(group)) for _, group in groupby(entries, key=lambda entry: entry.batch)]


def later(before: float, now: float) -> float:
    """Now, or a microsecond after what was before, whichever is later: clocks may step back, journals may not."""
    return max(now, before + 1e-6)


def new_batch() -> str:
    """A name for a batch."""
    return secrets.token_hex(8)


def unknown_writer(key: Key) -> UnknownWriter:
    """Nothing is stored under this name."""
    return UnknownWriter(f"there is no writer {key.name!r} in the store; a writer begins with the first correction")


def _together(entries: Sequence[Entry]) -> Corrections:
    parts = [entry.samples for entry in entries]
    features = [part.features for part in parts if part.features is not None]
    return Corrections(
        np.concatenate([part.embeddings for part in parts]),
        np.concatenate([part.logits for part in parts]),
        [entry.label for entry in entries],
        [entry.id for entry in entries],
        [entry.time for entry in entries],
        np.concatenate(features) if features else None,
    )
