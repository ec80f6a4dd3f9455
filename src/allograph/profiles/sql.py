"""Profiles that last: one store for SQLite, one file on this machine, and for PostgreSQL, which many machines share."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from allograph.errors import InputError, StorageError
from allograph.images.frames import SIDE
from allograph.profiles.audit import Event
from allograph.profiles.database import connect
from allograph.profiles.database_errors import Damage, storage_errors
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
    check_doubt,
    check_incarnation,
    check_page,
    is_due,
    later,
    surplus_checkpoints,
    unknown_writer,
)
from allograph.profiles.keys import Keys
from allograph.profiles.postgres import PATIENCE
from allograph.profiles.sql_access import SqlAuditLog, SqlKeys, SqlQuotas, add_event
from allograph.profiles.store import check_room
from allograph.profiles.tables import CONTENT, OF_LINE, journal, own_words, profiles, states
from allograph.profiles.upgrade import upgrade
from allograph.profiles.words import Word, count_lines
from allograph.readings import Samples
from allograph.samples.box import Box

_VERSION = (profiles.c.profile, profiles.c.edition, profiles.c.head)
_STANDS = journal.c.label.is_not(None)
_MINE = (profiles.c.tenant == sa.bindparam("tenant")) & (profiles.c.name == sa.bindparam("name"))
_ITS = journal.c.profile == sa.bindparam("profile")
_AFTER = journal.c.seq > sa.bindparam("after")
_OF_MODEL = _ITS & (journal.c.model_hash == sa.bindparam("model_hash")) & _STANDS

# Statements are made once: making one takes longer than running it.
_VERSIONS = sa.select(profiles.c.name, *_VERSION).where(
    profiles.c.tenant == sa.bindparam("tenant"), profiles.c.name.in_(sa.bindparam("names", expanding=True))
)
_PROFILE = sa.select(profiles).where(_MINE)
_HOLD = _PROFILE.with_for_update()
_NO_IMAGE = tuple(column for column in journal.c if column.name != "image")
_LISTED = (
    *(journal.c[name] for name in ("id", "label", "implicit", "time", "base", "answer", "model_hash")),
    journal.c.image.is_not(None),
    *(journal.c[name] for name in ("seq", "box", "doubt")),
)
_STANDING = {
    (learned, images, waiting): sa.select(
        *((journal.c if images else _NO_IMAGE) if learned else (*_LISTED, journal.c.image) if images else _LISTED)
    )
    .where(_ITS & _STANDS if waiting else _OF_MODEL, _AFTER)
    .order_by(journal.c.seq)
    .limit(sa.bindparam("limit"))
    for learned in (False, True)
    for images in (False, True)
    for waiting in (False, True)
}
"""What stands after a place: to be listed or to be learned, with images or without, with what waits or without."""
_TOMBSTONES = sa.select(journal.c.id, journal.c.time).where(_ITS, journal.c.undoes.is_not(None)).order_by(journal.c.seq)
_UNDONE = sa.select(sa.func.min(journal.c.undoes)).where(_ITS, _AFTER, journal.c.undoes.is_not(None))
_CORRECTIONS = (
    sa.select(*(journal.c[name] for name in ("id", "label", "implicit", "time", "doubt")))
    .where(_OF_MODEL, journal.c.seq <= sa.bindparam("head"))
    .order_by(journal.c.seq)
)
_STATE = (
    sa.select(states, profiles.c.model_hash, profiles.c.head.label("seen"))
    .join(profiles, (profiles.c.profile == states.c.profile) & (profiles.c.edition == states.c.edition))
    .where(_MINE)
    .order_by(states.c.head.desc())
    .limit(1)
)
_LABELS = sa.select(journal.c.label).where(_OF_MODEL).distinct()
# Not sorted here: SQLite would walk the whole journal in that order.
_BY_ID = sa.select(journal).where(_ITS, _STANDS, journal.c.id.in_(sa.bindparam("ids", expanding=True)))
_BY_LINE = sa.select(journal).where(_ITS, _STANDS, OF_LINE, journal.c.batch == sa.bindparam("line"))
_APPEND = sa.insert(journal)
_BLANKED = (
    sa.update(journal)
    .where(journal.c.profile == sa.bindparam("its"), journal.c.seq.in_(sa.bindparam("rows", expanding=True)))
    .values(dict.fromkeys(CONTENT))
)
_ADVANCE = (
    sa.update(profiles)
    .where(profiles.c.profile == sa.bindparam("its"))
    .values({name: sa.bindparam(name) for name in ("edition", "head", "time", "model_hash")})
)
_TAKEN_BACK = sa.select(journal.c.seq).where(_ITS, journal.c.undoes.is_not(None)).limit(1)
_stone = journal.alias("stone")
_NO_LONGER = sa.delete(journal).where(
    _ITS,
    ~_STANDS,
    journal.c.undoes.is_(None),
    journal.c.seq.in_(
        sa.select(_stone.c.undoes).where(_stone.c.profile == sa.bindparam("profile"), _stone.c.undoes.is_not(None))
    ),
)
"""Blanked rows, found by their tombstones and not by a walk through the journal."""
_after_it = journal.alias("after_it")
_OVERTAKEN = sa.delete(journal).where(
    _ITS,
    journal.c.undoes.is_not(None),
    sa.exists().where(
        _after_it.c.profile == journal.c.profile,
        _after_it.c.id == journal.c.id,
        _after_it.c.seq > journal.c.seq,
    ),
)
"""Tombstones after which the same correction was given anew, or taken back again: places of an id rise with its times."""
_STATES_GO_ON = sa.update(states).where(states.c.profile == sa.bindparam("its")).values(edition=sa.bindparam("to"))
_ITS_WORDS = own_words.c.profile == sa.bindparam("profile")
_WORDS = sa.select(own_words.c.id, own_words.c.line, own_words.c.word).where(_ITS_WORDS).order_by(own_words.c.id)
_LINE_WORDS = _WORDS.where(own_words.c.line == sa.bindparam("line"))
_KEPT_WORDS = (
    sa.select(own_words.c.id, own_words.c.line, own_words.c.word)
    .join(profiles, profiles.c.profile == own_words.c.profile)
    .where(_MINE, own_words.c.word.is_not(None))
)
_COUNT = sa.select(sa.func.count()).where(profiles.c.tenant == sa.bindparam("tenant"))
_ROOM = sa.select(sa.func.pg_advisory_xact_lock(0x616C6C6F, sa.func.hashtext(sa.bindparam("tenant"))))
_NEWEST = sa.select(profiles).order_by(profiles.c.profile.desc()).limit(1)
_LAST = sa.select(journal).where(_ITS).order_by(journal.c.seq.desc()).limit(1)


TIDY = 2.0
"""Seconds after which it is tried (again) to remove what was taken back from where it still stands."""
AT_LEAST = 20.0
"""And so many, where nobody here took anything back: another process may have."""
CLOSING = 5.0
"""Seconds for which that is tried when a store is closed."""
READY = 2.0
"""Seconds that a statement of `check` may take."""
ROWS = 500
"""Rows that are written by one statement."""


class SqlStore:
    """A store in a database. What a call wrote is on disk when it returns."""

    def __init__(self, url: str, page_limit: int | None = None, existing: bool = False) -> None:
        self.url: str | None = url
        self.most_writers: int | None = None
        self._database = connect(url, page_limit, existing)
        self._engine, self._at_once, self._writer = self._database.reading, self._database.snapshot, self._database.writing
        self._damage: StorageError | None = None
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
                    for name, *version in connection.execute(_VERSIONS, {"tenant": tenant, "names": list(names)}):
                        found[Key(tenant, name)] = Version(*version)
        return [found.get(key) for key in keys]

    def tail(
        self, key: Key, after: int = 0, limit: int | None = None, images: bool = True, since: int | None = None
    ) -> Tail | None:
        """How far a profile goes, and what there is to learn after a place."""
        with self._seeing() as connection:
            profile = connection.execute(_PROFILE, key._asdict()).one_or_none()
            if profile is None:
                return None
            entries = [] if limit == 0 else _standing(connection, profile, True, after, limit, images, False)
            since = after if since is None else since
            undone = connection.execute(_UNDONE, {"profile": profile.profile, "after": since}).scalar_one()
        with self._errors():
            return Tail(_version(profile), profile.model_hash, list(map(_entry, entries)), undone)

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
            return list(map(_as_row, self._found(key, False, after, limit, images, waiting, label, ids)))

    def entries(
        self, key: Key, after: int = 0, limit: int | None = None, images: bool = True, waiting: bool = False
    ) -> list[Entry]:
        """What stands, to be learned."""
        with self._errors():
            return list(map(_entry, self._found(key, True, after, limit, images, waiting)))

    def taken_back(self, key: Key) -> int:
        """How many corrections were taken back."""
        stones = sa.select(sa.func.count()).where(journal.c.profile == profiles.c.profile, journal.c.undoes.is_not(None), _MINE)
        with self._reading() as connection:
            return int(connection.execute(stones, key._asdict()).scalar_one())

    def contents(self, key: Key) -> Contents:
        """The whole journal."""
        with self._seeing() as connection:
            profile = connection.execute(_PROFILE, key._asdict()).one_or_none()
            if profile is None:
                raise unknown_writer(key)
            entries = list(map(_entry, _standing(connection, profile, True, 0, None, True, True)))
            its = {"profile": profile.profile}
            stones = [Tombstone(*row) for row in connection.execute(_TOMBSTONES, its)]
            kept = list(map(_word, connection.execute(_WORDS, its)))
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
            found = connection.execute(_STATE, key._asdict()).one_or_none()
            if found is None:
                return None
            its = {"profile": found.profile, "model_hash": found.model_hash, "head": found.head}
            rows = connection.execute(_CORRECTIONS, its)
            corrections = tuple(Correction(*row, doubt=_doubt(doubt)) for *row, doubt in rows)
        version = Version(found.profile, found.edition, found.head)
        return StoredState(version, found.fingerprint, found.state), corrections, found.seen

    def keep(self, key: Key, state: StoredState, seen: int | None = None) -> None:
        """Keep a checkpoint."""
        number, edition, head = state.version
        with self._writing(key) as connection:
            held = connection.execute(_HOLD, key._asdict()).one_or_none()
            if held is None or (held.profile, held.edition) != (number, edition):
                return
            undone = connection.execute(_UNDONE, {"profile": number, "after": head if seen is None else seen}).scalar_one()
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
            profile = connection.execute(_PROFILE, key._asdict()).one_or_none()
            if profile is None:
                return set()
            its = {"profile": profile.profile, "model_hash": profile.model_hash}
            return set(connection.execute(_LABELS, its).scalars())

    def words(self, key: Key) -> dict[str, int]:
        """The writer's own words."""
        with self._reading() as connection:
            return count_lines(map(_word, connection.execute(_KEPT_WORDS, key._asdict())))

    def profiles(self, tenant: str, after: str = "", limit: int | None = None) -> list[ProfileSummary]:
        """The tenant's profiles by name."""
        after = check_after(after)
        count = sa.select(sa.func.count()).where(journal.c.profile == profiles.c.profile, _STANDS).scalar_subquery()
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
            return int(connection.execute(_COUNT, {"tenant": tenant}).scalar_one())

    def erase(self, key: Key, actor: str | None = None) -> bool:
        """Remove every row of a profile; from an SQLite file every byte, as soon as nobody reads them any more."""
        with self._writing(key) as connection:
            number = connection.execute(_HOLD, key._asdict()).scalar_one_or_none()
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
        """Look up what a reading would."""
        if self._damage is not None:
            raise self._damage
        with self._errors(), self._engine.connect() as connection:
            patient = connection.execution_options(**{PATIENCE: READY})
            newest = patient.execute(_NEWEST).one_or_none()
            if newest is not None:
                for row in patient.execute(_LAST, {"profile": newest.profile}):
                    _ = row if row.label is None else _entry(row)

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
        with self._database.turn(what), self._errors(), self._writer.begin() as connection:
            yield connection

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
            profile = connection.execute(_PROFILE, key._asdict()).one_or_none()
            if profile is None:
                return []
            return _standing(connection, profile, learned, after, limit, images, waiting, label, ids)

    def _errors(self) -> Any:
        return storage_errors(self._engine, self._note_damage)

    def _note_damage(self, error: StorageError) -> None:
        """Remember damage: it does not go away, and whoever asks whether all is well is to hear of it."""
        self._damage = error


class SqlChange:
    """A change to one profile within one transaction, which holds the profile's row."""

    def __init__(
        self, connection: Connection, key: Key, model_hash: str | None, incarnation: str | None, most_writers: int | None
    ) -> None:
        self._connection = connection
        self.took_back = False
        """Whether content was removed."""
        found = connection.execute(_HOLD, key._asdict()).one_or_none()
        check_incarnation(key, None if found is None else found.profile, incarnation)
        if found is None:
            if model_hash is None:
                raise unknown_writer(key)
            if most_writers is not None:
                if connection.dialect.name == "postgresql":  # as whoever writes an SQLite file is alone anyway
                    connection.execute(_ROOM, {"tenant": key.tenant})
                check_room(connection.execute(_COUNT, {"tenant": key.tenant}).scalar_one(), most_writers)
            begun = {**key._asdict(), "model_hash": model_hash, "edition": 0, "head": 0, "time": 0.0}
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            connection.execute(insert(profiles).on_conflict_do_nothing(), begun)
            found = connection.execute(_HOLD, key._asdict()).one()
        self._profile, self.model_hash = found.profile, found.model_hash
        self._before = (found.edition, found.head, found.model_hash)
        self._edition, self._head, self._time = found.edition, found.head, found.time

    @property
    def version(self) -> Version:
        """How far the journal goes."""
        return Version(self._profile, self._edition, self._head)

    def find(
        self,
        ids: Iterable[str] | None = None,
        label: str | None = None,
        since: float | None = None,
        line: str | None = None,
    ) -> list[Entry]:
        """The entries that stand and fit."""
        if label is None and since is None and (ids is None) is not (line is None):  # what every correction asks
            chosen, its = (_BY_LINE, {"line": line}) if ids is None else (_BY_ID, {"ids": list(ids)})
            rows = self._connection.execute(chosen, {"profile": self._profile, **its})
            return sorted(map(_entry, rows), key=lambda entry: entry.seq)
        chosen = sa.select(journal).where(journal.c.profile == self._profile, _STANDS).order_by(journal.c.seq)
        if ids is not None:
            chosen = chosen.where(journal.c.id.in_(list(ids)))
        if label is not None:
            chosen = chosen.where(journal.c.label == label)
        if since is not None:
            chosen = chosen.where(journal.c.time >= since)
        if line is not None:
            chosen = chosen.where(journal.c.batch == line)
        return [_entry(row) for row in self._connection.execute(chosen)]

    def rows(self, label: str | None = None, since: float | None = None) -> list[Row]:
        """The same, to be listed."""
        chosen = sa.select(*_LISTED).where(journal.c.profile == self._profile, _STANDS).order_by(journal.c.seq)
        if label is not None:
            chosen = chosen.where(journal.c.label == label)
        if since is not None:
            chosen = chosen.where(journal.c.time >= since)
        return [_as_row(row) for row in self._connection.execute(chosen)]

    def tombstones(self) -> list[Tombstone]:
        """What was taken back."""
        return [Tombstone(*row) for row in self._connection.execute(_TOMBSTONES, {"profile": self._profile})]

    def add(self, entries: Sequence[Entry]) -> list[Entry]:
        """Append."""
        added = [replace(entry, seq=self._next(), time=self._tick()) for entry in entries]
        self._insert([_row(self._profile, entry) for entry in added])
        return added

    def retract(self, entries: Sequence[Entry | Row]) -> None:
        """Append tombstones, blank the rows, and drop the state that knew them."""
        self.took_back = True
        rows = [entry.seq for entry in entries]
        for start in range(0, len(rows), ROWS):
            self._connection.execute(_BLANKED, {"its": self._profile, "rows": rows[start : start + ROWS]})
        self._insert([self._tombstone(entry.id, self._tick(), entry.seq) for entry in entries])
        knew = sa.delete(states).where(states.c.profile == self._profile, states.c.head >= min(rows))
        self._connection.execute(knew)

    def words(self, line: str | None = None) -> list[Word]:
        """The words."""
        chosen, its = (_WORDS, {}) if line is None else (_LINE_WORDS, {"line": line})
        return [_word(row) for row in self._connection.execute(chosen, {"profile": self._profile, **its})]

    def add_words(self, words: Sequence[Word]) -> None:
        """Keep words."""
        self._next()
        self._insert_words(words)

    def drop_words(self, ids: Sequence[str]) -> None:
        """Forget words."""
        self.took_back = True
        self._next()
        mine = own_words.c.profile == self._profile
        for start in range(0, len(ids), ROWS):
            some = own_words.c.id.in_(ids[start : start + ROWS])
            self._connection.execute(sa.update(own_words).where(mine, some).values(line=None, word=None))

    def rewrite(
        self, entries: Sequence[Entry], tombstones: Sequence[Tombstone], model_hash: str, words: Sequence[Word] = ()
    ) -> None:
        """Exchange the whole journal."""
        self.took_back = True
        for table in (journal, states, own_words):
            self._connection.execute(sa.delete(table).where(table.c.profile == self._profile))
        self._insert([_row(self._profile, replace(entry, seq=self._next())) for entry in entries])
        self._insert([self._tombstone(stone.id, stone.time, 0) for stone in tombstones])
        self._insert_words(words)
        self._time = max([self._time, *(entry.time for entry in entries), *(stone.time for stone in tombstones)])
        self._edition += 1
        self.model_hash = model_hash

    def compact(self) -> int:
        """Delete blanked rows, and the tombstones that later rows have overtaken."""
        its = {"profile": self._profile}
        if self._connection.execute(_TAKEN_BACK, its).first() is None:
            return 0
        blanked = self._connection.execute(_NO_LONGER, its).rowcount
        overtaken = self._connection.execute(_OVERTAKEN, its).rowcount
        if overtaken:  # whoever knows an earlier place of this edition could miss what was taken back
            self._edition += 1
            self._connection.execute(_STATES_GO_ON, {"its": self._profile, "to": self._edition})
        return blanked + overtaken

    def bring_over(self, read: Mapping[int, tuple[Samples, str]], model_hash: str) -> int:
        """Make it a profile for another model."""
        self.took_back = True
        self._connection.execute(sa.delete(states).where(states.c.profile == self._profile))
        mine = (journal.c.profile == self._profile) & (journal.c.seq == sa.bindparam("row")) & _STANDS
        names = ("embedding", "logits", "features", "base", "model_hash")
        exchanged = sa.update(journal).where(mine).values({name: sa.bindparam(f"new_{name}") for name in names})
        rows = [
            {"row": seq, **{f"new_{name}": value for name, value in {**_arrays(samples), **said}.items()}}
            for seq, (samples, base) in read.items()
            for said in [{"base": base, "model_hash": model_hash}]
        ]
        moved = sum(self._connection.execute(exchanged, rows[i : i + ROWS]).rowcount for i in range(0, len(rows), ROWS))
        self._edition += 1
        self.model_hash = model_hash
        return moved

    def finish(self) -> None:
        """Write how far the journal goes now, and compact it if that is due."""
        if is_due(self._before[1], self._head):
            self.compact()
        if (self._edition, self._head, self.model_hash) != self._before:
            now = {"edition": self._edition, "head": self._head, "time": self._time, "model_hash": self.model_hash}
            self._connection.execute(_ADVANCE, {"its": self._profile, **now})

    def _insert(self, rows: list[dict[str, Any]]) -> None:
        for start in range(0, len(rows), ROWS):
            self._connection.execute(_APPEND, rows[start : start + ROWS])

    def _insert_words(self, words: Sequence[Word]) -> None:
        rows = [{"profile": self._profile, "id": word.id, "line": word.line, "word": word.text} for word in words]
        for start in range(0, len(rows), ROWS):
            self._connection.execute(sa.insert(own_words), rows[start : start + ROWS])

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
    return {
        **_BLANK,
        **_arrays(entry.outputs),
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
        "image": None if entry.image is None else _bytes(entry.image, "u1"),
        "box": None if entry.box is None else json.dumps(asdict(entry.box), ensure_ascii=False),
        "doubt": entry.doubt,
    }


def _arrays(samples: Samples) -> dict[str, Any]:
    features = samples.features
    return {
        "embedding": _bytes(samples.embeddings, "<f4"),
        "logits": _bytes(samples.logits, "<f4"),
        "features": None if features is None else _bytes(features, "<f4"),
    }


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
    chosen = _STANDING[learned, images, waiting]
    if label is not None:
        chosen = chosen.where(journal.c.label == label)
    if ids is None:
        return list(connection.execute(chosen, its))
    few = chosen.where(journal.c.id.in_(list(ids))).order_by(None).limit(None)  # as `_BY_ID`: SQLite would walk the journal
    return sorted(connection.execute(few, its), key=lambda row: int(row.seq))[:limit]


def _as_row(row: Any) -> Row:
    """A row that is only shown: its columns, in their order, the image last where it was asked for."""
    id, label, implicit, time, base, answer, model_hash, has_image, seq, box, doubt, *images = row
    image = _image(images[0]) if images else None
    plain = (id, label, implicit, time, base, answer, model_hash, bool(has_image), seq)
    return Row(*plain, image, box=_box(box), doubt=_doubt(doubt))


def _entry(row: Any) -> Entry:
    """A row with all that is learned from it; raises `Damage` where it cannot be what was stored."""
    try:
        embeddings, logits = _floats(row.embedding), _floats(row.logits)
        if not np.isfinite(embeddings).all():
            raise ValueError("an embedding is not finite")
        return Entry(
            row.id,
            row.label,
            row.implicit,
            row.time,
            row.base,
            row.answer,
            None if row.alphabet is None else tuple(json.loads(row.alphabet)),
            Samples(embeddings, logits, None if row.features is None else _floats(row.features)),
            _image(getattr(row, "image", None)),
            row.model_hash,
            row.batch,
            row.seq,
            _box(row.box),
            doubt=_doubt(row.doubt),
        )
    except (ValueError, TypeError) as error:
        raise Damage(f"a row of the journal is not what was stored: {type(error).__name__}") from error


def _word(row: Any) -> Word:
    """A word as it was stored, or the mark that is left of it."""
    word = Word(*row)
    if {type(word.line), type(word.text)} not in ({str}, {type(None)}):
        raise Damage("a word is not what was stored")
    return word


def _image(blob: bytes | None) -> NDArray[np.uint8] | None:
    try:
        return None if blob is None else np.frombuffer(blob, np.uint8).reshape(SIDE, SIDE)
    except (ValueError, TypeError) as error:
        raise Damage("an image of the journal is not what was stored") from error


def _box(text: str | None) -> Box | None:
    try:
        return None if text is None else Box(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise Damage("a box of the journal is not what was stored") from error


def _doubt(number: float | None) -> float:
    """What is stored, or 0: releases that know no doubt store none."""
    try:
        return 0.0 if number is None else check_doubt(number, "a doubt")
    except InputError as error:
        raise Damage("a doubt of the journal is not what was stored") from error


def _bytes(array: NDArray[Any], kind: str) -> bytes:
    return np.ascontiguousarray(array, kind).tobytes()


def _floats(blob: bytes) -> NDArray[np.float32]:
    return np.frombuffer(blob, "<f4").reshape(1, -1)
