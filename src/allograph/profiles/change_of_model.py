"""Bringing profiles over to another model, which reads their images anew, while others go on reading and correcting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Event
from typing import NamedTuple

import numpy as np

from allograph.errors import AllographError
from allograph.profiles import profile
from allograph.profiles.archive import Sizes
from allograph.profiles.journal import Entry, Key
from allograph.profiles.profile import Migrated
from allograph.profiles.store import Store
from allograph.readings import Samples
from allograph.recognizer import Recognizer

TOGETHER = 16
"""Images that the model reads at a time: few, so that readings that come meanwhile need not wait."""
KEYS = 500
"""Profiles that are looked up at a time."""


class Outcome(NamedTuple):
    """What became of one profile."""

    key: Key
    done: Migrated | None
    """None where it failed, or went meanwhile."""
    error: AllographError | None = None


class Stopped(Exception):  # noqa: N818  (nothing failed)
    """Whoever brings profiles over was asked to stop."""


def sizes_of(recognizer: Recognizer) -> Sizes:
    """How many numbers a recognizer says of a sample."""
    return Sizes(recognizer.bundle.embedding_size, len(recognizer.alphabet), recognizer.feature_size)


def bring_over(store: Store, key: Key, recognizer: Recognizer, share: float = 1.0, stop: Event | None = None) -> Migrated:
    """Make a profile one for a recognizer's model; raises `UnknownWriter` where there is none.

    `share` is how much of the time it may take, so that others get the rest; raises `Stopped` once `stop` is set.
    """
    return profile.migrate(store, key, recognizer.bundle.model_hash, lambda page: _read(page, recognizer, share, stop))


def bring_over_all(
    store: Store,
    recognizer: Recognizer,
    keys: Iterator[Key],
    share: float = 1.0,
    stop: Event | None = None,
    told: Callable[[Outcome], None] = lambda outcome: None,
) -> None:
    """The same for many, each by itself: one that fails is told of and spoils no other. Ends early once `stop` is set."""
    for key in keys:
        if stop is not None and stop.is_set():
            return
        try:
            told(Outcome(key, bring_over(store, key, recognizer, share, stop)))
        except AllographError as error:
            told(Outcome(key, None, error))
        except Stopped:
            return


def all_keys(store: Store, tenant: str | None = None, not_of: str | None = None) -> Iterator[Key]:
    """The profiles of a tenant, or of all; only those that are not of a model, if given."""
    last: Key | None = None
    while page := store.every_key(tenant, last, KEYS, not_of):
        yield from page
        last = page[-1]


def _read(entries: list[Entry], recognizer: Recognizer, share: float, stop: Event | None) -> Iterator[tuple[Samples, str]]:
    """What the model says of the entries' images: samples, and the base's answer within the alphabet that was offered."""
    labels = recognizer.alphabet.labels
    for start in range(0, len(entries), TOGETHER):
        began = time.monotonic()
        some = entries[start : start + TOGETHER]
        samples = recognizer.embed(np.stack([entry.image for entry in some if entry.image is not None]))
        for i, entry in enumerate(some):
            one = samples.at(slice(i, i + 1))
            if entry.alphabet is not None:
                offered = np.isin(labels, entry.alphabet)
                if offered.any():
                    one = one.within(offered)
            yield one, labels[int(one.logits.argmax())]
        pause = (time.monotonic() - began) * (1 / share - 1)
        if stop is not None and stop.wait(pause):
            raise Stopped
        if stop is None and pause > 0:
            time.sleep(pause)
