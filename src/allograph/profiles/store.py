"""The interface of every store of profiles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from allograph.errors import TooManyWriters
from allograph.profiles.audit import AuditLog
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
)
from allograph.profiles.keys import Keys
from allograph.profiles.quotas import Quotas
from allograph.profiles.words import Word
from allograph.readings import Samples


class Change(Protocol):
    """A transaction on one profile: committed when its `with` block ends without an error, else rolled back."""

    @property
    def model_hash(self) -> str:
        """The model that the profile is for."""
        ...

    @property
    def version(self) -> Version:
        """The journal's version, this change included."""
        ...

    def find(
        self,
        ids: Iterable[str] | None = None,
        label: str | None = None,
        since: float | None = None,
        line: str | None = None,
    ) -> list[Entry]:
        """The corrections that stand and match every given condition, the oldest first; `line` is the id of a line."""
        ...

    def rows(self, label: str | None = None, since: float | None = None) -> list[Row]:
        """The same by label and time, without the recognizer's outputs."""
        ...

    def tombstones(self) -> list[Tombstone]:
        """The tombstones, the oldest first."""
        ...

    def add(self, entries: Sequence[Entry]) -> list[Entry]:
        """Append; returns them with their places and times, each later than all before."""
        ...

    def retract(self, entries: Sequence[Entry | Row]) -> None:
        """Append a tombstone for each, blank its label, image and box, and delete the checkpoints that contain it.

        The words of a line go with the first of its corrections that is taken back.
        """
        ...

    def words(self, line: str | None = None) -> list[Word]:
        """The words of a line; without one, all of them by their ids, the marks of those that were forgotten too."""
        ...

    def add_words(self, words: Sequence[Word]) -> None:
        """Keep words, whose lines have corrections that stand."""
        ...

    def drop_words(self, ids: Sequence[str]) -> None:
        """Blank words of these ids; their marks stay."""
        ...

    def rewrite(
        self, entries: Sequence[Entry], tombstones: Sequence[Tombstone], model_hash: str, words: Sequence[Word] = ()
    ) -> None:
        """Replace the whole journal and the words by these rows, with their order and times; checkpoints are deleted."""
        ...

    def compact(self) -> int:
        """Delete the rows that say nothing any more; returns how many.

        They are those that were blanked, and the tombstones of corrections that were given anew, or taken back again, later. What
        stands stays as it is and where it is, and so does the newest tombstone of every id that does not stand: a copy of the
        journal that is merged brings nothing back. Checkpoints stay. Every change does so by itself when a journal has grown by
        another `SPAN` places.
        """
        ...

    def bring_over(self, read: Mapping[int, tuple[Samples, str]], model_hash: str) -> int:
        """Set the profile's model, and for the entries at these places that model's outputs and base answer.

        Checkpoints are deleted. Returns how many of these entries stand.
        """
        ...


class Store(Protocol):
    """Profiles that last. Safe to share between threads; the same database may be open in many processes.

    Every call raises `StorageError` where the disk is full, the database cannot be reached, is damaged, or is held by another for
    more than a few seconds; then nothing was changed. Names are those that `check_name` returned.
    """

    url: str | None
    """Where another process finds it; None for what only this one has."""
    most_writers: int | None
    """Profiles that a tenant may have at most; None for any number."""

    @property
    def keys(self) -> Keys:
        """The API keys."""
        ...

    @property
    def quotas(self) -> Quotas:
        """What tenants may have; a change that would bring one beyond raises `QuotaError`."""
        ...

    @property
    def audit(self) -> AuditLog:
        """Who did what an operator must account for."""
        ...

    def versions(self, keys: Sequence[Key]) -> list[Version | None]:
        """Each profile's version, by one query; None for a writer without a profile."""
        ...

    def tail(
        self, key: Key, after: int = 0, limit: int | None = None, images: bool = True, since: int | None = None
    ) -> Tail | None:
        """A profile's version, and the first `limit` corrections after a place of its journal, by one query; None without one.

        Without `images` those are left out; learning needs none. `Tail.undone` covers what was taken back after the place `since`
        of the journal, or after `after` unless given.
        """
        ...

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
        """The corrections that stand after a place of the journal, at most `limit`, in order, with `images` if asked for.

        Only those of the profile's model, and with `waiting` also those of other models; none without a profile. Where a `label`
        or `ids` are given, only those that have it, or one of them.
        """
        ...

    def entries(
        self, key: Key, after: int = 0, limit: int | None = None, images: bool = True, waiting: bool = False
    ) -> list[Entry]:
        """The same with the recognizer's outputs."""
        ...

    def taken_back(self, key: Key) -> int:
        """How many corrections were taken back."""
        ...

    def contents(self, key: Key) -> Contents:
        """The whole journal at one moment, while others go on writing; raises `UnknownWriter` without a profile."""
        ...

    def change(self, key: Key, model_hash: str | None, incarnation: str | None = None) -> AbstractContextManager[Change]:
        """Change a profile, alone; it is begun for `model_hash` where there is none. With None that raises `UnknownWriter`.

        Where an `incarnation` is given, only that profile is changed and none is begun: raises `ErasedWriter` where it is gone.
        Raises `TooManyWriters` where the tenant may have no more.
        """
        ...

    def state(self, key: Key) -> tuple[StoredState, tuple[Correction, ...], int] | None:
        """The newest checkpoint that still holds, the corrections in it, and the journal's last place."""
        ...

    def keep(self, key: Key, state: StoredState, seen: int | None = None) -> None:
        """Store a checkpoint, unless a correction in it was taken back after the place `seen` of the journal.

        Older ones are deleted as `surplus_checkpoints` says.
        """
        ...

    def labels(self, key: Key) -> set[str]:
        """The labels of a profile's corrections that stand and are of its model; empty where there is none."""
        ...

    def words(self, key: Key) -> dict[str, int]:
        """The writer's own words that are kept, by code point, with in how many lines each was written; empty where none are."""
        ...

    def profiles(self, tenant: str, after: str = "", limit: int | None = None) -> list[ProfileSummary]:
        """The tenant's profiles by name, those after `after`."""
        ...

    def every_key(
        self, tenant: str | None = None, after: Key | None = None, limit: int | None = None, not_of: str | None = None
    ) -> list[Key]:
        """The profiles of one tenant or of all, in their order, those after one; only those that are not of a model, if given."""
        ...

    def count(self, tenant: str) -> int:
        """How many profiles the tenant has."""
        ...

    def erase(self, key: Key, actor: str | None = None) -> bool:
        """Remove every trace of a profile; False where there is none. The audit log says who did, where `actor` does."""
        ...

    def tidy(self) -> None:
        """Remove what was taken back or erased from logs and free pages too, as far as that needs no waiting."""
        ...

    def check(self) -> None:
        """Raise `StorageError` when the store cannot do what a reading asks of it; never takes long."""
        ...

    def close(self) -> None:
        """Let go of the database; it is tidy then, unless others hold it open."""
        ...


def check_room(tenant_has: int, most: int | None) -> None:
    """Raise `TooManyWriters` unless a tenant that has so many writers may begin one more."""
    if most is not None and tenant_has >= most:
        raise TooManyWriters(f"the tenant has {tenant_has} writers, and may have {most}; erase one first")
