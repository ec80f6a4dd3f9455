"""API keys: who may use a service, as which tenant, for what and until when."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, replace
from typing import Literal, Protocol, get_args

from allograph.errors import InputError
from allograph.profiles.audit import Action, Event, program
from allograph.samples.names import check_name

Scope = Literal["read", "teach", "administer"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""What a key may be for; each may do what those before it may."""


@dataclass(frozen=True)
class ApiKey:
    """An API key, without its secret."""

    id: str
    tenant: str
    name: str
    created: float
    """Seconds since 1970, UTC, as all times here."""
    scope: Scope = "administer"
    expires: float | None = None
    """When it becomes void by itself; None for never."""
    old_expires: float | None = None
    """Until when the secret before the last rotation is valid too; None where there is none."""

    def may(self, scope: Scope) -> bool:
        """Whether the key is for this too."""
        return SCOPES.index(scope) <= SCOPES.index(self.scope)

    def is_valid(self, now: float) -> bool:
        """Whether it has not expired."""
        return self.expires is None or now < self.expires


@dataclass(frozen=True)
class StoredKey:
    """A key as a store keeps it."""

    key: ApiKey
    hash: str
    """Of its secret."""
    old_hash: str | None = None
    """Of the secret before the last rotation."""


class KeyTable(Protocol):
    """Where a store keeps API keys and the hashes of their secrets. Each change is kept together with its event."""

    def put_key(self, stored: StoredKey, event: Event) -> None:
        """Keep a key."""
        ...

    def change_key(self, stored: StoredKey, before: str, event: Event) -> bool:
        """Keep a key anew whose secret's hash is still `before`; False where it is not, or there is no such key."""
        ...

    def drop_key(self, id: str, event: Event) -> bool:
        """Remove a key and leave a mark that there was one; False where there is none."""
        ...

    def find_key(self, id: str) -> StoredKey | None:
        """A key and the hashes of its secrets."""
        ...

    def all_keys(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        ...

    def had_keys(self) -> bool:
        """Whether there is a key, or the mark of one."""
        ...

    def drop_marks(self, event: Event) -> None:
        """Remove the marks of the keys that are gone."""
        ...


class Keys:
    """The API keys of a store, each bound to a tenant; of a secret, 256 random bits, only its SHA-256 is kept.

    `bool` is True once there was a key, also after all were revoked: then the store stays closed until `reopen`. The audit log
    says of each change who made it: `actor`, or `program of USER` where none is named.
    """

    def __init__(self, table: KeyTable) -> None:
        self._table = table

    def add(
        self, tenant: str, name: str, scope: Scope = "administer", expires: float | None = None, actor: str | None = None
    ) -> str:
        """Make a key, which is shown this once and never again; raises `InputError` for a time of expiry that is over."""
        if scope not in SCOPES:
            raise InputError(f"a key's scope is one of {', '.join(SCOPES)}, not {scope!r}")
        id, secret, now = secrets.token_hex(6), secrets.token_urlsafe(32), time.time()
        key = ApiKey(id, check_name(tenant, "tenant"), check_name(name, "key"), now, scope, _check_expiry(expires, now))
        self._table.put_key(StoredKey(key, _hash(secret)), _event(key, "add-key", actor))
        return f"{id}.{secret}"

    def rotate(self, id: str, grace: float, expires: float | None = None, actor: str | None = None) -> str:
        """Give a key a new secret, and return it whole; the secret before is valid for `grace` more seconds, older ones no more.

        It expires when it did, unless a new time is given. Raises `InputError` where there is no key of this id, where it was
        rotated by another at the same moment, or where it expired and is given no new time.
        """
        now, secret = time.time(), secrets.token_urlsafe(32)
        found = self._table.find_key(id) if _is_id(id) else None
        if found is None:
            raise _unknown(id)
        key = replace(found.key, expires=_check_expiry(expires, now) or found.key.expires, old_expires=now + max(grace, 0.0))
        if not key.is_valid(now):
            raise InputError(f"the key {id} has expired; say until when it is to be valid: --expires 90d")
        changed = StoredKey(key, _hash(secret), found.hash)
        if not self._table.change_key(changed, found.hash, _event(key, "rotate-key", actor)):
            raise InputError(f"the key {id} was rotated or revoked by somebody else at this moment; look at allograph keys list")
        return f"{id}.{secret}"

    def revoke(self, id: str, actor: str | None = None) -> bool:
        """Make a key void, its secret before the last rotation too; False where there is none of this id."""
        found = self._table.find_key(id) if _is_id(id) else None
        return found is not None and self._table.drop_key(id, _event(found.key, "revoke-key", actor))

    def list(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        return self._table.all_keys()

    def find(self, key: str) -> ApiKey | None:
        """The key that this is, which may have expired; None where it is none.

        Takes as long for a wrong secret as for a right one. By the secret from before its last rotation, a key expires when
        that secret does.
        """
        id, _, secret = key.partition(".")
        found = self._table.find_key(id) if _is_id(id) else None
        hashed = _hash(secret)
        right = hmac.compare_digest(hashed, found.hash if found else _hash(""))
        was_right = hmac.compare_digest(hashed, (found and found.old_hash) or _hash(""))
        if found is None or not (right or (was_right and found.old_hash)):
            return None
        if right:
            return found.key
        ends = [time for time in (found.key.expires, found.key.old_expires) if time is not None]
        return replace(found.key, expires=min(ends))

    def tenant_of(self, key: str) -> str | None:
        """Whose key it is; None where it is no valid one."""
        found = self.find(key)
        return found.tenant if found and found.is_valid(time.time()) else None

    def reopen(self, actor: str | None = None) -> None:
        """Let the store be used without keys again; raises `InputError` while there is one."""
        if self.list():
            raise InputError("the store holds keys; revoke them first: allograph keys list shows them")
        self._table.drop_marks(Event(actor or program(), "", "reopen"))

    def __bool__(self) -> bool:
        return self._table.had_keys()


def _event(key: ApiKey, action: Action, actor: str | None) -> Event:
    return Event(actor or program(), key.tenant, action, key.id)


def _check_expiry(expires: float | None, now: float) -> float | None:
    if expires is not None and not now < expires < FARTHEST:
        raise InputError("a key expires at a time that is yet to come, before the year 10000; name another")
    return expires


FARTHEST = 253_402_300_800.0
"""The year 10000."""


def _unknown(id: str) -> InputError:
    return InputError(f"there is no key with the id {id!r}; allograph keys list shows them")


def _is_id(id: str) -> bool:
    return id.isascii() and id.isalnum()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
