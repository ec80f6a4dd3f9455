"""Profiles that last: one store for SQLite, one file on this machine, and for PostgreSQL, which many machines share."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from allograph.images import SIDE
from allograph.profiles.database import connect, scrub, storage_errors
from allograph.profiles.journal import (
    Correction,
    Entry,
    Key,
    Stored,
    StoredState,
    Tail,
    Tombstone,
    Version,
    later,
    spare,
    unknown_writer,
)
from allograph.profiles.migrate import upgrade
from allograph.profiles.store import ApiKey, Keys
from allograph.profiles.tables import CONTENT, api_keys, journal, profiles, states
from allograph.readings import Samples

_VERSION = (profiles.c.profile, profiles.c.edition, profiles.c.head)
_STANDS = journal.c.label.is_not(None)
_MINE = (profiles.c.tenant == sa.bindparam("tenant")) & (profiles.c.name == sa.bindparam("name"))
_ITS = journal.c.profile == sa.bindparam("profile")
_OF_MODEL = _ITS & (journal.c.model_hash == sa.bindparam("model_hash")) & _STANDS

_ALL = 2**31 - 1
"""A limit that bounds nothing."""

# Statements are made once: making one takes longer than running it.
_VERSIONS = sa.select(profiles.c.name, *_VERSION).where(
    profiles.c.tenant == sa.bindparam("tenant"), profiles.c.name.in_(sa.bindparam("names", expanding=True))
)
_PROFILE = sa.select(profiles).where(_MINE)
_HOLD = _PROFILE.with_for_update()
_ENTRIES = (
    sa.select(journal)
    .where(_OF_MODEL, journal.c.seq > sa.bindparam("after"))
    .order_by(journal.c.seq)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_UNDONE = sa.select(sa.func.min(journal.c.undoes)).where(
    _ITS, journal.c.seq > sa.bindparam("after"), journal.c.undoes.is_not(None)
)
_CORRECTIONS = (
    sa.select(journal.c.id, journal.c.label, journal.c.implicit, journal.c.time)
    .where(_OF_MODEL, journal.c.seq <= sa.bindparam("head"))
    .order_by(journal.c.seq)
)
_STATE = (
    sa.select(states, profiles.c.model_hash)
    .join(profiles, (profiles.c.profile == states.c.profile) & (profiles.c.edition == states.c.edition))
    .where(_MINE)
    .order_by(states.c.head.desc())
    .limit(1)
)
_LABELS = sa.select(journal.c.label).where(_OF_MODEL).distinct()
# Not sorted here: SQLite would walk the whole journal in that order.
_BY_ID = sa.select(journal).where(_ITS, _STANDS, journal.c.id.in_(sa.bindparam("ids", expanding=True)))
_APPEND = sa.insert(journal)
_ADVANCE = (
    sa.update(profiles)
    .where(profiles.c.profile == sa.bindparam("its"))
    .values({name: sa.bindparam(name) for name in ("edition", "head", "time", "model_hash")})
)
_VALID = api_keys.c.hash != ""  # the row of a revoked key stays, blanked, as the mark that there was one
_KEY = sa.select(api_keys).where(api_keys.c.id == sa.bindparam("id"), _VALID)
_HAD_KEYS = sa.select(api_keys.c.id).limit(1)


class SqlStore:
    """A store in a database. What a call wrote is on disk when it returns."""

    def __init__(self, url: str, page_limit: int | None = None) -> None:
        self._engine = connect(url, page_limit)
        self._writer = self._engine.execution_options(writes=True)
        postgres = self._engine.dialect.name == "postgresql"
        self._at_once = self._engine.execution_options(isolation_level="REPEATABLE READ") if postgres else self._engine
        with self._errors():
            upgrade(self._writer)

    @property
    def keys(self) -> Keys:
        """The API keys."""
        return Keys(self)

    def versions(self, keys: Sequence[Key]) -> list[Version | None]:
        """How far each profile goes."""
        found: dict[Key, Version] = {}
        if keys:
            with self._reading() as connection:
                for tenant in {key.tenant for key in keys}:
                    names = {key.name for key in keys if key.tenant == tenant}
                    for name, *version in connection.execute(_VERSIONS, {"tenant": tenant, "names": list(names)}):
                        found[Key(tenant, name)] = Version(*version)
        return [found.get(key) for key in keys]

    def tail(self, key: Key, after: int = 0, limit: int | None = None) -> Tail | None:
        """A profile's entries after a place."""
        with self._errors(), self._at_once.begin() as connection:
            profile = connection.execute(_PROFILE, key._asdict()).one_or_none()
            if profile is None:
                return None
            its = {"profile": profile.profile, "model_hash": profile.model_hash, "after": after}
            rows = connection.execute(_ENTRIES, {**its, "limit": _ALL if limit is None else limit})
            entries = [_entry(row) for row in rows]
            undone = connection.execute(_UNDONE, {"profile": profile.profile, "after": after}).scalar_one()
        return Tail(Version(profile.profile, profile.edition, profile.head), profile.model_hash, entries, undone)

    @contextmanager
    def change(self, key: Key, model_hash: str | None) -> Iterator[SqlChange]:
        """Change a profile, alone."""
        with self._errors(), self._writer.begin() as connection:
            change = SqlChange(connection, key, model_hash)
            yield change
            change.finish()

    def state(self, key: Key) -> tuple[StoredState, tuple[Correction, ...]] | None:
        """The newest checkpoint."""
        with self._errors(), self._at_once.begin() as connection:
            found = connection.execute(_STATE, key._asdict()).one_or_none()
            if found is None:
                return None
            its = {"profile": found.profile, "model_hash": found.model_hash, "head": found.head}
            corrections = tuple(Correction(*row) for row in connection.execute(_CORRECTIONS, its))
        return StoredState(Version(found.profile, found.edition, found.head), found.fingerprint, found.state), corrections

    def keep(self, key: Key, state: StoredState) -> None:
        """Keep a checkpoint."""
        number, edition, head = state.version
        with self._errors(), self._writer.begin() as connection:
            held = connection.execute(_HOLD, key._asdict()).one_or_none()
            if held is None or (held.profile, held.edition) != (number, edition):
                return
            undone = connection.execute(_UNDONE, {"profile": number, "after": head}).scalar_one()
            if undone is not None and undone <= head:
                return
            known = sa.select(states.c.head).where(states.c.profile == number)
            gone = spare(connection.execute(known).scalars().all(), head)
            connection.execute(sa.delete(states).where(states.c.profile == number, states.c.head.in_(gone)))
            values = {"profile": number, "edition": edition, "head": head, "fingerprint": state.fingerprint, "state": state.blob}
            connection.execute(sa.insert(states), values)

    def labels(self, key: Key) -> set[str]:
        """The labels that were taught."""
        with self._reading() as connection:
            profile = connection.execute(_PROFILE, key._asdict()).one_or_none()
            if profile is None:
                return set()
            its = {"profile": profile.profile, "model_hash": profile.model_hash}
            return set(connection.execute(_LABELS, its).scalars())

    def profiles(self, tenant: str, after: str = "", limit: int | None = None) -> list[Stored]:
        """The tenant's profiles by name."""
        count = sa.select(sa.func.count()).where(journal.c.profile == profiles.c.profile, _STANDS).scalar_subquery()
        name = profiles.c.name
        chosen = sa.select(name, count).where(profiles.c.tenant == tenant, name > after).order_by(name).limit(limit)
        with self._reading() as connection:
            return [Stored(*row) for row in connection.execute(chosen)]

    def count(self, tenant: str) -> int:
        """How many profiles the tenant has."""
        with self._reading() as connection:
            return int(connection.execute(sa.select(sa.func.count()).where(profiles.c.tenant == tenant)).scalar_one())

    def erase(self, key: Key) -> bool:
        """Remove every row of a profile; from an SQLite file every byte."""
        with self._errors():
            with self._writer.begin() as connection:
                number = connection.execute(_HOLD, key._asdict()).scalar_one_or_none()
                if number is not None:
                    for table in (states, journal, profiles):
                        connection.execute(sa.delete(table).where(table.c.profile == number))
            scrub(self._engine)
        return number is not None

    def check(self) -> None:
        """Raise `StorageError` when the database does not answer."""
        with self._reading() as connection:
            connection.execute(sa.select(1))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def put_key(self, key: ApiKey, hashed: str) -> None:
        """Keep a key."""
        with self._errors(), self._writer.begin() as connection:
            connection.execute(sa.insert(api_keys), {**key._asdict(), "hash": hashed})

    def drop_key(self, id: str) -> bool:
        """Blank a key."""
        blanked = sa.update(api_keys).where(api_keys.c.id == id, _VALID).values(tenant="", name="", hash="")
        with self._errors(), self._writer.begin() as connection:
            return connection.execute(blanked).rowcount > 0

    def find_key(self, id: str) -> tuple[ApiKey, str] | None:
        """A key and the hash of its secret."""
        with self._reading() as connection:
            found = connection.execute(_KEY, {"id": id}).one_or_none()
        return found and (ApiKey(found.id, found.tenant, found.name, found.created), found.hash)

    def all_keys(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        with self._reading() as connection:
            rows = connection.execute(sa.select(api_keys).where(_VALID).order_by(api_keys.c.created, api_keys.c.id)).all()
        return [ApiKey(row.id, row.tenant, row.name, row.created) for row in rows]

    def had_keys(self) -> bool:
        """Whether there is a key, or was one."""
        with self._reading() as connection:
            return connection.execute(_HAD_KEYS).first() is not None

    def drop_marks(self) -> None:
        """Remove the rows of revoked keys."""
        with self._errors(), self._writer.begin() as connection:
            connection.execute(sa.delete(api_keys).where(~_VALID))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._errors(), self._engine.begin() as connection:
            yield connection

    def _errors(self) -> Any:
        return storage_errors(self._engine)


class SqlChange:
    """A change to one profile within one transaction, which holds the profile's row."""

    def __init__(self, connection: Connection, key: Key, model_hash: str | None) -> None:
        self._connection = connection
        found = connection.execute(_HOLD, key._asdict()).one_or_none()
        if found is None:
            if model_hash is None:
                raise unknown_writer(key)
            begun = {**key._asdict(), "model_hash": model_hash, "edition": 0, "head": 0, "time": 0.0}
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            connection.execute(insert(profiles).on_conflict_do_nothing(), begun)
            found = connection.execute(_HOLD, key._asdict()).one()
        self._profile, self.model_hash = found.profile, found.model_hash
        self._before = (found.edition, found.head, found.model_hash)
        self._edition, self._head, self._time = found.edition, found.head, found.time

    def find(self, ids: Iterable[str] | None = None, label: str | None = None, since: float | None = None) -> list[Entry]:
        """The entries that stand and fit."""
        if ids is not None and label is None and since is None:  # what every correction asks
            rows = self._connection.execute(_BY_ID, {"profile": self._profile, "ids": list(ids)})
            return sorted(map(_entry, rows), key=lambda entry: entry.seq)
        chosen = sa.select(journal).where(journal.c.profile == self._profile, _STANDS).order_by(journal.c.seq)
        if ids is not None:
            chosen = chosen.where(journal.c.id.in_(list(ids)))
        if label is not None:
            chosen = chosen.where(journal.c.label == label)
        if since is not None:
            chosen = chosen.where(journal.c.time >= since)
        return [_entry(row) for row in self._connection.execute(chosen)]

    def tombstones(self) -> list[Tombstone]:
        """What was taken back."""
        mine = (journal.c.profile == self._profile) & journal.c.undoes.is_not(None)
        return [
            Tombstone(*row)
            for row in self._connection.execute(sa.select(journal.c.id, journal.c.time).where(mine).order_by(journal.c.seq))
        ]

    def add(self, entries: Sequence[Entry]) -> list[Entry]:
        """Append."""
        added = [replace(entry, seq=self._next(), time=self._tick()) for entry in entries]
        self._insert([_row(self._profile, entry) for entry in added])
        return added

    def retract(self, entries: Sequence[Entry]) -> None:
        """Append tombstones, blank the rows, and drop the state that knew them."""
        rows = [entry.seq for entry in entries]
        blanked = sa.update(journal).where(journal.c.profile == self._profile, journal.c.seq == sa.bindparam("row"))
        self._connection.execute(blanked.values(dict.fromkeys(CONTENT)), [{"row": row} for row in rows])
        self._insert([self._tombstone(entry.id, self._tick(), entry.seq) for entry in entries])
        knew = sa.delete(states).where(states.c.profile == self._profile, states.c.head >= min(rows))
        self._connection.execute(knew)

    def rewrite(self, entries: Sequence[Entry], tombstones: Sequence[Tombstone], model_hash: str) -> None:
        """Exchange the whole journal."""
        for table in (journal, states):
            self._connection.execute(sa.delete(table).where(table.c.profile == self._profile))
        self._insert([_row(self._profile, replace(entry, seq=self._next())) for entry in entries])
        self._insert([self._tombstone(stone.id, stone.time, 0) for stone in tombstones])
        self._time = max([self._time, *(entry.time for entry in entries), *(stone.time for stone in tombstones)])
        self._edition += 1
        self.model_hash = model_hash

    def finish(self) -> None:
        """Write how far the journal goes now."""
        if (self._edition, self._head, self.model_hash) != self._before:
            now = {"edition": self._edition, "head": self._head, "time": self._time, "model_hash": self.model_hash}
            self._connection.execute(_ADVANCE, {"its": self._profile, **now})

    def _insert(self, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._connection.execute(_APPEND, rows)

    def _tombstone(self, id: str, time: float, undoes: int) -> dict[str, Any]:
        return {**_BLANK, "profile": self._profile, "seq": self._next(), "id": id, "time": time, "undoes": undoes}

    def _next(self) -> int:
        self._head += 1
        return int(self._head)

    def _tick(self) -> float:
        self._time = later(self._time, time.time())
        return self._time


_BLANK: dict[str, Any] = dict.fromkeys(column.name for column in journal.columns)


def _row(profile: int, entry: Entry) -> dict[str, Any]:
    features = entry.samples.features
    return {
        **_BLANK,
        "profile": profile,
        "seq": entry.seq,
        "id": entry.id,
        "time": entry.time,
        "batch": entry.batch,
        "label": entry.label,
        "implicit": entry.implicit,
        "base": entry.base,
        "answer": entry.answer,
        "alphabet": None if entry.alphabet is None else json.dumps(entry.alphabet, ensure_ascii=False),
        "model_hash": entry.model_hash,
        "embedding": _bytes(entry.samples.embeddings, "<f4"),
        "logits": _bytes(entry.samples.logits, "<f4"),
        "features": None if features is None else _bytes(features, "<f4"),
        "image": None if entry.image is None else _bytes(entry.image, "u1"),
    }


def _entry(row: Any) -> Entry:
    return Entry(
        row.id,
        row.label,
        row.implicit,
        row.time,
        row.base,
        row.answer,
        None if row.alphabet is None else tuple(json.loads(row.alphabet)),
        Samples(_floats(row.embedding), _floats(row.logits), None if row.features is None else _floats(row.features)),
        None if row.image is None else np.frombuffer(row.image, np.uint8).reshape(SIDE, SIDE),
        row.model_hash,
        row.batch,
        row.seq,
    )


def _bytes(array: NDArray[Any], kind: str) -> bytes:
    return np.ascontiguousarray(array, kind).tobytes()


def _floats(blob: bytes) -> NDArray[np.float32]:
    return np.frombuffer(blob, "<f4").reshape(1, -1)
