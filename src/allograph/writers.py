"""Many writers in one store: the few that are in use are kept warm."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from numpy.typing import NDArray

from allograph.adapters import Adapter
from allograph.errors import AllographError, StorageError
from allograph.method import Method
from allograph.profiles import Store, profile
from allograph.profiles.archive import check_model, packed, unpacked
from allograph.profiles.change_of_model import bring_over, sizes_of
from allograph.profiles.journal import Key, Stored, check_name
from allograph.profiles.profile import Merged, Migrated
from allograph.readings import Reading
from allograph.recognizer import Recognizer
from allograph.together import Alphabets, Asked, read_together
from allograph.writer import Writer

MEMORY = 256 * 2**20
"""Bytes that warm writers may take."""


class Request(NamedTuple):
    """What is to be read for one writer."""

    name: str
    images: NDArray[Any]
    """[n, 28, 28]"""
    alphabet: Alphabets | None = None
    confidence: float = 0.0
    ids: Sequence[str] | None = None
    tenant: str | None = None
    """The tenant of the `Writers` that is asked, unless another is named."""


@dataclass
class _Warm:
    """The writers in use, the one that was used longest ago first."""

    limit: int
    writers: OrderedDict[Key, tuple[Writer, int]]
    """With the bytes that each was last seen to take."""
    lock: threading.Lock
    total: int = 0


class Writers:
    """The writers of a store, by name; safe to use from several threads.

    `recognizer`, `adapter`, `implicit`, `keep_images` and `shadow` are as for `Writer`. Writers of different tenants do not know
    of one another. Those that were used last stay warm, in at most `memory` bytes; a writer is a light object, and two of the
    same name, here or in other processes, see each other's corrections.

    >>> from allograph import Writers, open_store
    >>> with Writers(open_store("memory:")) as writers:
    ...     ana = writers["ana"]
    ...     image = ana.recognizer.bundle.styles.medoids[40]
    ...     _ = ana.correct(ana.read(image), "a")
    ...     writers["ana"].corrections[0].label, list(writers)
    ('a', ['ana'])
    """

    def __init__(
        self,
        store: Store,
        recognizer: Recognizer | None = None,
        adapter: Adapter | str | None = None,
        tenant: str = "default",
        implicit: bool = True,
        keep_images: bool = True,
        shadow: bool = False,
        memory: int = MEMORY,
    ) -> None:
        self.store = store
        self.method = Method.of(recognizer, adapter)
        self.tenant = check_name(tenant, "tenant")
        self.implicit, self.keep_images, self.shadow = implicit, keep_images, shadow
        self._warm = _Warm(memory, OrderedDict(), threading.Lock())

    def of(self, tenant: str) -> Writers:
        """The writers of another tenant in the same store; they share what is warm."""
        other = object.__new__(Writers)
        other.__dict__ |= {**self.__dict__, "tenant": check_name(tenant, "tenant")}
        return other

    def __getitem__(self, name: str) -> Writer:
        key = self._key(name)
        warm = self._warm
        with warm.lock:
            before = next(reversed(warm.writers), None)
            if key not in warm.writers:
                warm.writers[key] = (self._cold(key.name), 0)
            warm.writers.move_to_end(key)
            writer, _ = warm.writers[key]
        if before is not None and before != key:
            self._weigh([before])  # whoever asks for another writer is done with the last
        return writer

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.store.versions([self._key(name)]) != [None]

    def __iter__(self) -> Iterator[str]:
        return iter([stored.name for stored in self.profiles()])

    def __len__(self) -> int:
        return self.store.count(self.tenant)

    def profiles(self, after: str = "", limit: int | None = None) -> list[Stored]:
        """The writers that have a profile, by name, with how many corrections stand; those after a name, at most `limit`."""
        return self.store.profiles(self.tenant, after, limit)

    def read_together(self, requests: Sequence[Request]) -> list[list[Reading] | AllographError]:
        """Read for many writers, of any tenants, with one look at the store and one call of the model.

        Each request gets its readings, or the error that it met. Raises `StorageError` where the store cannot be reached.
        """
        asked: list[Asked] = []
        answers: list[list[Reading] | AllographError | None] = []
        for name, images, alphabet, confidence, ids, tenant in requests:
            try:
                writer = (self if tenant in (None, self.tenant) else self.of(str(tenant)))[name]
                asked.append(Asked(writer.follower, images, alphabet, confidence, ids, writer.shadow))
                answers.append(None)
            except AllographError as error:
                answers.append(error)
        found = iter(read_together(asked))
        self._weigh([one.follower.key for one in asked])
        return [next(found) if answer is None else answer for answer in answers]

    def export(self, name: str) -> bytes:
        """A profile as the bytes of one file; raises `UnknownWriter` where there is none."""
        return packed(profile.contents(self.store, self._key(name)))

    def merge(self, name: str, blob: bytes) -> Merged:
        """Join an exported profile to a writer's own, which need not exist; of each correction the latest word counts.

        Raises `FormatError` for bytes that are no exported profile, or do not fit the model that they name, `MismatchError` for
        a profile of another model than the one that is there.
        """
        contents = unpacked(blob)
        check_model(contents, self.method.recognizer.bundle.model_hash, sizes_of(self.method.recognizer))
        return profile.merge(self.store, self._key(name), contents)

    def erase(self, name: str) -> bool:
        """Remove every trace of a writer, from the store and from memory; False where there was none."""
        key = self._key(name)
        self._drop(key)
        return self.store.erase(key)

    def migrate(self, name: str) -> Migrated:
        """Make a profile that was made for another model one for this; its images are read anew.

        Corrections without an image wait: they count again when the profile comes back to their model. Raises `UnknownWriter`
        where there is no profile.
        """
        return bring_over(self.store, self._key(name), self.method.recognizer)

    def refresh(self) -> None:
        """Drop warm writers whose profile was erased or changed elsewhere, and store the states that are behind.

        A service calls it every few seconds: what another process erased does not stay in this one's memory, nor what was
        taken back in the store's log.
        """
        self.store.tidy()
        with self._warm.lock:
            warm = [(key, writer) for key, (writer, _) in self._warm.writers.items()]
        for start in range(0, len(warm), 500):
            some = warm[start : start + 500]
            for (key, writer), version in zip(some, self.store.versions([key for key, _ in some]), strict=True):
                known = writer.follower.version
                if known and (version is None or version[:2] != known[:2]):
                    self._drop(key)
                elif known:
                    writer.follower.keep()

    def close(self) -> None:
        """Store what was learned, so that opening these writers again is quick. The store stays open."""
        with self._warm.lock:
            writers = [writer for writer, _ in self._warm.writers.values()]
            self._warm.writers.clear()
            self._warm.total = 0
        for writer in writers:
            writer.follower.keep()

    @property
    def warm(self) -> tuple[int, int]:
        """How many of this tenant's writers are warm, and the bytes that they take."""
        with self._warm.lock:
            sizes = [size for key, (_, size) in self._warm.writers.items() if key.tenant == self.tenant]
        return len(sizes), sum(sizes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _key(self, name: str) -> Key:
        return Key(self.tenant, check_name(name, "writer"))

    def _drop(self, key: Key) -> None:
        with self._warm.lock:
            found = self._warm.writers.pop(key, None)
            self._warm.total -= found[1] if found else 0

    def _cold(self, name: str) -> Writer:
        return Writer(
            name,
            implicit=self.implicit,
            keep_images=self.keep_images,
            shadow=self.shadow,
            store=self.store,
            tenant=self.tenant,
            method=self.method,
        )

    def _weigh(self, keys: Sequence[Key]) -> None:
        """Weigh writers that were used, and let those go that were used longest ago and do not fit."""
        gone = []
        with self._warm.lock:
            warm = self._warm
            for key in keys:
                if key in warm.writers:
                    writer, before = warm.writers[key]
                    size = writer.follower.size
                    warm.writers[key] = (writer, size)
                    warm.total += size - before
            while warm.total > warm.limit and len(warm.writers) > 1:
                _, (old, size) = warm.writers.popitem(last=False)
                warm.total -= size
                gone.append(old)
        for old in gone:
            with suppress(StorageError):  # the journal has it all; the state only saves time
                old.follower.keep()
