"""Where profiles live: what every store promises."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from allograph.errors import InputError, TooManyWriters
from allograph.profiles.journal import (
    Contents,
    Correction,
    Entry,
    Key,
    Row,
    Stored,
    StoredState,
    Tail,
    Tombstone,
    Version,
    check_name,
)
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

        Older ones are thinned out, as `spare` says.
        """
        ...

    def labels(self, key: Key) -> set[str]:
        """The labels of a profile's corrections that stand and are of its model; empty where there is none."""
        ...

    def profiles(self, tenant: str, after: str = "", limit: int | None = None) -> list[Stored]:
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


class ApiKey(NamedTuple):
    """An API key, without its secret."""

    id: str
    tenant: str
    name: str
    created: float
    """Seconds since 1970, UTC."""


class KeyTable(Protocol):
    """Where a store keeps API keys and the hashes of their secrets."""

    def put_key(self, key: ApiKey, hashed: str) -> None:
        """Keep a key."""
        ...

    def drop_key(self, id: str) -> bool:
        """Remove a key and leave a mark that there was one; False where there is none."""
        ...

    def find_key(self, id: str) -> tuple[ApiKey, str] | None:
        """A key and the hash of its secret."""
        ...

    def all_keys(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        ...

    def had_keys(self) -> bool:
        """Whether there is a key, or the mark of one."""
        ...

    def drop_marks(self) -> None:
        """Remove the marks of the keys that are gone."""
        ...


class Keys:
    """API keys, each bound to a tenant. A secret has 256 random bits, so that one round of SHA-256 hides it for good.

    They are true once there was a key, even where all were revoked: who asked for keys once does not mean to open the door.
    """

    def __init__(self, table: KeyTable) -> None:
        self._table = table

    def add(self, tenant: str, name: str) -> str:
        """Make a key; it is shown this once and never again."""
        id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        self._table.put_key(ApiKey(id, check_name(tenant, "tenant"), check_name(name, "key"), time.time()), _hashed(secret))
        return f"{id}.{secret}"

    def revoke(self, id: str) -> bool:
        """Make a key void; False where there is none of this id."""
        return _is_id(id) and self._table.drop_key(id)

    def list(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        return self._table.all_keys()

    def tenant_of(self, key: str) -> str | None:
        """Whose key it is; None where it is no valid one. Takes as long for a wrong secret as for a right one."""
        id, _, secret = key.partition(".")
        found = self._table.find_key(id) if _is_id(id) else None
        right = hmac.compare_digest(_hashed(secret), found[1] if found else _hashed(""))
        return found[0].tenant if found and right else None

    def reopen(self) -> None:
        """Let the store be used without keys again; raises `InputError` while there is one."""
        if self.list():
            raise InputError("the store holds keys; revoke them first: allograph keys list shows them")
        self._table.drop_marks()

    def __bool__(self) -> bool:
        return self._table.had_keys()


def check_room(tenant_has: int, most: int | None) -> None:
    """Raise `TooManyWriters` unless a tenant that has so many writers may begin one more."""
    if most is not None and tenant_has >= most:
        raise TooManyWriters(f"the tenant has {tenant_has} writers, and may have {most}; erase one first")


def _is_id(id: str) -> bool:
    return id.isascii() and id.isalnum()


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
