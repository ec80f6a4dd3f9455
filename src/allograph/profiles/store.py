"""Where profiles live: what every store promises."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from allograph.errors import InputError
from allograph.profiles.journal import Correction, Entry, Key, Stored, StoredState, Tail, Tombstone, Version, check_name


class Change(Protocol):
    """One profile, alone: what is done to it is done when the block ends well, all at once, or not at all."""

    @property
    def model_hash(self) -> str:
        """The model that the profile is for."""
        ...

    def find(self, ids: Iterable[str] | None = None, label: str | None = None, since: float | None = None) -> list[Entry]:
        """The entries that stand and fit all that is given, the oldest first."""
        ...

    def tombstones(self) -> list[Tombstone]:
        """What was taken back, the oldest first."""
        ...

    def add(self, entries: Sequence[Entry]) -> list[Entry]:
        """Append; returns them with their places and times, each later than all before."""
        ...

    def retract(self, entries: Sequence[Entry]) -> None:
        """Append a tombstone for each, blank what it held, and drop the state that knew it."""
        ...

    def rewrite(self, entries: Sequence[Entry], tombstones: Sequence[Tombstone], model_hash: str) -> None:
        """Exchange the whole journal for this one, in this order, with these times; the state goes."""
        ...


class Store(Protocol):
    """Profiles that last. Safe to share between threads; the same database may be open in many processes.

    Every call raises `StorageError` where the disk is full or the database cannot be reached; then nothing was changed.
    """

    @property
    def keys(self) -> Keys:
        """The API keys."""
        ...

    def versions(self, keys: Sequence[Key]) -> list[Version | None]:
        """In one look, how far each profile goes; None where there is none."""
        ...

    def tail(self, key: Key, after: int = 0, limit: int | None = None) -> Tail | None:
        """In one look, how far a profile goes, and its first entries above the place `after`; None where there is none."""
        ...

    def change(self, key: Key, model_hash: str | None) -> AbstractContextManager[Change]:
        """Change a profile, alone; it is begun for `model_hash` where there is none. With None that raises `UnknownWriter`."""
        ...

    def state(self, key: Key) -> tuple[StoredState, tuple[Correction, ...]] | None:
        """The newest checkpoint that belongs to the journal as it is, and the corrections in it, the oldest first."""
        ...

    def keep(self, key: Key, state: StoredState) -> None:
        """Keep a checkpoint, unless the journal has changed meanwhile so that it no longer belongs to it.

        Older ones are thinned out, as `spare` says.
        """
        ...

    def labels(self, key: Key) -> set[str]:
        """The labels of a profile's corrections that stand and are of its model; empty where there is none."""
        ...

    def profiles(self, tenant: str, after: str = "", limit: int | None = None) -> list[Stored]:
        """The tenant's profiles by name, those after `after`."""
        ...

    def count(self, tenant: str) -> int:
        """How many profiles the tenant has."""
        ...

    def erase(self, key: Key) -> bool:
        """Remove every trace of a profile; False where there is none."""
        ...

    def check(self) -> None:
        """Raise `StorageError` when the store does not answer."""
        ...

    def close(self) -> None:
        """Let go of the database."""
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
        return self._table.drop_key(id)

    def list(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        return self._table.all_keys()

    def tenant_of(self, key: str) -> str | None:
        """Whose key it is; None where it is no valid one. Takes as long for a wrong secret as for a right one."""
        id, _, secret = key.partition(".")
        found = self._table.find_key(id) if id.isascii() and id.isalnum() else None
        right = hmac.compare_digest(_hashed(secret), found[1] if found else _hashed(""))
        return found[0].tenant if found and right else None

    def reopen(self) -> None:
        """Let the store be used without keys again; raises `InputError` while there is one."""
        if self.list():
            raise InputError("the store holds keys; revoke them first: allograph keys list shows them")
        self._table.drop_marks()

    def __bool__(self) -> bool:
        return self._table.had_keys()


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
