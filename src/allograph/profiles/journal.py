"""The journal of a profile: corrections with the outputs they are learned from, and tombstones for those taken back."""

from __future__ import annotations

import hashlib
import math
import secrets
import time as clock
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.errors import ErasedWriter, InputError, UnknownWriter
from allograph.profiles.words import Word
from allograph.readings import Corrections, Samples
from allograph.samples.box import Box, Boxes
from allograph.samples.equality import by_content
from allograph.samples.names import LONGEST_NAME as LONGEST_NAME
from allograph.samples.names import check_address
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
        key = cls.stored(tenant, name)
        check_address(key.name)
        return key

    @classmethod
    def stored(cls, tenant: object, name: object) -> Key:
        """The same of a profile that may be there already: releases before this one took the names `.` and `..` too."""
        return cls(check_name(tenant, "tenant"), check_name(name, "writer"))


class Version(NamedTuple):
    """Which journal, and how far it goes: two that are equal hold the same corrections, and the same words."""

    profile: int
    """A number that the store gives once only: a writer erased and begun anew has another."""
    edition: int
    """Counts how often the whole journal was replaced, by an import or a migration; otherwise rows are only added, or blanked."""
    head: int
    """The last sequence number; one is passed over where only words were forgotten."""


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
    doubt: float = field(default=0.0, kw_only=True)
    """The probability, 0…1, that the label is a slip, judged by all that was known before; as `Reading.doubt`."""


@dataclass(frozen=True)
class Row(Correction):
    """A correction for lists and counts: without the recognizer's outputs."""

    base: str
    """The base classifier's answer."""
    answer: str
    """The adapter's answer before it learned this correction."""
    model_hash: str
    """The model that read it."""
    has_image: bool
    seq: int
    """Its place in the journal, from 1."""
    image: NDArray[np.uint8] | None = None
    """[28, 28]; None where it was not loaded, or is not kept."""
    box: Box | None = field(default=None, kw_only=True)
    """As in `Entry`."""


@by_content
@dataclass(frozen=True, eq=False)
class Entry(Correction):
    """One row of the journal: a correction with the recognizer's outputs that it is learned from."""

    base: str
    """The base classifier's answer."""
    answer: str
    """The adapter's answer before it learned this correction, also in shadow mode, where the base's was shown."""
    alphabet: tuple[str, ...] | None
    """The labels that were offered, where not all were."""
    outputs: Samples
    """The recognizer's outputs: embedding [1, d], logits [1, C] and, where the model has them, features [1, f]."""
    image: NDArray[np.uint8] | None
    """[28, 28]; None where the owner keeps no images."""
    model_hash: str
    """The model that made the embedding and the logits."""
    batch: str
    """Entries of one batch, which follow one another, are learned together; the corrections of a line have its id here."""
    seq: int = 0
    """Its place in the journal, from 1; 0 until a store gives it one."""
    box: Box | None = None
    """How large it was written, and where; None where that is not known. Kept where images are not."""

    @property
    def correction(self) -> Correction:
        """The correction alone."""
        return Correction(self.id, self.label, self.implicit, self.time, doubt=self.doubt)


class Tombstone(NamedTuple):
    """The mark of a correction that was taken back: its id, and when."""

    id: str
    time: float


class Tail(NamedTuple):
    """A profile's version and the end of its journal, read in one query."""

    version: Version
    model_hash: str
    """The model that the profile is for; entries of another model wait until they are migrated."""
    entries: list[Entry]
    """The corrections of this model that stand, after the given place, at most as many as the given limit."""
    undone: int | None
    """The first place whose correction was taken back since the given version; None where none was."""

    def follows(self, version: Version) -> bool:
        """Whether a state learned up to `version` still holds, so that only the entries are to be learned."""
        return self.version[:2] == version[:2] and (self.undone is None or self.undone > version.head)


class Contents(NamedTuple):
    """A whole journal, as it is exported and merged, and the writer's own words."""

    entries: list[Entry]
    tombstones: list[Tombstone]
    model_hash: str
    words: Sequence[Word] = ()
    """By their ids, the marks of those that were forgotten too."""


class StoredState(NamedTuple):
    """A checkpoint: an adapter's state after part of the journal, as a store keeps it."""

    version: Version
    """Of the journal when the state was reached."""
    fingerprint: str
    """Of the adapter, its parameters and its statistics."""
    blob: bytes


CHECKPOINT = 64
"""About how many corrections lie between the two newest checkpoints; older ones are further apart."""


SPAN = 1024
"""Places of a journal after which it is compacted by itself, if there is anything to compact."""


def is_due(before: int, head: int) -> bool:
    """Whether a journal that went so far, and goes so far now, is to be compacted.

    >>> is_due(1000, 1020), is_due(1000, 1024)
    (False, True)
    """
    return before // SPAN < head // SPAN


def surplus_checkpoints(kept: Sequence[int], head: int) -> list[int]:
    """Which of the checkpoints at the places `kept` to delete when one at `head` is added.

    Of those between 64 · 2ⁿ and 64 · 2ⁿ⁺¹ places before the head, the oldest is kept. So their number grows with the logarithm of
    the journal, and after an undo d places back one is found at most about 4 d back.

    >>> surplus_checkpoints([64, 128, 192, 250], 256)
    [128, 250]
    """
    gone, taken = [], set()
    for place in sorted(kept):
        age = max(1, (head - place) // CHECKPOINT).bit_length()
        if place == head or age in taken:
            gone.append(place)
        taken.add(age)
    return gone


class ProfileSummary(NamedTuple):
    """A writer's name, and how many corrections stand."""

    name: str
    corrections: int
    """How many stand."""


def batches(entries: Sequence[Entry]) -> list[list[Entry]]:
    """The entries as the batches in which they are learned."""
    return [list(group) for _, group in groupby(entries, key=lambda entry: entry.batch)]


def later(before: float, now: float) -> float:
    """The time for the next row: now, but later than the row before, also when the clock was set back."""
    return max(now, before + 1e-6)


def new_batch() -> str:
    """A random name for a batch."""
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


def check_doubt(doubt: object, what: str) -> float:
    """Return a probability that a correction is a slip; raises `InputError` for what is no number from 0 to 1."""
    if isinstance(doubt, bool) or not isinstance(doubt, int | float) or not 0 <= doubt <= 1:
        raise InputError(f"{what} is a number from 0 to 1, not {str(doubt)[:40]}")
    return float(doubt)


def unknown_writer(key: Key) -> UnknownWriter:
    """The error for a writer that has no profile."""
    return UnknownWriter(f"there is no writer {key.name!r} in the store; a writer begins with the first correction")


def incarnation_of(key: Key, profile: int) -> str:
    """A name for a profile of a writer, `Version.profile`: one who was erased and begins anew has another.

    It tells nobody how many profiles the store has.
    """
    return hashlib.sha256(f"{key.tenant}\0{key.name}\0{profile}".encode()).hexdigest()[:32]


def check_incarnation(key: Key, profile: int | None, incarnation: str | None) -> None:
    """Raise `ErasedWriter` where an incarnation is meant that is not the profile's; `profile` is None where there is none."""
    if incarnation is not None and (profile is None or incarnation_of(key, profile) != incarnation):
        raise ErasedWriter(f"the profile of {key.name!r} that is meant was erased; delete what you keep of it")


def corrections_of(entries: Sequence[Entry]) -> Corrections:
    """Entries, at least one, as what an adapter learns."""
    parts = [entry.outputs for entry in entries]
    features = [part.features for part in parts if part.features is not None]
    return Corrections(
        np.concatenate([part.embeddings for part in parts]),
        np.concatenate([part.logits for part in parts]),
        [entry.label for entry in entries],
        [entry.id for entry in entries],
        [entry.time for entry in entries],
        np.concatenate(features) if features else None,
        Boxes.of([entry.box for entry in entries]) if any(entry.box for entry in entries) else None,
    )
