"""Many writers in one store: the few that are in use are kept warm."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from typing import Self
from weakref import WeakKeyDictionary, WeakValueDictionary

from allograph.adapters import Adapter
from allograph.errors import AllographError, StorageError
from allograph.profiles import Store, changes
from allograph.profiles.archive import check_model, pack, unpack
from allograph.profiles.audit import Action, Event, program
from allograph.profiles.changes import Merged, Migrated
from allograph.profiles.journal import Key, ProfileSummary, Version, check_name, incarnation_of
from allograph.profiles.migration import migrate_profile, sizes_of
from allograph.readings import Reading
from allograph.recognizer import Recognizer
from allograph.writers.live_profile import LiveProfile
from allograph.writers.pipeline import Pipeline
from allograph.writers.reading import Behind, Ready, Request, Task, prepare, read
from allograph.writers.writer import Writer

MEMORY = 256 * 2**20
"""Bytes that warm writers may take."""


@dataclass
class _Warm:
    """The writers in use."""

    limit: int
    """Bytes that those may take that nobody uses at the moment."""
    sizes: OrderedDict[Key, int] = field(default_factory=OrderedDict)
    """The bytes that each was last seen to take, the one that was used longest ago first."""
    kept: dict[Key, Writer] = field(default_factory=dict)
    alive: WeakValueDictionary[Key, Writer] = field(default_factory=WeakValueDictionary)
    """All writers that somebody still holds, those among them that were let go of."""
    seen: WeakKeyDictionary[Writer, Version] = field(default_factory=WeakKeyDictionary)
    """How far each one's journal went at the last refresh."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    total: int = 0
    """The sum of the sizes."""

    def put(self, key: Key, size: int) -> None:
        """Say how many bytes a writer takes."""
        self.total += size - self.sizes.get(key, 0)
        self.sizes[key] = size

    def drop(self, key: Key) -> Writer | None:
        """Let go of a writer."""
        self.total -= self.sizes.pop(key, 0)
        return self.kept.pop(key, None)


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
        self.pipeline = Pipeline.of(recognizer, adapter)
        self.tenant = check_name(tenant, "tenant")
        self.implicit, self.keep_images, self.shadow = implicit, keep_images, shadow
        self._warm = _Warm(memory)

    def of(self, tenant: str) -> Writers:
        """The writers of another tenant in the same store; they share what is warm."""
        other = copy(self)
        other.tenant = check_name(tenant, "tenant")
        return other

    def __getitem__(self, name: str) -> Writer:
        key = self._key(name)
        warm = self._warm
        with warm.lock:
            before = next(reversed(warm.sizes), None)
            writer = warm.alive.get(key)
            if writer is None:
                writer = warm.alive[key] = self._cold(key.name)
            warm.kept[key] = writer
            warm.put(key, warm.sizes.get(key, 0))
            warm.sizes.move_to_end(key)
        if before is not None and before != key:
            self.weigh([before])  # whoever asks for another writer is done with the last
        return writer

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.store.versions([self._key(name)]) != [None]

    def __iter__(self) -> Iterator[str]:
        return iter([stored.name for stored in self.profiles()])

    def __len__(self) -> int:
        return self.store.count(self.tenant)

    def profiles(self, after: str = "", limit: int | None = None) -> list[ProfileSummary]:
        """The writers that have a profile, by name, with how many corrections stand; those after a name, at most `limit`."""
        return self.store.profiles(self.tenant, after, limit)

    def incarnation(self, name: str) -> str | None:
        """A name for a writer's profile, for `Writer.only`; None where there is none. Erased and begun anew, it is another."""
        key = self._key(name)
        (version,) = self.store.versions([key])
        return None if version is None else incarnation_of(key, version.profile)

    def read_together(self, requests: Sequence[Request]) -> list[list[Reading] | Exception]:
        """Read for many writers, of any tenants, with one look at the store and one call of the model.

        Each request gets its readings, or the error that it met. Raises `StorageError` where the store cannot be reached.
        """
        prepared = self.prepare(requests)
        answers = iter(read([one for one in prepared if isinstance(one, Ready)]))
        self.weigh([one.task.live.key for one in prepared if isinstance(one, Ready)])
        return [one if isinstance(one, Exception) else next(answers) for one in prepared]

    def prepare(self, requests: Sequence[Request], wait: bool = True) -> list[Ready | Behind | Exception]:
        """All of `read_together` but the model's answers, which `reading.read` gives."""
        tasks: list[Task] = []
        errors: list[Exception | None] = []
        for request in requests:
            try:
                writers = self if request.tenant in (None, self.tenant) else self.of(str(request.tenant))
                writer = writers[request.name]
                tasks.append(Task(writer.live, request, writer.shadow))
                errors.append(None)
            except AllographError as error:
                errors.append(error)
        prepared = iter(prepare(tasks, wait))
        return [next(prepared) if error is None else error for error in errors]

    def catch_up(self, live: LiveProfile) -> Iterator[None]:
        """Bring a writer that is `Behind` up to date, a batch a step, and see that warm writers keep to their bytes."""
        yield from live.catch_up()
        self.weigh([live.key])

    def export(self, name: str, actor: str | None = None) -> bytes:
        """A profile as the bytes of one file; raises `UnknownWriter` where there is none.

        The audit log keeps that `actor` did, or `program of USER` where none is named.
        """
        key = self._key(name)
        contents = changes.contents(self.store, key)
        self._note(actor, "export", key)
        return pack(contents)

    def merge(self, name: str, blob: bytes, incarnation: str | None = None, actor: str | None = None) -> Merged:
        """Join an exported profile to a writer's own, which need not exist; of each correction the latest word counts.

        The audit log keeps that `actor` did, or `program of USER` where none is named.
        Raises `FormatError` for bytes that are no exported profile, or do not fit the model that they name, `MismatchError` for
        a profile of another model than the one that is there, `ErasedWriter` where the `incarnation` to join it to is gone.
        """
        contents = unpack(blob)
        check_model(contents, self.pipeline.recognizer.bundle.model_hash, sizes_of(self.pipeline.recognizer))
        key = self._key(name)
        merged = changes.merge(self.store, key, contents, incarnation)
        self._note(actor, "import", key)
        return merged

    def erase(self, name: str, actor: str | None = None) -> bool:
        """Remove every trace of a writer, from the store and from memory; False where there was none.

        The audit log keeps that `actor` did, or `program of USER` where none is named.
        """
        key = self._key(name)
        with self._warm.lock:
            self._warm.drop(key)
            alive = self._warm.alive.get(key)
        erased = self.store.erase(key, actor or program())
        if alive is not None:
            alive.live.drop_retracted()
        return erased

    def migrate(self, name: str) -> Migrated:
        """Make a profile that was made for another model one for this; its images are read anew.

        Corrections without an image wait: they count again when the profile comes back to their model. Raises `UnknownWriter`
        where there is no profile.
        """
        return migrate_profile(self.store, self._key(name), self.pipeline.recognizer)

    def refresh(self) -> None:
        """Let go of what was erased or taken back elsewhere, store checkpoints that are due, keep to the bytes that are allowed.

        A service calls it every second: nothing of what another process erased or took back stays in this one's memory, nor what
        was taken back in the store's log.
        """
        self.store.tidy()
        warm = self._warm
        with warm.lock:
            alive = list(warm.alive.items())
        for start in range(0, len(alive), 500):
            some = alive[start : start + 500]
            for (key, writer), version in zip(some, self.store.versions([key for key, _ in some]), strict=True):
                live = writer.live
                known = live.version
                if known is None:
                    continue
                if version != known:
                    live.drop_retracted()
                if version is None or version[:2] != known[:2]:
                    with warm.lock:
                        warm.drop(key)
                elif live.is_checkpoint_due or warm.seen.get(writer) == known:  # nothing was learned for a while
                    live.save_checkpoint()
                warm.seen[writer] = known
        self.weigh([key for key, _ in alive])

    def close(self) -> None:
        """Store what was learned, so that opening these writers again is quick. The store stays open."""
        with self._warm.lock:
            writers = list(self._warm.kept.values())
            for key in list(self._warm.kept):
                self._warm.drop(key)
        for writer in writers:
            writer.live.save_checkpoint()

    @property
    def warm(self) -> tuple[int, int]:
        """How many of this tenant's writers are warm, and the bytes that they take."""
        with self._warm.lock:
            sizes = [size for key, size in self._warm.sizes.items() if key.tenant == self.tenant]
        return len(sizes), sum(sizes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _note(self, actor: str | None, action: Action, key: Key) -> None:
        self.store.audit.add(Event(actor or program(), key.tenant, action, key.name))

    def _key(self, name: str) -> Key:
        return Key.of(self.tenant, name)

    def _cold(self, name: str) -> Writer:
        return Writer(
            name,
            implicit=self.implicit,
            keep_images=self.keep_images,
            shadow=self.shadow,
            store=self.store,
            tenant=self.tenant,
            pipeline=self.pipeline,
        )

    def weigh(self, keys: Sequence[Key]) -> None:
        """Weigh writers that were used, and let those go that were used longest ago and do not fit."""
        gone = []
        warm = self._warm
        with warm.lock:
            for key in keys:
                if key in warm.kept:
                    warm.put(key, warm.kept[key].live.size)
            while warm.total > warm.limit and len(warm.sizes) > 1:
                gone.append(warm.drop(next(iter(warm.sizes))))
        for writer in gone:
            if writer is not None:
                with suppress(StorageError):  # the journal has it all; the state only saves time
                    writer.live.save_checkpoint()
