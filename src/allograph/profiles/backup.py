"""Backing up a store while it is used, and restoring it: into SQLite or PostgreSQL, wherever it came from."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

import allograph
from allograph.errors import AllographError, FormatError, InputError, StorageError
from allograph.files.atomic import atomic_file, check_output
from allograph.profiles.audit import Event, program
from allograph.profiles.backup_file import RECORD, ROWS, Backup, check_backup, connect_backup, new_backup, numbers_of, seal
from allograph.profiles.database import Database, connect
from allograph.profiles.database_errors import storage_errors
from allograph.profiles.journal import Key
from allograph.profiles.postgres import PATIENCE
from allograph.profiles.sql_access import BLANK_KEY, add_event
from allograph.profiles.sqlite_file import SqliteFile
from allograph.profiles.tables import api_keys, audit, metadata, profiles
from allograph.profiles.upgrade import NEWEST, current_migration, later_release, make_tables, upgrade
from allograph.progress import Progress, silent

PATIENT = 3600.0
"""Seconds that a statement of a backup or of restoring one may take."""
AHEAD_BITS = 40
"""Numbers are given on, and editions counted on, from a random place so far ahead."""


SAID = ("time", "actor", "tenant", "action", "subject")
"""What an event says, beside its number."""


@dataclass(frozen=True)
class Restored:
    """What a restore did, beside filling the store."""

    backup: Backup
    erased: list[Key]
    """Writers that are there again: the audit log says that they were erased, and the backup does not know of it."""
    revoked: list[str]
    """The ids of keys that are valid again likewise."""
    closed: bool
    """Whether a mark was kept that there was a key, since the store that was replaced had one and the backup has none."""
    unread: AllographError | None
    """Why the audit log and the keys of the store that was replaced could not be read; then nothing of them is kept."""


def back_up(
    url: str,
    path: str | Path,
    progress: Progress = silent,
    actor: str | None = None,
    unlogged: Callable[[StorageError], None] = lambda error: None,
) -> Backup:
    """Write all that a store holds at one moment into a file, while others go on; the file is whole or not there.

    The store's audit log, and so the backup's, keeps first that `actor` did, or `program of USER` where none is named; `unlogged`
    hears why where that cannot be. Tables of an older release are kept as they are. Raises `InputError` where there is no store,
    or the file may not be written, `FormatError` for a store of a later release, and `StorageError` where the disk is full or the
    store does not answer.
    """
    if url == "memory:":
        raise InputError("memory: holds nothing that lasts; name a file or a database")
    path = Path(path)
    with closing(connect(url, existing=True)) as source:
        check_output(path, source.path if isinstance(source, SqliteFile) else None)
        _log_backup(source, actor, unlogged)
        with atomic_file(path, private=True) as temporary:
            with new_backup(temporary, path) as written:
                made, migration, numbers = _copy_out(source, written, progress)
            with storage_errors(written):
                return seal(temporary, made, allograph.__version__, migration, numbers, progress)


def restore(path: str | Path, url: str, replace: bool = False, progress: Progress = silent, actor: str | None = None) -> Restored:
    """Make a store hold what a backup holds, all or nothing; with `replace` instead of what it held.

    What is replaced leaves its audit log, which the backup's is joined to, and the mark that there was a key. The log keeps that
    `actor` did it, or `program of USER` where none is named.

    Nothing is touched before the whole backup is found undamaged. Every writer keeps its incarnation and its journal; editions
    are others, so that no process takes what it remembers of the store for what is there now. Raises `InputError` for a store
    that is not empty, unless it is to be replaced, `FormatError` for what is no backup or a damaged one, and `StorageError`.
    """
    if url == "memory:":
        raise InputError("memory: holds nothing that lasts; name a file or a database")
    path = Path(path)
    found = check_backup(path, progress)
    with _newest(path, found) as current, closing(connect(url)) as target:
        file = target.path if isinstance(target, SqliteFile) else None
        event = Event(actor or program(), "", "restore", found.sha256)
        if file is None or (file.exists() and not replace):
            return _fill(target, current, found, event, progress, target if replace else None)
        check_output(file, path)
        with atomic_file(file, private=True) as temporary:
            with closing(connect(str(temporary), named=str(file))) as made:
                done = _fill(made, current, found, event, progress, target if file.exists() else None)
            target.close()
            if Path(f"{temporary}-wal").exists():
                raise StorageError(f"{file} could not be written whole: its log was not emptied; try again")
            for log in ("-wal", "-shm"):  # of the file that is replaced: with another one they would damage it
                Path(os.path.realpath(file) + log).unlink(missing_ok=True)
        return done


def _copy_out(source: Database, written: sa.Engine, progress: Progress) -> tuple[float, str, dict[str, int]]:
    """Copy a store's tables as they are at one moment; when that was, which form they have, and the numbers given away."""
    with storage_errors(written), written.begin() as target:
        made = time.time()
        with _all_of(source) as connection:
            with storage_errors(source.reading):
                migration = current_migration(connection)
                if migration is None:
                    raise InputError("there is nothing to back up: the store has no tables of ours")
                if migration > NEWEST:
                    raise later_release("the store", migration)
            make_tables(target, migration)
            tables = sa.MetaData()
            tables.reflect(target)
            held = [table for table in _in_order() if table.name in tables.tables]
            ours = [tables.tables[table.name] for table in held]
            with storage_errors(source.reading):
                total = sum(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in ours)
                numbers = {table.name: _last_number(connection, table) for table in held if _is_numbered(table)}
            _copy(connection, target, ours, total, progress, "backing up", source.reading)
    return made, migration, numbers


@contextmanager
def _all_of(source: Database) -> Iterator[Connection]:
    """A transaction that sees a whole store at one moment, however long that takes."""
    with storage_errors(source.reading):
        connection = source.snapshot.connect()
    with closing(connection):
        with storage_errors(source.reading):
            connection.begin()
            patient = _patiently(connection)
        yield patient


def _patiently(connection: Connection) -> Connection:
    """The same transaction, whose statements may take long."""
    if connection.dialect.name == "postgresql":
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(sa.text(f"SET LOCAL {name} = 0"))
    return connection.execution_options(**{PATIENCE: PATIENT})


def _copy(
    source: Connection,
    target: Connection,
    tables: list[sa.Table],
    total: int,
    progress: Progress,
    what: str,
    reading: sa.Engine,
    changed: Callable[[dict[str, Any]], dict[str, Any]] = lambda row: row,
) -> None:
    """Copy tables row by row, a few hundred at a time."""
    done = 0
    for table in tables:
        for rows in _parts(source, sa.select(table), reading):
            target.execute(sa.insert(table), [changed(row) for row in rows])
            done += len(rows)
            progress(what, done, total)


def _parts(source: Connection, chosen: sa.Select[Any], reading: sa.Engine) -> Iterator[list[dict[str, Any]]]:
    """The rows of a table, a few hundred at a time; errors in reading them are the source's."""
    with storage_errors(reading):
        found = source.execute(chosen, execution_options={"yield_per": ROWS}).partitions()
    while True:
        with storage_errors(reading):
            rows = next(found, None)
        if rows is None:
            return
        yield [row._asdict() for row in rows]


@contextmanager
def _newest(path: Path, found: Backup) -> Iterator[Path]:
    """A backup with the tables of this release: itself, or a copy that is renewed as a store would be."""
    if found.migration == NEWEST:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "renewed.db"
        shutil.copyfile(path, copy)
        engine = sa.create_engine(sa.URL.create("sqlite", database=str(copy)))
        with storage_errors(engine), engine.begin() as connection:
            connection.execute(sa.text(f"DROP TABLE {RECORD}"))
            connection.execute(sa.text("PRAGMA application_id = 0"))
        engine.dispose()
        with closing(connect(str(copy))) as database, storage_errors(database.reading):
            upgrade(database)
        yield copy


def _fill(target: Database, backup: Path, found: Backup, event: Event, progress: Progress, before: Database | None) -> Restored:
    """Put a backup's rows into a store's tables, in one transaction, instead of those of `before`, if that is given."""
    tables = [table for table in _in_order() if table is not audit]
    reading = sa.create_engine("sqlite://", creator=lambda: connect_backup(backup), poolclass=sa.NullPool, hide_parameters=True)
    ahead = 1 + secrets.randbits(AHEAD_BITS)

    def changed(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "edition": row["edition"] + ahead} if "edition" in row else row

    with storage_errors(target.writing):
        upgrade(target)
        with target.writing.begin() as unhurried, reading.connect() as source:
            connection = _patiently(unhurried)
            if before is None and any(_has_rows(connection, table) for table in (*tables, audit)):
                raise InputError("the store is not empty, and nothing was changed; name an empty one, or say --replace")
            left = _take_over(before, target, connection)
            last = numbers_of(found)
            for table in filter(_is_numbered, (*tables, audit)):
                _number_from(connection, table, max(last.get(table.name, 0), _highest(connection, table)) + ahead)
            if before is target:  # an SQLite file is never emptied, but exchanged: it may be damaged
                connection.execute(sa.text(f"TRUNCATE {', '.join(table.name for table in tables)}"))
            _copy(source, connection, tables, found.rows, progress, "restoring", reading, changed)
            _join_logs(source, connection, reading)
            erased, revoked = _find_undone(source, connection, reading)
            closed = left.key is not None and not _has_rows(connection, api_keys)
            if closed:
                connection.execute(sa.insert(api_keys), {**BLANK_KEY, "id": left.key, "created": event.time})
            add_event(connection, event)
    target.tidy()
    return Restored(found, erased, revoked, closed, left.unread)


class _Left(NamedTuple):
    """What a store that is replaced leaves beside its audit log."""

    key: str | None = None
    """The id of a key that it had or once had."""
    unread: AllographError | None = None


def _take_over(before: Database | None, target: Database, connection: Connection) -> _Left:
    """Copy the audit log of the store that is replaced, unless it is the same that is filled, and look for its keys."""
    if before is None:
        return _Left()
    if before is target:
        return _Left(_any_key(connection))
    try:
        with connection.begin_nested(), _all_of(before) as source:
            with storage_errors(before.reading):
                names = sa.inspect(source).get_table_names()
                key = _any_key(source) if api_keys.name in names else None
            if audit.name in names:
                for rows in _parts(source, sa.select(audit), before.reading):
                    connection.execute(sa.insert(audit), rows)
        return _Left(key)
    except AllographError as error:
        return _Left(unread=error)
    except sa.exc.IntegrityError:
        return _Left(unread=FormatError("its audit log holds what cannot be"))


def _any_key(connection: Connection) -> str | None:
    found: str | None = connection.execute(sa.select(api_keys.c.id).limit(1)).scalar()
    return found


def _has_rows(connection: Connection, table: sa.Table) -> bool:
    return connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None


def _join_logs(source: Connection, target: Connection, reading: sa.Engine) -> None:
    """Add to a store's audit log the events of a backup that it lacks; one whose number is another's gets a new one."""
    for rows in _parts(source, sa.select(audit), reading):
        lacking = _lacking(target, rows)
        numbers = sa.select(audit.c.event).where(audit.c.event.in_([row["event"] for row in lacking]))
        taken = set(target.execute(numbers).scalars())
        new = [row for row in lacking if row["event"] not in taken]
        others = [{name: row[name] for name in SAID} for row in lacking if row["event"] in taken]
        for some in (new, others):
            if some:
                target.execute(sa.insert(audit), some)


def _find_undone(source: Connection, target: Connection, reading: sa.Engine) -> tuple[list[Key], list[str]]:
    """The writers and keys that a store has again though its audit log says, and the backup's does not, that they went."""
    erased: set[Key] = set()
    revoked: set[str] = set()
    chosen = sa.select(audit).where(audit.c.action.in_(("erase", "revoke-key")))
    for rows in _parts(target, chosen, target.engine):
        with storage_errors(reading):
            later = _lacking(source, rows)
        for row in later:
            if row["action"] == "erase":
                erased.add(Key(row["tenant"], row["subject"]))
            else:
                revoked.add(row["subject"])
    there = sa.select(profiles.c.profile).where(
        profiles.c.tenant == sa.bindparam("tenant"), profiles.c.name == sa.bindparam("name")
    )
    valid = sa.select(api_keys.c.id).where(api_keys.c.id == sa.bindparam("id"), api_keys.c.hash != "")
    return (
        sorted(key for key in erased if target.execute(there, key._asdict()).first()),
        sorted(id for id in revoked if target.execute(valid, {"id": id}).first()),
    )


def _lacking(log: Connection, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of some events that a log does not hold, by what they say: their numbers may be others there."""
    said = [audit.c[name] for name in SAID]
    held = {tuple(row) for row in log.execute(sa.select(*said).where(audit.c.time.in_([row["time"] for row in rows])))}
    return [row for row in rows if tuple(row[name] for name in SAID) not in held]


def _log_backup(source: Database, actor: str | None, unlogged: Callable[[StorageError], None]) -> None:
    """Keep in the audit log that all of a store is taken out of it."""
    try:
        with storage_errors(source.writing), source.writing.begin() as connection:
            migration = current_migration(connection)
            if migration is None or migration > NEWEST:
                return  # there will be no backup
            if not sa.inspect(connection).has_table(audit.name):
                raise StorageError("the store is of a release that keeps none")
            add_event(connection, Event(actor or program(), "", "backup"))
    except StorageError as error:
        unlogged(error)


def _in_order() -> list[sa.Table]:
    """Our tables: rows after those that they point to, and what triggers count rows in after what is counted."""
    tables = [table for table in metadata.sorted_tables if table.name.startswith("allograph_")]
    pointed = {key.column.table for table in tables for key in table.foreign_keys}
    return sorted(tables, key=lambda table: not (table.foreign_keys or table in pointed))


def _is_numbered(table: sa.Table) -> bool:
    """Whether the database gives a table's rows their numbers."""
    return table.autoincrement_column is not None


def _last_number(connection: Connection, table: sa.Table) -> int:
    """The last number that was given to a row, which may be gone."""
    assert table.autoincrement_column is not None
    if connection.dialect.name == "sqlite":
        asked = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :table")
        return int(connection.execute(asked, {"table": table.name}).scalar() or 0)
    asked = sa.text("SELECT pg_sequence_last_value(pg_get_serial_sequence(:table, :column)::regclass)")
    return int(connection.execute(asked, {"table": table.name, "column": table.autoincrement_column.name}).scalar() or 0)


def _highest(connection: Connection, table: sa.Table) -> int:
    """The highest number of a row that is there."""
    return int(connection.execute(sa.select(sa.func.max(table.autoincrement_column))).scalar() or 0)


def _number_from(connection: Connection, table: sa.Table, last: int) -> None:
    """Give on numbers after this one: those that were given after the backup was made are not given again."""
    assert table.autoincrement_column is not None
    if connection.dialect.name == "sqlite":
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :table"), {"table": table.name})
        insert = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)")
        connection.execute(insert, {"table": table.name, "last": last})
        return
    asked = sa.text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)")
    connection.execute(asked, {"table": table.name, "column": table.autoincrement_column.name, "last": last})
