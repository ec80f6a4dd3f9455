"""What governs access to a database of profiles: keys, quotas, and the audit log."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from allograph.profiles.audit import Event
from allograph.profiles.keys import ApiKey, StoredKey
from allograph.profiles.postgres import PATIENCE
from allograph.profiles.quotas import Quota, Usage
from allograph.profiles.tables import COUNTED, api_keys, audit, journal, own_words, profiles, quotas
from allograph.samples.names import check_name

Reading = Callable[[], AbstractContextManager[Connection]]
"""Begins a transaction that looks."""
Writing = Callable[[Hashable], AbstractContextManager[Connection]]
"""Begins a transaction that changes something, after all others that change the same."""

_VALID = api_keys.c.hash != ""  # the row of a revoked key stays, blanked, as the mark that there was one
_KEY = sa.select(api_keys).where(api_keys.c.id == sa.bindparam("id"), _VALID)
_KEYS = sa.select(api_keys).where(_VALID).order_by(api_keys.c.created, api_keys.c.id)
_HAD_KEYS = sa.select(api_keys.c.id).limit(1)
BLANK_KEY = {"tenant": "", "name": "", "hash": "", "scope": None, "expires": None, "old_hash": None, "old_expires": None}
"""What is left of a key that is revoked, beside its id and age: the mark that there was one."""
_QUOTA = sa.select(quotas).where(quotas.c.tenant == sa.bindparam("tenant"))
MEASURED = ("id", "alphabet", "box", "embedding", "logits", "features", "image")
"""What of a correction counts as a tenant's bytes, beside `ROW` for all the rest."""
ROW = 256
"""Bytes that each row of a journal or of the words counts, whatever is in it."""
_WRITERS = sa.select(sa.func.count()).select_from(profiles).where(profiles.c.tenant == sa.bindparam("tenant"))
COUNTING = 600.0
"""Seconds that it may take to count what a tenant has."""


def add_event(connection: Connection, event: Event) -> None:
    """Keep an event together with whatever else its transaction does."""
    connection.execute(sa.insert(audit), asdict(event))


class SqlKeys:
    """The keys."""

    def __init__(self, reading: Reading, writing: Writing) -> None:
        self._reading, self._writing = reading, writing

    def put_key(self, stored: StoredKey, event: Event) -> None:
        """Keep a key."""
        with self._writing("keys") as connection:
            connection.execute(sa.insert(api_keys), _key_row(stored))
            add_event(connection, event)

    def change_key(self, stored: StoredKey, before: str, event: Event) -> bool:
        """Keep a key anew."""
        row = _key_row(stored)
        with self._writing("keys") as connection:
            its = (api_keys.c.id == row.pop("id")) & (api_keys.c.hash == before)
            changed = connection.execute(sa.update(api_keys).where(its).values(row)).rowcount > 0
            if changed:
                add_event(connection, event)
        return changed

    def drop_key(self, id: str, event: Event) -> bool:
        """Blank a key."""
        with self._writing("keys") as connection:
            found = connection.execute(sa.update(api_keys).where(api_keys.c.id == id, _VALID).values(BLANK_KEY)).rowcount > 0
            if found:
                add_event(connection, event)
        return found

    def find_key(self, id: str) -> StoredKey | None:
        """A key and the hashes of its secrets."""
        with self._reading() as connection:
            found = connection.execute(_KEY, {"id": id}).one_or_none()
        return None if found is None else StoredKey(_key(found), found.hash, found.old_hash)

    def all_keys(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        with self._reading() as connection:
            return list(map(_key, connection.execute(_KEYS)))

    def had_keys(self) -> bool:
        """Whether there is a key, or was one."""
        with self._reading() as connection:
            return connection.execute(_HAD_KEYS).first() is not None

    def drop_marks(self, event: Event) -> None:
        """Remove the rows of revoked keys."""
        with self._writing("keys") as connection:
            connection.execute(sa.delete(api_keys).where(~_VALID))
            add_event(connection, event)


class SqlAuditLog:
    """The audit log."""

    def __init__(self, reading: Reading, writing: Writing) -> None:
        self._reading, self._writing = reading, writing

    def add(self, event: Event) -> None:
        """Keep an event."""
        with self._writing("audit") as connection:
            add_event(connection, event)

    def events(self, since: float = 0.0, tenant: str | None = None, after: int = 0, limit: int | None = None) -> list[Event]:
        """The events."""
        columns = (audit.c[name] for name in ("actor", "tenant", "action", "subject", "time"))
        chosen = sa.select(*columns).where(audit.c.time >= since).order_by(audit.c.time, audit.c.event).limit(limit).offset(after)
        if tenant is not None:
            chosen = chosen.where(audit.c.tenant == tenant)
        with self._reading() as connection:
            return [Event(*row) for row in connection.execute(chosen)]


class SqlQuotas:
    """The quotas."""

    def __init__(self, reading: Reading, writing: Writing) -> None:
        self._reading, self._writing = reading, writing

    def set(self, tenant: str, quota: Quota, actor: str) -> None:
        """Bound a tenant, and begin to count what it has."""
        tenant = check_name(tenant, "tenant")
        bounds = {f"most_{name}": getattr(quota, name) for name in COUNTED} | {"rate": quota.rate}
        with self._writing("quotas") as connection:
            if connection.execute(_QUOTA, {"tenant": tenant}).one_or_none() is None:
                connection.execute(sa.insert(quotas), {"tenant": tenant, **bounds, **_count(connection, tenant)})
            else:
                connection.execute(sa.update(quotas).where(quotas.c.tenant == tenant).values(bounds))
            add_event(connection, Event(actor, tenant, "set-quota", tenant))

    def get(self, tenant: str) -> Quota | None:
        """A tenant's bounds."""
        row = self._row(tenant)
        return None if row is None else Quota(**{name: row[f"most_{name}"] for name in COUNTED}, rate=row["rate"])

    def usage(self, tenant: str) -> Usage | None:
        """What a tenant has."""
        row = self._row(tenant)
        return None if row is None else Usage(row["writers"], row["corrections"], row["bytes"] + row["kept"])

    def tenants(self) -> list[str]:
        """The tenants that are counted."""
        with self._reading() as connection:
            return list(connection.execute(sa.select(quotas.c.tenant).order_by(quotas.c.tenant)).scalars())

    def _row(self, tenant: str) -> dict[str, Any] | None:
        with self._reading() as connection:
            found = connection.execute(_QUOTA, {"tenant": tenant}).one_or_none()
        return None if found is None else dict(found._mapping)


def _count(connection: Connection, tenant: str) -> dict[str, int]:
    """What a tenant has now; nobody writes until the transaction ends."""
    its = {"tenant": tenant}
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SET LOCAL statement_timeout = {COUNTING * 1000:.0f}"))
        connection.execute(sa.text("LOCK TABLE allograph_profiles, allograph_journal IN SHARE ROW EXCLUSIVE MODE"))
        connection = connection.execution_options(**{PATIENCE: COUNTING})
    dialect, is_stone = connection.dialect.name, journal.c.undoes.is_not(None)
    one, stone = _bytes(dialect, *(journal.c[name] for name in MEASURED)), _bytes(dialect, journal.c.id)
    held = (
        sa.select(sa.func.count(journal.c.label), _total(sa.case((is_stone, 0), else_=one)), _total(sa.case((is_stone, stone))))
        .join(profiles, profiles.c.profile == journal.c.profile)
        .where(profiles.c.tenant == tenant)
    )
    marks = (
        sa.select(_total(_bytes(dialect, own_words.c.id, own_words.c.line, own_words.c.word)))
        .join(profiles, profiles.c.profile == own_words.c.profile)
        .where(profiles.c.tenant == tenant)
    )
    corrections, size, kept = connection.execute(held).one()
    size += connection.execute(marks).scalar_one()
    writers = connection.execute(_WRITERS, its).scalar_one()
    return {"writers": writers, "corrections": corrections, "bytes": int(size), "kept": int(kept)}


def _bytes(dialect: str, *columns: sa.Column[Any]) -> sa.ColumnElement[int]:
    """Bytes that a row counts, as the triggers count them."""
    total: sa.ColumnElement[int] = sa.literal_column(str(ROW), sa.Integer)
    for column in columns:
        if dialect == "postgresql":
            size = sa.func.octet_length(column)
        elif isinstance(column.type, sa.LargeBinary):
            size = sa.func.length(column)
        else:
            size = sa.func.length(sa.cast(column, sa.LargeBinary))
        total = total + sa.func.coalesce(size, 0)
    return total


def _total(size: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(size), 0)


def _key(row: Any) -> ApiKey:
    """A key; one of a release that knows no scopes may do all."""
    return ApiKey(row.id, row.tenant, row.name, row.created, row.scope or "administer", row.expires, row.old_expires)


def _key_row(stored: StoredKey) -> dict[str, Any]:
    return {**asdict(stored.key), "hash": stored.hash, "old_hash": stored.old_hash}
