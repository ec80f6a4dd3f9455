"""What a profile is made of: corrections with all that they were learned from, and what marks those that were taken back."""

from __future__ import annotations

import math
import secrets
import time as clock
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.errors import InputError, UnknownWriter
from allograph.readings import Corrections, Samples
from allograph.samples.equality import by_content
from allograph.samples.names import LONGEST_NAME as LONGEST_NAME
from allograph.samples.names import check_name as check_name

FARTHEST = 2**62
"""The last place that a journal can have."""
AHEAD = 86_400.0
"""Seconds that another machine's clock may be ahead of this one's."""


class Key(NamedTuple):
    """Whose profile it is."""

    tenant: str
    name: str

    @classmethod
    def of(cls, tenant: object, name: object) -> Key:
        """The key of names that somebody typed or sent; raises `InputError` where they can be none."""
        return cls(check_name(tenant, "tenant"), check_name(name, "writer"))


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
class Row(Correction):
    """A correction as it is listed and counted: without what only learning needs."""

    base: str
    """What the base classifier alone said."""
    answer: str
    """What the adapter said before it learned this."""
    model_hash: str
    """The model that read it."""
    has_image: bool
    seq: int
    """Its place in the journal, from 1."""
    image: NDArray[np.uint8] | None = None
    """[28, 28]; None where it was not asked for, or is not kept."""


@by_content
@dataclass(frozen=True, eq=False)
class Entry(Correction):
    """A correction and what it was learned from: one row of the journal."""

    base: str
    """What the base classifier alone said."""
    answer: str
    """What the adapter said before it learned this, whether it was shown or not."""
    alphabet: tuple[str, ...] | None
    """The labels that were offered, where not all were."""
    outputs: Samples
    """The recognizer's outputs: embedding [1, d], logits [1, C] and, where the model has them, features [1, f]."""
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
    """Those of this model that stand and come after the place that was asked for, at most as many as were asked for."""
    undone: int | None
    """The first place of the journal that was taken back since it went as far as was said; None where nothing was."""

    def follows(self, version: Version) -> bool:
        """Whether whoever has learned the journal up to `version` need only learn the entries: nothing before was taken back."""
        return self.version[:2] == version[:2] and (self.undone is None or self.undone > version.head)


class Contents(NamedTuple):
    """A whole journal, as it is exported and merged."""

    entries: list[Entry]
    tombstones: list[Tombstone]
    model_hash: str


class StoredState(NamedTuple):
    """An adapter's state, as a store keeps it."""

    version: Version
    """Of the journal, when it had just this state."""
    fingerprint: str
    """Of the adapter, its parameters and its statistics."""
    blob: bytes


CHECKPOINT = 64
"""Places of the journal that the newest two checkpoints are apart, about; older ones are wider apart."""


def spare(kept: Sequence[int], head: int) -> list[int]:
    """The checkpoints that go, of those at the places `kept`, once there is one at `head`.

    Of those that lie between 64 · 2ⁿ and 64 · 2ⁿ⁺¹ places back the oldest stays. So there are few, and whoever takes back what
    lies d places back finds one that is no more than about 4 d back.

    >>> spare([64, 128, 192, 250], 256)
    [128, 250]
    """
    gone, taken = [], set()
    for place in sorted(kept):
        age = max(1, (head - place) // CHECKPOINT).bit_length()
        if place == head or age in taken:
            gone.append(place)
        taken.add(age)
    return gone


class Stored(NamedTuple):
    """A profile, as a list shows it."""

    name: str
    corrections: int
    """How many stand."""


def batches(entries: Sequence[Entry]) -> list[list[Entry]]:
    """The entries as the batches in which they are learned."""
    return [list(group) for _, group in groupby(entries, key=lambda entry: entry.batch)]


def later(before: float, now: float) -> float:
    """Now, or a microsecond after what was before, whichever is later: clocks may step back, journals may not."""
    return max(now, before + 1e-6)


def new_batch() -> str:
    """A name for a batch."""
    return secrets.token_hex(8)


def check_after(name: str) -> str:
    """Return the name after which a list is to go on, as `check_name` does; the empty one is before all."""
    return name and check_name(name, "writer")


def check_page(after: int, limit: int | None) -> None:
    """Raise `InputError` unless these are a place in a journal and how many entries after it are wanted at most."""
    for what, number in (("a place in the journal", after), ("how many are wanted", 0 if limit is None else limit)):
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= FARTHEST:
            raise InputError(f"{what} is a whole number from 0 to {FARTHEST}, not {number!r}")


def check_time(time: object, what: str) -> float:
    """Return a time in seconds since 1970; raises `InputError` for what is none, or lies more than a day ahead.

    >>> check_time(1767225600, "the time")
    1767225600.0
    """
    if isinstance(time, bool) or not isinstance(time, int | float | np.integer | np.floating):
        raise InputError(f"{what} is a number of seconds since 1970, not {type(time).__name__}")
    try:
        seconds = float(time)
    except OverflowError:
        seconds = math.inf
    if not 0 <= seconds < math.inf:
        raise InputError(f"{what} is a number of seconds since 1970, not {seconds:g}")
    if seconds > clock.time() + AHEAD:
        raise InputError(f"{what} is in seconds since 1970, and {seconds:.14g} is in the future; is it in milliseconds?")
    return seconds


def unknown_writer(key: Key) -> UnknownWriter:
    """Nothing is stored under this name."""
    return UnknownWriter(f"there is no writer {key.name!r} in the store; a writer begins with the first correction")


def corrections_of(entries: Sequence[Entry]) -> Corrections:
    """What an adapter learns from entries, at least one."""
    parts = [entry.outputs for entry in entries]
    features = [part.features for part in parts if part.features is not None]
    return Corrections(
        np.concatenate([part.embeddings for part in parts]),
        np.concatenate([part.logits for part in parts]),
        [entry.label for entry in entries],
        [entry.id for entry in entries],
        [entry.time for entry in entries],
        np.concatenate(features) if features else None,
    )
