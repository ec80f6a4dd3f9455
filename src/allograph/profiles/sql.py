"""Profiles that last: one store for SQLite, one file on this machine, and for PostgreSQL, which many machines share."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from allograph.errors import StorageError
from allograph.profiles import sql_statements as statements
from allograph.profiles.audit import Event
from allograph.profiles.database import connect
from allograph.profiles.database_errors import FullError, storage_errors
from allograph.profiles.journal import (
    FARTHEST,
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
    check_page,
    surplus_checkpoints,
    unknown_writer,
)
from allograph.profiles.keys import Keys
from allograph.profiles.postgres import PATIENCE
from allograph.profiles.sql_access import SqlAuditLog, SqlKeys, SqlQuotas, add_event
from allograph.profiles.sql_change import SqlChange
from allograph.profiles.sql_rows import doubt_of, entry_of, listed_row, word_of
from allograph.profiles.tables import journal, own_words, profiles, states
from allograph.profiles.upgrade import upgrade
from allograph.profiles.words import count_lines

TIDY = 2.0
"""Seconds after which it is tried (again) to remove what was taken back from where it still stands."""
AT_LEAST = 20.0
"""And so many, where nobody here took anything back: another process may have."""
CLOSING = 5.0
"""Seconds for which that is tried when a store is closed."""
READY = 2.0
"""Seconds that a statement of `check` may take."""
ROOM = 2**15
"""Bytes for which there must be room again once there was none."""
NOBODY = Key("", "is there room?")
"""Whose row is written and taken back to see that: of no tenant, as a tenant's name is not empty."""


class SqlStore:
    """A store in a database. What a call wrote is on disk when it returns."""

    def __init__(self, url: str, page_limit: int | None = None, existing: bool = False) -> None:
        self.url: str | None = url
        self.most_writers: int | None = None
        self._database = connect(url, page_limit, existing)
        self._engine, self._at_once, self._writer = self._database.reading, self._database.snapshot, self._database.writing
        self._damage: StorageError | None = None
        self._full = False
        self._untidy, self._tidied = False, time.monotonic()
        self._timer: threading.Timer | None = None
        self._closed = False
        self._tidying = threading.Lock()
        try:
            with self._errors():
                upgrade(self._database, not existing)
                self._database.hold()
        except BaseException:
            self._database.close()
            raise

    @property
    def keys(self) -> Keys:
        """The API keys."""
        return Keys(SqlKeys(self._reading, self._writing))

    @property
    def quotas(self) -> SqlQuotas:
        """What tenants may have."""
        return SqlQuotas(self._reading, self._writing)

    @property
    def audit(self) -> SqlAuditLog:
        """Who did what."""
        return SqlAuditLog(self._reading, self._writing)

    def versions(self, keys: Sequence[Key]) -> list[Version | None]:
        """How far each profile goes."""
        found: dict[Key, Version] = {}
        if keys:
            with self._reading() as connection:
                for tenant in {key.tenant for key in keys}:
                    names = {key.name for key in keys if key.tenant == tenant}
                    for name, *version in connection.execute(statements.VERSIONS, {"tenant": tenant, "names": list(names)}):
                        found[Key(tenant, name)] = Version(*version)
        return [found.get(key) for key in keys]

    def tail(
        self, key: Key, after: int = 0, limit: int | None = None, images: bool = True, since: int | None = None
    ) -> Tail | None:
        """How far a profile goes, and what there is to learn after a place."""
        with self._seeing() as connection:
            profile = connection.execute(statements.PROFILE, key._asdict()).one_or_none()
            if profile is None:
                return None
            entries = [] if limit == 0 else _standing(connection, profile, True, after, limit, images, False)
            since = after if since is None else since
            undone = connection.execute(statements.UNDONE, {"profile": profile.profile, "after": since}).scalar_one()
        with self._errors():
            return Tail(_version(profile), profile.model_hash, list(map(entry_of, entries)), undone)

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
        with self._errors():
            return list(map(listed_row, self._found(key, False, after, limit, images, waiting, label, ids)))

    def entries(
        self, key: Key, after: int = 0, limit: int | None = None, images: bool = True, waiting: bool = False
    ) -> list[Entry]:
        """What stands, to be learned."""
        with self._errors():
            return list(map(entry_of, self._found(key, True, after, limit, images, waiting)))

    def taken_back(self, key: Key) -> int:
        """How many corrections were taken back."""
        stones = sa.select(sa.func.count()).where(
            journal.c.profile == profiles.c.profile, journal.c.undoes.is_not(None), statements.MINE
        )
        with self._reading() as connection:
            return int(connection.execute(stones, key._asdict()).scalar_one())

    def contents(self, key: Key) -> Contents:
        """The whole journal."""
        with self._seeing() as connection:
            profile = connection.execute(statements.PROFILE, key._asdict()).one_or_none()
            if profile is None:
                raise unknown_writer(key)
            entries = list(map(entry_of, _standing(connection, profile, True, 0, None, True, True)))
            its = {"profile": profile.profile}
            stones = [Tombstone(*row) for row in connection.execute(statements.TOMBSTONES, its)]
            kept = list(map(word_of, connection.execute(statements.WORDS, its)))
        return Contents(entries, stones, profile.model_hash, kept)

    @contextmanager
    def change(self, key: Key, model_hash: str | None, incarnation: str | None = None) -> Iterator[SqlChange]:
        """Change a profile, alone."""
        with self._writing(key) as connection:
            change = SqlChange(connection, key, model_hash, incarnation, self.most_writers)
            yield change
            change.finish()
        if change.took_back:
            self._tidy_soon()

    def state(self, key: Key) -> tuple[StoredState, tuple[Correction, ...], int] | None:
        """The newest checkpoint."""
        with self._seeing() as connection:
            found = connection.execute(statements.STATE, key._asdict()).one_or_none()
            if found is None:
                return None
            its = {"profile": found.profile, "model_hash": found.model_hash, "head": found.head}
            rows = connection.execute(statements.CORRECTIONS, its)
            corrections = tuple(Correction(*row, doubt=doubt_of(doubt)) for *row, doubt in rows)
        version = Version(found.profile, found.edition, found.head)
        return StoredState(version, found.fingerprint, found.state), corrections, found.seen

    def keep(self, key: Key, state: StoredState, seen: int | None = None) -> None:
        """Keep a checkpoint."""
        number, edition, head = state.version
        with self._writing(key) as connection:
            held = connection.execute(statements.HOLD, key._asdict()).one_or_none()
            if held is None or (held.profile, held.edition) != (number, edition):
                return
            undone = connection.execute(
                statements.UNDONE, {"profile": number, "after": head if seen is None else seen}
            ).scalar_one()
            if undone is not None and undone <= head:
                return
            known = sa.select(states.c.head).where(states.c.profile == number)
            gone = surplus_checkpoints(connection.execute(known).scalars().all(), head)
            connection.execute(sa.delete(states).where(states.c.profile == number, states.c.head.in_(gone)))
            values = {"profile": number, "edition": edition, "head": head, "fingerprint": state.fingerprint, "state": state.blob}
            connection.execute(sa.insert(states), values)

    def labels(self, key: Key) -> set[str]:
        """The labels that were taught."""
        with self._reading() as connection:
            profile = connection.execute(statements.PROFILE, key._asdict()).one_or_none()
            if profile is None:
                return set()
            its = {"profile": profile.profile, "model_hash": profile.model_hash}
            return set(connection.execute(statements.LABELS, its).scalars())

    def words(self, key: Key) -> dict[str, int]:
        """The writer's own words."""
        with self._reading() as connection:
            return count_lines(map(word_of, connection.execute(statements.KEPT_WORDS, key._asdict())))

    def profiles(self, tenant: str, after: str = "", limit: int | None = None) -> list[ProfileSummary]:
        """The tenant's profiles by name."""
        after = check_after(after)
        count = sa.select(sa.func.count()).where(journal.c.profile == profiles.c.profile, statements.STANDS).scalar_subquery()
        name = profiles.c.name
        chosen = sa.select(name, count).where(profiles.c.tenant == tenant, name > after).order_by(name).limit(limit)
        with self._reading() as connection:
            return [ProfileSummary(*row) for row in connection.execute(chosen)]

    def every_key(
        self, tenant: str | None = None, after: Key | None = None, limit: int | None = None, not_of: str | None = None
    ) -> list[Key]:
        """The profiles of one tenant or of all."""
        owner, name = profiles.c.tenant, profiles.c.name
        chosen = sa.select(owner, name).order_by(owner, name).limit(limit)
        if tenant is not None:
            chosen = chosen.where(owner == tenant)
        if after is not None:
            chosen = chosen.where((owner > after.tenant) | ((owner == after.tenant) & (name > after.name)))
        if not_of is not None:
            chosen = chosen.where(profiles.c.model_hash != not_of)
        with self._reading() as connection:
            return [Key(*row) for row in connection.execute(chosen)]

    def count(self, tenant: str) -> int:
        """How many profiles the tenant has."""
        with self._reading() as connection:
            return int(connection.execute(statements.COUNT, {"tenant": tenant}).scalar_one())

    def erase(self, key: Key, actor: str | None = None) -> bool:
        """Remove every row of a profile; from an SQLite file every byte, as soon as nobody reads them any more."""
        with self._writing(key) as connection:
            number = connection.execute(statements.HOLD, key._asdict()).scalar_one_or_none()
            if number is not None:
                for table in (states, journal, own_words, profiles):
                    connection.execute(sa.delete(table).where(table.c.profile == number))
                if actor is not None:
                    add_event(connection, Event(actor, key.tenant, "erase", key.name))
        if number is not None:
            self._tidy_soon()
            self.tidy()
        return number is not None

    def tidy(self) -> None:
        """Empty SQLite's log, where deleted bytes still stand, unless that means to wait."""
        with self._tidying:
            if not self._untidy and time.monotonic() - self._tidied < AT_LEAST:
                return
            self._untidy, self._tidied = False, time.monotonic()
            with self._errors():
                done = self._database.tidy()
            if not done:
                self._tidy_soon()

    def _tidy_soon(self) -> None:
        """Have it done even if nobody calls."""
        self._untidy = True
        if self._timer is None and not self._closed:
            self._timer = threading.Timer(TIDY, self._tidy_alone)
            self._timer.daemon = True
            self._timer.start()

    def _tidy_alone(self) -> None:
        self._timer = None
        try:
            self.tidy()
        except StorageError:
            self._tidy_soon()

    def check(self) -> None:
        """Look up what a reading would; where a change found no room, see whether there is some again."""
        if self._damage is not None:
            raise self._damage
        with self._errors(), self._engine.connect() as connection:
            patient = connection.execution_options(**{PATIENCE: READY})
            newest = patient.execute(statements.NEWEST).one_or_none()
            if newest is not None:
                for row in patient.execute(statements.LAST, {"profile": newest.profile}):
                    _ = row if row.label is None else entry_of(row)
        if self._full:
            self._try_room()

    def _try_room(self) -> None:
        """Write what is larger than a correction and take it back, in one transaction that is committed: so it needs the room."""
        with self._writing("room") as connection:
            patient = connection.execution_options(**{PATIENCE: READY})
            begun = {**NOBODY._asdict(), "model_hash": "", "edition": 0, "head": 0, "time": 0.0}
            number = patient.execute(sa.insert(profiles).values(begun).returning(profiles.c.profile)).scalar_one()
            row = {"profile": number, "seq": 1, "id": NOBODY.name, "time": 0.0, "image": secrets.token_bytes(ROOM)}
            patient.execute(sa.insert(journal), row)
            for table in (journal, profiles):
                patient.execute(sa.delete(table).where(table.c.profile == number))
        self._full = False

    def close(self) -> None:
        """Close all connections."""
        self._closed = True
        timer = self._timer
        if timer is not None:
            timer.cancel()
        until = time.monotonic() + CLOSING
        with suppress(StorageError):  # what cannot be removed now, the next who opens the store will
            while self._untidy and time.monotonic() < until:
                self.tidy()
                if self._untidy:
                    time.sleep(0.05)
        self._database.close()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _seeing(self) -> Iterator[Connection]:
        """A transaction in which all looks see the same moment."""
        with self._errors(), self._at_once.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self, what: Hashable) -> Iterator[Connection]:
        """A transaction that changes something, after all others that change the same."""
        try:
            with self._database.turn(what), self._errors(), self._writer.begin() as connection:
                yield connection
        except FullError:
            self._full = True
            raise

    def _found(
        self,
        key: Key,
        learned: bool,
        after: int,
        limit: int | None,
        images: bool,
        waiting: bool,
        label: str | None = None,
        ids: Collection[str] | None = None,
    ) -> list[Any]:
        """What stands of a profile, as rows of the table."""
        check_page(after, limit)
        with self._seeing() as connection:
            profile = connection.execute(statements.PROFILE, key._asdict()).one_or_none()
            if profile is None:
                return []
            return _standing(connection, profile, learned, after, limit, images, waiting, label, ids)

    def _errors(self) -> Any:
        return storage_errors(self._engine, self._note_damage)

    def _note_damage(self, error: StorageError) -> None:
        """Remember damage: it does not go away, and whoever asks whether all is well is to hear of it."""
        self._damage = error


def _version(profile: Any) -> Version:
    return Version(profile.profile, profile.edition, profile.head)


def _standing(
    connection: Connection,
    profile: Any,
    learned: bool,
    after: int,
    limit: int | None,
    images: bool,
    waiting: bool,
    label: str | None = None,
    ids: Collection[str] | None = None,
) -> list[Any]:
    its = {"profile": profile.profile, "after": after, "limit": FARTHEST if limit is None else limit}
    if not waiting:
        its["model_hash"] = profile.model_hash
    chosen = statements.STANDING[learned, images, waiting]
    if label is not None:
        chosen = chosen.where(journal.c.label == label)
    if ids is None:
        return list(connection.execute(chosen, its))
    few = chosen.where(journal.c.id.in_(list(ids))).order_by(None).limit(None)  # sorted, SQLite would walk the journal
    return sorted(connection.execute(few, its), key=lambda row: int(row.seq))[:limit]
