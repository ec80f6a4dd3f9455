"""Backing up a store while it is used, and restoring it: into SQLite or PostgreSQL, wherever it came from."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

import allograph
from allograph.errors import InputError, StorageError
from allograph.files.atomic import atomic_file, check_output
from allograph.profiles.backup_file import RECORD, ROWS, Backup, check_backup, connect_backup, new_backup, numbers_of, seal
from allograph.profiles.database import Database, connect
from allograph.profiles.database_errors import storage_errors
from allograph.profiles.postgres import PATIENCE
from allograph.profiles.sqlite_file import SqliteFile
from allograph.profiles.tables import metadata
from allograph.profiles.upgrade import NEWEST, current_migration, later_release, make_tables, upgrade
from allograph.progress import Progress, silent

PATIENT = 3600.0
"""Seconds that a statement of a backup or of restoring one may take."""
AHEAD_BITS = 40
"""Numbers are given on, and editions counted on, from a random place so far ahead."""


def back_up(url: str, path: str | Path, progress: Progress = silent) -> Backup:
    """Write all that a store holds at one moment into a file, while others go on; the file is whole or not there.

    Tables of an older release are kept as they are. Raises `InputError` where there is no store, or the file may not be
    written, `FormatError` for a store of a later release, and `StorageError` where the disk is full or the store does not answer.
    """
    if url == "memory:":
        raise InputError("memory: holds nothing that lasts; name a file or a database")
    path = Path(path)
    with closing(connect(url, existing=True)) as source:
        check_output(path, source.path if isinstance(source, SqliteFile) else None)
        with atomic_file(path) as temporary:
            with new_backup(temporary) as written:
                made, migration, numbers = _copy_out(source, written, progress)
            with storage_errors(written):
                return seal(temporary, made, allograph.__version__, migration, numbers, progress)


def restore(path: str | Path, url: str, replace: bool = False, progress: Progress = silent) -> Backup:
    """Make a store hold what a backup holds, all or nothing; with `replace` instead of what it held.

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
        if file is None or (file.exists() and not replace):
            _fill(target, current, found, replace, progress)
        else:
            target.close()
            check_output(file, path)
            with atomic_file(file) as temporary:
                with closing(connect(str(temporary))) as made:
                    _fill(made, current, found, False, progress)
                if Path(f"{temporary}-wal").exists():
                    raise StorageError(f"{file} could not be written whole: its log was not emptied; try again")
                for log in ("-wal", "-shm"):  # of the file that is replaced: with another one they would damage it
                    Path(os.path.realpath(file) + log).unlink(missing_ok=True)
    return found


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
        for rows in _parts(source, table, reading):
            target.execute(sa.insert(table), [changed(row) for row in rows])
            done += len(rows)
            progress(what, done, total)


def _parts(source: Connection, table: sa.Table, reading: sa.Engine) -> Iterator[list[dict[str, Any]]]:
    """A table's rows, a few hundred at a time; errors in reading them are the source's."""
    with storage_errors(reading):
        found = source.execution_options(yield_per=ROWS).execute(sa.select(table)).partitions()
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


def _fill(target: Database, backup: Path, found: Backup, replace: bool, progress: Progress) -> None:
    """Put a backup's rows into a store's tables, in one transaction."""
    tables = _in_order()
    reading = sa.create_engine("sqlite://", creator=lambda: connect_backup(backup), poolclass=sa.NullPool, hide_parameters=True)
    ahead = 1 + secrets.randbits(AHEAD_BITS)

    def changed(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "edition": row["edition"] + ahead} if "edition" in row else row

    with storage_errors(target.writing):
        upgrade(target)
        with target.writing.begin() as unhurried, reading.connect() as source:
            connection = _patiently(unhurried)
            if any(connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() for table in tables):
                if not replace:
                    raise InputError("the store is not empty, and nothing was changed; name an empty one, or say --replace")
                # An SQLite file is never emptied, but exchanged: it may be damaged.
                connection.execute(sa.text(f"TRUNCATE {', '.join(table.name for table in tables)}"))
            _copy(source, connection, tables, found.rows, progress, "restoring", reading, changed)
            last = numbers_of(found)
            for table in filter(_is_numbered, tables):
                _number_from(connection, table, last.get(table.name, 0) + ahead)
    target.tidy()


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
