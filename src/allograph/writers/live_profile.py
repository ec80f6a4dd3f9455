"""One writer's profile in memory, kept in step with its journal in the store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from allograph.adapters import State, WriterModel
from allograph.errors import FormatError, MismatchError, StorageError
from allograph.profiles.changes import check_model
from allograph.profiles.journal import CHECKPOINT, Correction, Entry, Key, StoredState, Tail, Version, batches, corrections_of
from allograph.profiles.store import Store
from allograph.writers.pipeline import Pipeline

NEAR = 8
"""New corrections that a reading learns by itself; more are learned in the background."""
LIGHT = 2_000
"""Corrections in a profile up to which a reading learns new ones by itself: beyond, learning one takes too long."""
PAGE = 256
"""Entries of the journal that are loaded at a time."""


class Snapshot(NamedTuple):
    """What one reading needs of a profile: a value that is replaced as a whole, so that reading takes no lock."""

    version: Version | None
    """The version of the journal that was learned; None for a writer without a profile."""
    model: WriterModel
    corrections: tuple[Correction, ...]
    """Those in the state, the oldest first."""
    seen: int = 0
    """The journal's last place when they were learned: corrections taken back before that are not in the state."""

    @property
    def state(self) -> State:
        """What the adapter knows about the writer."""
        return self.model.state

    @property
    def head(self) -> int:
        """The last place of the journal that was learned."""
        return self.version.head if self.version else 0


class LiveProfile:
    """One writer's profile in memory: the adapter's state after all of the journal, brought up to date before each reading.

    Corrections, made here or in another process, are written to the journal alone; a reading first learns those that are new.
    Safe to share between threads: readings use an immutable `Snapshot`, and only learning takes a lock.
    """

    def __init__(self, store: Store, key: Key, pipeline: Pipeline) -> None:
        self.store, self.key, self.pipeline = store, key, pipeline
        self._empty = Snapshot(None, WriterModel(pipeline.adapter, pipeline.adapter.start()), ())
        self._current = self._previous = self._empty
        self._learning, self._saving = threading.Lock(), threading.Lock()
        self._checkpoint_head = self._drops = 0
        self._measured: tuple[tuple[object, ...], int] = ((), 0)

    def up_to_date(self) -> Snapshot:
        """A snapshot with all of the journal learned."""
        return self.at(self.store.versions([self.key])[0])

    def at(self, version: Version | None) -> Snapshot:
        """The same for the journal's version, which the store has just told."""
        if self._current.version != version:
            with self._learning:
                if self._current.version != version:
                    for _ in self.catch_up():
                        pass
            if self._current.head - self._checkpoint_head >= CHECKPOINT:
                with suppress(StorageError):  # the journal has it all; a state only saves time
                    self.save_checkpoint()
        return self._current

    def soon_at(self, version: Version | None) -> Snapshot | None:
        """The same if at most a few corrections are new; None if learning them would take long."""
        current = self._current
        if current.version == version:
            return current
        if current.version and version and current.version[:2] == version[:2] and current.head > version.head:
            return current
        light = len(current.corrections) <= LIGHT
        if version is None or not light or not 0 < version.head - current.head <= NEAR:
            return None
        if not self._learning.acquire(blocking=False):
            return None
        try:
            drops = self._drops
            tail = self.store.tail(self.key, current.head, NEAR + 1, images=False, since=current.seen)
            if tail is None or len(tail.entries) > NEAR or (current.version and not tail.follows(current.version)):
                return None
            self._check_model(tail)
            for batch in batches(tail.entries):
                current = self._learn(current, batch, tail.version)
            self._current = current = current._replace(version=tail.version, seen=tail.version.head)
            if self._drops != drops:  # something was taken back after the journal was read, and may be in this snapshot
                self.drop_retracted()
                return None
            return current
        finally:
            self._learning.release()

    def catch_up(self) -> Iterator[None]:
        """Learn what is new in the journal, one batch a step; the steps may be stopped at any time and go on later.

        Goes on from the last snapshot, or from the newest checkpoint that holds nothing that was taken back. Raises
        `MismatchError` where the profile is for another model.
        """
        current, limit = self._starting_point(), PAGE
        while True:
            drops = self._drops
            tail = self.store.tail(self.key, current.head, limit, images=False, since=current.seen)
            if tail is None:
                self._current = self._previous = self._empty
                return
            if current.version and not tail.follows(current.version):  # something was taken back meanwhile
                current, limit = self._starting_point(), PAGE
                continue
            self._check_model(tail)
            new, more = batches(tail.entries), len(tail.entries) == limit
            if more and len(new) == 1:  # a batch is learned whole
                limit *= 2
                continue
            for batch in new[:-1] if more else new:
                current = self._learn(current, batch, tail.version)
                yield
            if not more:
                self._current = current = current._replace(version=tail.version, seen=tail.version.head)
                if self._drops == drops:
                    return
                current = self._starting_point()  # something was taken back after the journal was read, and may be in here
            limit = PAGE

    def before(self, batch: str, current: Snapshot) -> Snapshot:
        """The snapshot from before a batch of the journal, where that is the last one in `current`; else `current`.

        What is taught again is judged as it was the first time.
        """
        previous = self._previous
        ends = [previous.head, current.head - 1]  # a batch is stored at once: its places follow one another
        if previous.head >= current.head or (previous.version and not self._still_holds(previous)):
            return current
        found = [self.store.entries(self.key, place, 1, images=False) for place in ends]
        return previous if all(some and some[0].batch == batch for some in found) else current

    def save_checkpoint(self) -> None:
        """Store the state as a checkpoint: opening the profile, or learning again after an undo, then starts from it."""
        with self._saving:
            current = self._current
            if current.version and current.head > self._checkpoint_head:
                blob = current.state.to_bytes(self.pipeline.adapter)
                self.store.keep(self.key, StoredState(current.version, self.pipeline.fingerprint, blob), current.seen)
                self._checkpoint_head = current.head

    def drop_retracted(self) -> None:
        """Drop from memory what was taken back or erased, here or in another process.

        A thread that is learning at that moment sees by `_drops` that it happened, and drops it again from what it learned;
        a snapshot that such a thread puts in place meanwhile is left to it.
        """
        self._drops += 1
        previous, current = self._previous, self._current
        if not self._still_holds(previous) and self._previous is previous:
            self._previous = self._empty
        if not self._still_holds(current) and self._current is current:
            self._current, self._checkpoint_head = self._previous, 0

    @property
    def is_checkpoint_due(self) -> bool:
        """Whether an eighth of all corrections, at least 64, were learned since the last checkpoint."""
        return self._current.head - self._checkpoint_head >= max(CHECKPOINT, len(self._current.corrections) // 8)

    @property
    def version(self) -> Version | None:
        """The version of the journal that was learned."""
        return self._current.version

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        current, previous = self._current, self._previous
        of = (current.version, previous.version, current.model.is_fitted, previous.model.is_fitted)
        if of != self._measured[0]:
            self._measured = (of, 2_000 + 500 * len(current.corrections) + current.model.size + previous.model.size)
        return self._measured[1]

    def _starting_point(self) -> Snapshot:
        """The snapshot to learn on from: the last one, the one before it, or a checkpoint that goes further."""
        self.drop_retracted()
        tail = self.store.tail(self.key, self._current.head, 0) if self._current.version else None
        if tail and tail.version.head - self._current.head <= CHECKPOINT:
            return self._current
        stored = self._checkpoint()
        self._checkpoint_head = stored.head
        return stored if stored.head > self._current.head else self._current

    def _still_holds(self, snapshot: Snapshot) -> bool:
        """Whether nothing in a snapshot was taken back."""
        tail = self.store.tail(self.key, snapshot.head, 0, since=snapshot.seen) if snapshot.version else None
        return tail is not None and snapshot.version is not None and tail.follows(snapshot.version)

    def _checkpoint(self) -> Snapshot:
        """The newest checkpoint in the store, if this adapter made it and it is undamaged."""
        stored = self.store.state(self.key)
        if stored is None or stored[0].fingerprint != self.pipeline.fingerprint:
            return self._empty
        (version, _, blob), corrections, seen = stored
        try:
            state = State.from_bytes(blob, self.pipeline.adapter)
            return Snapshot(version, WriterModel(self.pipeline.adapter, state), corrections, seen)
        except (FormatError, MismatchError):
            return self._empty

    def _learn(self, current: Snapshot, batch: list[Entry], reached: Version) -> Snapshot:
        """The snapshot after another batch of the journal."""
        adapter = self.pipeline.adapter
        model = WriterModel(adapter, adapter.learn(current.state, corrections_of(batch)))
        corrections = (*current.corrections, *(entry.correction for entry in batch))
        now = Snapshot(reached._replace(head=batch[-1].seq), model, corrections, reached.head)
        self._previous = current._replace(model=WriterModel(adapter, current.state))  # without what only reading needs
        self._current = now
        return now

    def _check_model(self, tail: Tail) -> None:
        check_model(self.key, tail.model_hash, self.pipeline.recognizer.bundle.model_hash)
