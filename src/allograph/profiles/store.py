"""Where profiles live: what every store promises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from allograph.errors import TooManyWriters
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
from allograph.readings import Samples


class Change(Protocol):
    """One profile, alone: what is done to it is done when the block ends well, all at once, or not at all."""

    @property
    def model_hash(self) -> str:
        """The model that the profile is for."""
        ...

    @property
    def version(self) -> Version:
        """How far the journal goes, this change included."""
        ...

    def find(self, ids: Iterable[str] | None = None, label: str | None = None, since: float | None = None) -> list[Entry]:
        """The entries that stand and fit all that is given, the oldest first."""
        ...

    def rows(self, label: str | None = None, since: float | None = None) -> list[Row]:
        """The same by label and time, without what they were learned from."""
        ...

    def tombstones(self) -> list[Tombstone]:
        """What was taken back, the oldest first."""
        ...

    def add(self, entries: Sequence[Entry]) -> list[Entry]:
        """Append; returns them with their places and times, each later than all before."""
        ...

    def retract(self, entries: Sequence[Entry | Row]) -> None:
        """Append a tombstone for each, blank what it held, and drop the state that knew it."""
        ...

    def rewrite(self, entries: Sequence[Entry], tombstones: Sequence[Tombstone], model_hash: str) -> None:
        """Exchange the whole journal for this one, in this order, with these times; the state goes."""
        ...

    def bring_over(self, read: Mapping[int, tuple[Samples, str]], model_hash: str) -> int:
        """Make the profile one for another model, which read the entries at these places anew: samples, and the base's answer.

        The state goes. Returns how many of these entries stand.
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

    def versions(self, keys: Sequence[Key]) -> list[Version | None]:
        """In one look, how far each profile goes; None where there is none."""
        ...

    def tail(
        self, key: Key, after: int = 0, limit: int | None = None, images: bool = True, since: int | None = None
    ) -> Tail | None:
        """In one look, how far a profile goes, and what is to be learned first after a place of its journal; None without one.

        Learning needs no images: who only learns leaves them out. What was taken back is told since the journal went as far as
        `since`, or as far as that place.
        """
        ...

    def rows(self, key: Key, after: int = 0, limit: int | None = None, images: bool = False, waiting: bool = False) -> list[Row]:
        """What stands after a place of the journal, at most `limit`, in order, with its images where they are asked for.

        Only entries of the profile's model, unless those that wait for their own are wanted too; none without a profile.
        """
        ...

    def entries(
        self, key: Key, after: int = 0, limit: int | None = None, images: bool = True, waiting: bool = False
    ) -> list[Entry]:
        """The same with all that they were learned from."""
        ...

    def taken_back(self, key: Key) -> int:
        """How many corrections were taken back."""
        ...

    def contents(self, key: Key) -> Contents:
        """The whole journal at one moment, while others go on writing; raises `UnknownWriter` without a profile."""
        ...

    def change(self, key: Key, model_hash: str | None) -> AbstractContextManager[Change]:
        """Change a profile, alone; it is begun for `model_hash` where there is none. With None that raises `UnknownWriter`.

        Raises `TooManyWriters` where the tenant may have no more.
        """
        ...

    def state(self, key: Key) -> tuple[StoredState, tuple[Correction, ...], int] | None:
        """The newest checkpoint that belongs to the journal as it is, the corrections in it, and how far the journal goes."""
        ...

    def keep(self, key: Key, state: StoredState, seen: int | None = None) -> None:
        """Keep a checkpoint, unless what it holds was taken back since the journal went as far as `seen`, or as it does.

        Older ones are thinned out, as `surplus_checkpoints` says.
        """
        ...

    def labels(self, key: Key) -> set[str]:
        """The labels of a profile's corrections that stand and are of its model; empty where there is none."""
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

    def erase(self, key: Key) -> bool:
        """Remove every trace of a profile; False where there is none."""
        ...

    def tidy(self) -> None:
        """Remove what was taken back or erased from wherever it still stands, as far as that can be done without waiting."""
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
