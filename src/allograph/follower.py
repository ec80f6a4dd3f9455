"""What is known of one profile, kept up with its journal wherever that grows."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import NamedTuple

from allograph.adapters import State
from allograph.errors import FormatError, MismatchError, StorageError
from allograph.method import Method
from allograph.profiles.journal import Correction, Key, StoredState, Version, batches
from allograph.profiles.profile import check_model
from allograph.profiles.store import Store

BEHIND = 64
"""Corrections after which the state is stored again, so that whoever opens the profile has at most so many to learn."""


class Known(NamedTuple):
    """What readings are made from; it is exchanged whole, so that who reads takes no lock."""

    version: Version | None
    """Of the journal that was learned; None where there is none."""
    state: State
    corrections: tuple[Correction, ...]
    """Those in the state, the oldest first."""
    stored: int
    """How far the journal went when the state was stored last."""


class Follower:
    """One profile as this process knows it: the fold of its journal, taken further when the journal has grown.

    Whoever corrects, here or in another process, only writes the journal; whoever reads learns what is new in it first. Safe
    to share between threads: what is known is exchanged whole, and only who has to learn takes the lock.
    """

    def __init__(self, store: Store, key: Key, method: Method) -> None:
        self.store, self.key, self.method = store, key, method
        self._known = self._before = self._nothing()
        self._lock = threading.Lock()
        self._weighed: tuple[tuple[object, ...], int] = ((None,) * 4, 0)

    def up_to_date(self) -> Known:
        """All that the journal holds, learned."""
        return self.at(self.store.versions([self.key])[0])

    def at(self, version: Version | None) -> Known:
        """The same, where the store was asked a moment ago how far the journal goes."""
        known = self._known
        if known.version == version:
            return known
        with self._lock:
            if self._known.version != version:
                last = self._known
                self._known = self._learned()
                self._before = last._replace(state=State(last.state.labels, last.state.arrays))
            known = self._known
        if known.version and known.version.head - known.stored >= BEHIND:
            with suppress(StorageError):  # the journal has it all; the state only saves time
                self.keep()
        return known

    def keep(self) -> None:
        """Store the state, so that opening the profile again need not learn it anew."""
        with self._lock:
            known = self._known
            if known.version and known.stored < known.version.head:
                blob = known.state.to_bytes(self.method.adapter)
                self.store.keep(self.key, StoredState(known.version, self.method.fingerprint, blob))
                self._known = known._replace(stored=known.version.head)

    @property
    def version(self) -> Version | None:
        """How far the journal went that is known."""
        return self._known.version

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        known, before = self._known, self._before
        of = (known, before, len(known.state.derived), len(before.state.derived))
        if not all(one is other for one, other in zip(of, self._weighed[0], strict=False)):
            self._weighed = (of, 2_000 + 300 * len(known.corrections) + known.state.size + before.state.size)
        return self._weighed[1]

    def _learned(self) -> Known:
        """What the journal holds: learned on from what was known last, or before that, or was stored; else from its beginning."""
        for find in (self._last, self._before_last, self._stored):
            known = find()
            tail = self.store.tail(self.key, known.version.head, images=False) if known.version else None
            if known.version and tail and tail.follows(known.version):
                break
        else:
            known, tail = self._nothing(), self.store.tail(self.key, images=False)
        if tail is None:
            return self._nothing()
        check_model(self.key, tail.model_hash, self.method.recognizer.bundle.model_hash)
        state = known.state
        for batch in batches(tail.entries):
            state = self.method.adapter.learn(state, batch)
        corrections = (*known.corrections, *(entry.correction for entry in tail.entries))
        return Known(tail.version, state, corrections, known.stored)

    def _last(self) -> Known:
        return self._known

    def _before_last(self) -> Known:
        """What was known before the last corrections: who takes one of them back need not learn all others anew."""
        return self._before

    def _stored(self) -> Known:
        """The state that the store has, where it is this adapter's and sound."""
        found = self.store.state(self.key)
        if found is None or found[0].fingerprint != self.method.fingerprint:
            return self._nothing()
        (version, _, blob), corrections = found
        try:
            return Known(version, State.from_bytes(blob, self.method.adapter), corrections, version.head)
        except (FormatError, MismatchError):
            return self._nothing()

    def _nothing(self) -> Known:
        return Known(None, self.method.adapter.start(), (), 0)
