"""What is known of one profile, kept up with its journal wherever that grows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from allograph.adapters import State, WriterModel
from allograph.errors import FormatError, MismatchError, StorageError
from allograph.profiles.journal import CHECKPOINT, Correction, Entry, Key, StoredState, Tail, Version, batches, corrections_of
from allograph.profiles.profile import check_model
from allograph.profiles.store import Store
from allograph.writers.pipeline import Pipeline

NEAR = 8
"""Corrections that are learned at once by whoever reads; more are for whoever has time."""
LIGHT = 2_000
"""Corrections that a profile may hold for that: with more, learning one takes longer."""
PAGE = 256
"""Entries of the journal that are loaded at a time."""


class Snapshot(NamedTuple):
    """What readings are made from; it is exchanged whole, so that who reads takes no lock."""

    version: Version | None
    """Of the journal that was learned; None where there is none."""
    model: WriterModel
    corrections: tuple[Correction, ...]
    """Those in the state, the oldest first."""
    seen: int = 0
    """How far the journal went when they were learned: what was taken back until then is not in the state."""

    @property
    def state(self) -> State:
        """What the adapter knows about the writer."""
        return self.model.state

    @property
    def head(self) -> int:
        """The last place of the journal that was learned."""
        return self.version.head if self.version else 0


class LiveProfile:
    """One profile as this process knows it: the fold of its journal, taken further when the journal has grown.

    Whoever corrects, here or in another process, only writes the journal; whoever reads needs what is new in it learned first.
    Safe to share between threads: what is known is exchanged whole, and only who has to learn takes the lock.
    """

    def __init__(self, store: Store, key: Key, pipeline: Pipeline) -> None:
        self.store, self.key, self.pipeline = store, key, pipeline
        self._nothing = Snapshot(None, WriterModel(pipeline.adapter, pipeline.adapter.start()), ())
        self._known = self._before = self._nothing
        self._learning, self._keeping = threading.Lock(), threading.Lock()
        self._kept = 0
        self._weighed: tuple[tuple[object, ...], int] = ((), 0)

    def up_to_date(self) -> Snapshot:
        """All that the journal holds, learned."""
        return self.at(self.store.versions([self.key])[0])

    def at(self, version: Version | None) -> Snapshot:
        """The same, where the store was asked a moment ago how far the journal goes."""
        if self._known.version != version:
            with self._learning:
                if self._known.version != version:
                    for _ in self.catch_up():
                        pass
            if self._known.head - self._kept >= CHECKPOINT:
                with suppress(StorageError):  # the journal has it all; a state only saves time
                    self.keep()
        return self._known

    def soon_at(self, version: Version | None) -> Snapshot | None:
        """The same where a few corrections at most are to be learned for it; None where it would take a while."""
        known = self._known
        if known.version == version:
            return known
        if known.version and version and known.version[:2] == version[:2] and known.head > version.head:
            return known
        light = len(known.corrections) <= LIGHT
        if version is None or not light or not 0 < version.head - known.head <= NEAR:
            return None
        if not self._learning.acquire(blocking=False):
            return None
        try:
            tail = self.store.tail(self.key, known.head, NEAR + 1, images=False, since=known.seen)
            if tail is None or len(tail.entries) > NEAR or (known.version and not tail.follows(known.version)):
                return None
            self._check_model(tail)
            for batch in batches(tail.entries):
                known = self._learn(known, batch, tail.version)
            self._known = known = known._replace(version=tail.version, seen=tail.version.head)
            return known
        finally:
            self._learning.release()

    def catch_up(self) -> Iterator[None]:
        """Learn what is new in the journal, a batch a step; what was learned so far stays known when the steps are left off.

        Begins where the journal was left, or at the newest checkpoint from before anything that was taken back. Raises
        `MismatchError` where the profile is for another model.
        """
        known, limit = self._begin(), PAGE
        while True:
            tail = self.store.tail(self.key, known.head, limit, images=False, since=known.seen)
            if tail is None:
                self._known = self._before = self._nothing
                return
            if known.version and not tail.follows(known.version):  # something was taken back meanwhile
                known, limit = self._begin(), PAGE
                continue
            self._check_model(tail)
            found, more = batches(tail.entries), len(tail.entries) == limit
            if more and len(found) == 1:  # a batch is learned whole
                limit *= 2
                continue
            for batch in found[:-1] if more else found:
                known = self._learn(known, batch, tail.version)
                yield
            if not more:
                self._known = known._replace(version=tail.version, seen=tail.version.head)
                return
            limit = PAGE

    def keep(self) -> None:
        """Store a checkpoint, so that opening the profile again, or taking something back, need not learn it all anew."""
        with self._keeping:
            known = self._known
            if known.version and known.head > self._kept:
                blob = known.state.to_bytes(self.pipeline.adapter)
                self.store.keep(self.key, StoredState(known.version, self.pipeline.fingerprint, blob), known.seen)
                self._kept = known.head

    def let_go(self) -> None:
        """Keep nothing of what was taken back or erased, here or in another process, although nobody reads meanwhile."""
        if not self._stands(self._before):
            self._before = self._nothing
        if not self._stands(self._known):
            self._known, self._kept = self._before, 0

    @property
    def due(self) -> bool:
        """Whether enough was learned since the last checkpoint for another one: an eighth of all, at least 64 corrections."""
        return self._known.head - self._kept >= max(CHECKPOINT, len(self._known.corrections) // 8)

    @property
    def version(self) -> Version | None:
        """How far the journal goes that is known."""
        return self._known.version

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        known, before = self._known, self._before
        of = (known.version, before.version, known.model.is_fitted, before.model.is_fitted)
        if of != self._weighed[0]:
            self._weighed = (of, 2_000 + 500 * len(known.corrections) + known.model.size + before.model.size)
        return self._weighed[1]

    def _begin(self) -> Snapshot:
        """Where to learn on from: what is known, or was before the last corrections, or a checkpoint that goes further."""
        self.let_go()
        tail = self.store.tail(self.key, self._known.head, 0) if self._known.version else None
        if tail and tail.version.head - self._known.head <= CHECKPOINT:
            return self._known
        stored = self._stored()
        self._kept = stored.head
        return stored if stored.head > self._known.head else self._known

    def _stands(self, known: Snapshot) -> bool:
        """Whether nothing that is known was taken back."""
        tail = self.store.tail(self.key, known.head, 0, since=known.seen) if known.version else None
        return tail is not None and known.version is not None and tail.follows(known.version)

    def _stored(self) -> Snapshot:
        """The newest checkpoint in the store, where it is this adapter's and sound."""
        found = self.store.state(self.key)
        if found is None or found[0].fingerprint != self.pipeline.fingerprint:
            return self._nothing
        (version, _, blob), corrections, seen = found
        try:
            state = State.from_bytes(blob, self.pipeline.adapter)
            return Snapshot(version, WriterModel(self.pipeline.adapter, state), corrections, seen)
        except (FormatError, MismatchError):
            return self._nothing

    def _learn(self, known: Snapshot, batch: list[Entry], reached: Version) -> Snapshot:
        """What is known after another batch of the journal."""
        adapter = self.pipeline.adapter
        model = WriterModel(adapter, adapter.learn(known.state, corrections_of(batch)))
        corrections = (*known.corrections, *(entry.correction for entry in batch))
        now = Snapshot(reached._replace(head=batch[-1].seq), model, corrections, reached.head)
        self._before = known._replace(model=WriterModel(adapter, known.state))  # without what only reading needs
        self._known = now
        return now

    def _check_model(self, tail: Tail) -> None:
        check_model(self.key, tail.model_hash, self.pipeline.recognizer.bundle.model_hash)
