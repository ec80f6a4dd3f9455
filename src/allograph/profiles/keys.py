"""API keys: who may use a service, and as which tenant."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Protocol

from allograph.errors import InputError
from allograph.samples.names import check_name


@dataclass(frozen=True)
class ApiKey:
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
    """The API keys of a store, each bound to a tenant; of a secret, 256 random bits, only its SHA-256 is kept.

    `bool` is True once there was a key, also after all were revoked: then the store stays closed until `reopen`.
    """

    def __init__(self, table: KeyTable) -> None:
        self._table = table

    def add(self, tenant: str, name: str) -> str:
        """Make a key; it is shown this once and never again."""
        id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        self._table.put_key(ApiKey(id, check_name(tenant, "tenant"), check_name(name, "key"), time.time()), _hash(secret))
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
        right = hmac.compare_digest(_hash(secret), found[1] if found else _hash(""))
        return found[0].tenant if found and right else None

    def reopen(self) -> None:
        """Let the store be used without keys again; raises `InputError` while there is one."""
        if self.list():
            raise InputError("the store holds keys; revoke them first: allograph keys list shows them")
        self._table.drop_marks()

    def __bool__(self) -> bool:
        return self._table.had_keys()


def _is_id(id: str) -> bool:
    return id.isascii() and id.isalnum()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
