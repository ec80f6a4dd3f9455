"""Profiles that live as long as the process."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from allograph.profiles.audit import Event, MemoryAuditLog
from allograph.profiles.journal import (
    Contents,
    Correction,
    Entry,
    Key,
    ProfileSummary,
    Row,
    StoredState,
    Tail,
    Tombstone,
    Version,
    check_after,
    check_incarnation,
    check_page,
    is_due,
    later,
    surplus_checkpoints,
    unknown_writer,
)
from allograph.profiles.keys import ApiKey, Keys, StoredKey
from allograph.profiles.quotas import NoQuotas
from allograph.profiles.store import check_room
from allograph.profiles.words import Word, count_lines
from allograph.readings import Samples


@dataclass
class _Profile:
    model_hash: str
    version: Version
    entries: dict[int, Entry] = field(default_factory=dict)
    """By sequence number, those that stand."""
    tombstones: list[tuple[int, int, Tombstone]] = field(default_factory=list)
    """With the place of each, and that of what it undoes."""
    words: dict[str, Word] = field(default_factory=dict)
    """By their ids."""
    time: float = 0.0
    states: tuple[StoredState, ...] = ()
    """Checkpoints, the newest last."""

    def undone(self, after: int) -> int | None:
        """The first place that was taken back after a place."""
        return min((undoes for seq, undoes, _ in self.tombstones if seq > after), default=None)

    def standing(self) -> list[Entry]:
        """The entries of the profile's model."""
        return [entry for entry in self.entries.values() if entry.model_hash == self.model_hash]


class MemoryStore:
    """A store for one process."""

    def __init__(self) -> None:
        self.url: str | None = None
        self.most_writers: int | None = None
        self._profiles: dict[Key, _Profile] = {}
        self._numbers = itertools.count(secrets.randbits(48))  # another process's profiles are others
        self._lock = threading.RLock()
        self._keys: dict[str, StoredKey] = {}
        self._had_keys = False
        self.audit = MemoryAuditLog()
        self.quotas = NoQuotas()

    @property
    def keys(self) -> Keys:
        """The API keys."""
        return Keys(self)

    def versions(self, keys: Sequence[Key]) -> list[Version | None]:
        """How far each profile goes."""
        found = [self._profiles.get(key) for key in keys]
        return [profile.version if profile else None for profile in found]

    def tail(
        self, key: Key, after: int = 0, limit: int | None = None, images: bool = True, since: int | None = None
    ) -> Tail | None:
        """A profile's entries after a place."""
        profile = self._profiles.get(key)
        if profile is None:
            return None
        entries = [] if limit == 0 else self.entries(key, after, limit, images)
        undone = profile.undone(after if since is None else since)
        return Tail(profile.version, profile.model_hash, entries, undone)

    def rows(
        self,
        key: Key,
        after: int = 0,
        limit: int | None = None,
        images: bool = False,
        waiting: bool = False,
        label: str | None = None,
        ids: Collection[str] | None = None,
    ) -> list[Row]:
        """What stands, to be listed."""
        check_page(after, limit)
        wanted = None if ids is None else set(ids)
        found = (
            _row(entry, images)
            for entry in self.entries(key, after, waiting=waiting)
            if label in (None, entry.label) and (wanted is None or entry.id in wanted)
        )
        return list(itertools.islice(found, limit))

    def entries(
        self, key: Key, after: int = 0, limit: int | None = None, images: bool = True, waiting: bool = False
    ) -> list[Entry]:
        """What stands, to be learned."""
        check_page(after, limit)
        profile = self._profiles.get(key)
        if profile is None:
            return []
        standing = profile.entries.values() if waiting else profile.standing()
        found = list(itertools.islice((entry for entry in standing if entry.seq > after), limit))
        return found if images else [replace(entry, image=None) for entry in found]

    def taken_back(self, key: Key) -> int:
        """How many corrections were taken back."""
        profile = self._profiles.get(key)
        return len(profile.tombstones) if profile else 0

    def contents(self, key: Key) -> Contents:
        """The whole journal."""
        profile = self._profiles.get(key)
        if profile is None:
            raise unknown_writer(key)
        stones = [stone for _, _, stone in profile.tombstones]
        return Contents(list(profile.entries.values()), stones, profile.model_hash, sorted(profile.words.values()))

    @contextmanager
    def change(self, key: Key, model_hash: str | None, incarnation: str | None = None) -> Iterator[MemoryChange]:
        """Change a profile, alone."""
        with self._lock:
            profile = self._profiles.get(key)
            check_incarnation(key, profile.version.profile if profile else None, incarnation)
            if profile is None:
                if model_hash is None:
                    raise unknown_writer(key)
                check_room(self.count(key.tenant), self.most_writers)
                profile = _Profile(model_hash, Version(next(self._numbers), 0, 0))
            profile = replace(
                profile, entries=dict(profile.entries), tombstones=list(profile.tombstones), words=dict(profile.words)
            )
            before, change = profile.version.head, MemoryChange(profile)
            yield change
            if is_due(before, profile.version.head):
                change.compact()
            self._profiles[key] = profile

    def state(self, key: Key) -> tuple[StoredState, tuple[Correction, ...], int] | None:
        """The newest checkpoint."""
        profile = self._profiles.get(key)
        if profile is None or not profile.states:
            return None
        newest = profile.states[-1]
        head = newest.version.head
        corrections = tuple(entry.correction for entry in profile.standing() if entry.seq <= head)
        return newest, corrections, profile.version.head

    def keep(self, key: Key, state: StoredState, seen: int | None = None) -> None:
        """Keep a checkpoint."""
        with self._lock:
            profile = self._profiles.get(key)
            if profile is None or profile.version[:2] != state.version[:2]:
                return
            undone = profile.undone(state.version.head if seen is None else seen)
            if undone is None or undone > state.version.head:
                gone = surplus_checkpoints([kept.version.head for kept in profile.states], state.version.head)
                kept = [one for one in profile.states if one.version.head not in gone]
                states = tuple(sorted([*kept, state], key=lambda one: one.version.head))
                self._profiles[key] = replace(profile, states=states)

    def labels(self, key: Key) -> set[str]:
        """The labels that were taught."""
        profile = self._profiles.get(key)
        return {entry.label for entry in profile.standing()} if profile else set()

    def words(self, key: Key) -> dict[str, int]:
        """The writer's own words."""
        profile = self._profiles.get(key)
        return count_lines(profile.words.values()) if profile else {}

    def profiles(self, tenant: str, after: str = "", limit: int | None = None) -> list[ProfileSummary]:
        """The tenant's profiles by name."""
        after = check_after(after)
        with self._lock:
            names = sorted(key.name for key in self._profiles if key.tenant == tenant and key.name > after)[:limit]
            return [ProfileSummary(name, len(self._profiles[Key(tenant, name)].entries)) for name in names]

    def every_key(
        self, tenant: str | None = None, after: Key | None = None, limit: int | None = None, not_of: str | None = None
    ) -> list[Key]:
        """The profiles of one tenant or of all."""
        with self._lock:
            found = [
                key
                for key, profile in self._profiles.items()
                if tenant in (None, key.tenant) and (after is None or key > after) and profile.model_hash != not_of
            ]
        return sorted(found)[:limit]

    def count(self, tenant: str) -> int:
        """How many profiles the tenant has."""
        with self._lock:
            return sum(key.tenant == tenant for key in self._profiles)

    def erase(self, key: Key, actor: str | None = None) -> bool:
        """Forget a profile."""
        with self._lock:
            erased = self._profiles.pop(key, None) is not None
            if erased and actor is not None:
                self.audit.add(Event(actor, key.tenant, "erase", key.name))
            return erased

    def tidy(self) -> None:
        """Nothing is left of what was taken back."""

    def check(self) -> None:
        """Memory always answers."""

    def close(self) -> None:
        """Nothing is held."""

    def put_key(self, stored: StoredKey, event: Event) -> None:
        """Keep a key."""
        with self._lock:
            self._had_keys = True
            self._keys[stored.key.id] = stored
            self.audit.add(event)

    def change_key(self, stored: StoredKey, before: str, event: Event) -> bool:
        """Keep a key anew."""
        with self._lock:
            found = self._keys.get(stored.key.id)
            if found is None or found.hash != before:
                return False
            self.put_key(stored, event)
            return True

    def drop_key(self, id: str, event: Event) -> bool:
        """Remove a key."""
        with self._lock:
            found = self._keys.pop(id, None)
            if found is not None:
                self.audit.add(event)
            return found is not None

    def find_key(self, id: str) -> StoredKey | None:
        """A key and the hashes of its secrets."""
        return self._keys.get(id)

    def had_keys(self) -> bool:
        """Whether there is a key, or was one."""
        return self._had_keys

    def drop_marks(self, event: Event) -> None:
        """Forget that there were keys."""
        with self._lock:
            self._had_keys = bool(self._keys)
            self.audit.add(event)

    def all_keys(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        with self._lock:
            return [stored.key for stored in self._keys.values()]


class MemoryChange:
    """A change to a copy, which takes the profile's place when the block ends well."""

    def __init__(self, profile: _Profile) -> None:
        self._profile = profile

    @property
    def model_hash(self) -> str:
        """The model that the profile is for."""
        return self._profile.model_hash

    @property
    def version(self) -> Version:
        """How far the journal goes."""
        return self._profile.version

    def find(
        self,
        ids: Iterable[str] | None = None,
        label: str | None = None,
        since: float | None = None,
        line: str | None = None,
    ) -> list[Entry]:
        """The entries that stand and fit."""
        wanted = None if ids is None else set(ids)
        return [
            entry
            for entry in self._profile.entries.values()
            if (wanted is None or entry.id in wanted)
            and (label is None or entry.label == label)
            and (since is None or entry.time >= since)
            and (line is None or entry.batch == line)
        ]

    def rows(self, label: str | None = None, since: float | None = None) -> list[Row]:
        """The same, to be listed."""
        return [_row(entry) for entry in self.find(label=label, since=since)]

    def tombstones(self) -> list[Tombstone]:
        """What was taken back."""
        return [stone for _, _, stone in self._profile.tombstones]

    def add(self, entries: Sequence[Entry]) -> list[Entry]:
        """Append."""
        added = [replace(entry, seq=self._next(), time=self._tick()) for entry in entries]
        self._profile.entries.update((entry.seq, entry) for entry in added)
        return added

    def retract(self, entries: Sequence[Entry | Row]) -> None:
        """Take back."""
        profile = self._profile
        first = min(entry.seq for entry in entries)
        lines = {profile.entries[entry.seq].batch for entry in entries}
        self._blank([word for word in profile.words.values() if word.line in lines])
        for entry in entries:
            del profile.entries[entry.seq]
            profile.tombstones.append((self._next(), entry.seq, Tombstone(entry.id, self._tick())))
        profile.states = tuple(state for state in profile.states if state.version.head < first)

    def words(self, line: str | None = None) -> list[Word]:
        """The words."""
        return sorted(word for word in self._profile.words.values() if line is None or word.line == line)

    def add_words(self, words: Sequence[Word]) -> None:
        """Keep words."""
        self._next()
        self._profile.words |= {word.id: word for word in words}

    def drop_words(self, ids: Sequence[str]) -> None:
        """Forget words."""
        self._next()
        self._blank([self._profile.words[id] for id in ids])

    def _blank(self, words: Sequence[Word]) -> None:
        self._profile.words |= {word.id: word.blank for word in words}

    def rewrite(
        self, entries: Sequence[Entry], tombstones: Sequence[Tombstone], model_hash: str, words: Sequence[Word] = ()
    ) -> None:
        """Exchange the whole journal."""
        profile = self._profile
        profile.words = {word.id: word for word in words}
        profile.entries = {seq: replace(entry, seq=seq) for entry in entries for seq in [self._next()]}
        profile.tombstones = [(self._next(), 0, stone) for stone in tombstones]
        profile.time = max([profile.time, *(entry.time for entry in entries), *(stone.time for stone in tombstones)])
        profile.model_hash, profile.states = model_hash, ()
        profile.version = profile.version._replace(edition=profile.version.edition + 1)

    def compact(self) -> int:
        """Keep the newest tombstone of each id that does not stand; rows that are blank are not kept here anyway."""
        profile = self._profile
        stand = {entry.id for entry in profile.entries.values()}
        newest = {stone.id: seq for seq, _, stone in profile.tombstones}
        kept = [one for one in profile.tombstones if one[0] == newest[one[2].id] and one[2].id not in stand]
        gone = len(profile.tombstones) - len(kept)
        if gone:
            edition = profile.version.edition + 1
            profile.tombstones, profile.version = kept, profile.version._replace(edition=edition)
            profile.states = tuple(one._replace(version=one.version._replace(edition=edition)) for one in profile.states)
        return gone

    def bring_over(self, read: Mapping[int, tuple[Samples, str]], model_hash: str) -> int:
        """Make it a profile for another model."""
        profile = self._profile
        moved = {seq: found for seq, found in read.items() if seq in profile.entries}
        for seq, (samples, base) in moved.items():
            profile.entries[seq] = replace(profile.entries[seq], outputs=samples, base=base, model_hash=model_hash)
        profile.model_hash, profile.states = model_hash, ()
        profile.version = profile.version._replace(edition=profile.version.edition + 1)
        return len(moved)

    def _next(self) -> int:
        self._profile.version = self._profile.version._replace(head=self._profile.version.head + 1)
        return self._profile.version.head

    def _tick(self) -> float:
        self._profile.time = later(self._profile.time, time.time())
        return self._profile.time


def _row(entry: Entry, image: bool = False) -> Row:
    return Row(
        entry.id,
        entry.label,
        entry.implicit,
        entry.time,
        entry.base,
        entry.answer,
        entry.model_hash,
        entry.image is not None,
        entry.seq,
        entry.image if image else None,
        box=entry.box,
        doubt=entry.doubt,
    )
