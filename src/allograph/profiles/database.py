"""Opening a database: what each kind needs to be durable, and its errors in our words."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url

from allograph.errors import AllographError, FormatError, InputError, MissingExtraError, StorageError, missing_extra

WAIT = 30.0
"""Seconds to wait for another process that writes."""
CONNECTIONS = 16
"""Connections that one process holds at most."""


def connect(url: str, page_limit: int | None = None) -> Engine:
    """An engine for SQLite (WAL, every commit on disk before it returns, deleted bytes overwritten) or PostgreSQL.

    `page_limit` bounds an SQLite file, in pages of 4 KiB. Raises `InputError` for another kind of database, and
    `MissingExtraError` where PostgreSQL's driver is not installed.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, page_limit)
    try:
        return sa.create_engine(
            parsed,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=WAIT,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"connect_timeout": int(WAIT), "fallback_application_name": "allograph"},
        )
    except ModuleNotFoundError as error:
        raise missing_extra("psycopg", "postgres") from error


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url) if "://" in url else URL.create("sqlite", database=url)
    except sa.exc.ArgumentError as error:
        raise InputError("a store is a file's path, sqlite:///FILE or postgresql://USER@HOST/DATABASE") from error
    kind = parsed.get_backend_name()
    if kind == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise InputError(f"a store is SQLite or PostgreSQL, not {kind}")
    if not parsed.database or parsed.database == ":memory:":
        raise InputError("an SQLite store needs a file; what need not last is memory:")
    folder = Path(parsed.database).absolute().parent
    if not folder.is_dir():
        raise InputError(f"cannot open the store {parsed.database}: the folder {folder} does not exist; make it first")
    return parsed


def _sqlite(url: URL, page_limit: int | None) -> Engine:
    engine = sa.create_engine(
        url,
        poolclass=sa.QueuePool,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=WAIT,
        hide_parameters=True,
        connect_args={"timeout": WAIT, "check_same_thread": False},
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None  # transactions begin where `begin` below says so
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        if page_limit is not None:
            connection.execute(f"PRAGMA max_page_count = {page_limit}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def scrub(engine: Engine) -> None:
    """Empty SQLite's write-ahead log, where deleted bytes still stand; elsewhere nothing. Waits for readers to finish."""
    if engine.dialect.name != "sqlite":
        return
    until = time.monotonic() + WAIT
    while True:
        connection = engine.raw_connection()
        try:
            cursor = connection.cursor()
            busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            cursor.close()
        finally:
            connection.close()
        if not busy:
            return
        if time.monotonic() > until:
            raise StorageError(
                "the profile is erased, but another process that reads keeps its bytes in the write-ahead log; "
                "end that process, then erase again"
            )
        time.sleep(0.05)


@contextmanager
def storage_errors(engine: Engine) -> Iterator[None]:
    """Say a database's errors in our words; none of them tells what was being stored."""
    try:
        yield
    except AllographError:
        raise
    except sa.exc.TimeoutError as error:
        raise StorageError("the store is busy: no connection was free in time; try again") from error
    except sa.exc.DBAPIError as error:
        raise _told(engine, error.orig or error) from error
    except sqlite3.Error as error:
        raise _told(engine, error) from error


def _told(engine: Engine, error: BaseException) -> AllographError:
    where = engine.url.render_as_string(hide_password=True)
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    code = getattr(error, "sqlite_errorname", "")
    if code == "SQLITE_FULL" or "disk is full" in reason or getattr(error, "sqlstate", None) == "53100":
        return StorageError(f"the disk of {where} is full. Nothing was lost or half written; free some space and try again")
    if code == "SQLITE_NOTADB":
        return FormatError(f"{where} is not an SQLite database; name another file")
    if code.startswith("SQLITE_CORRUPT"):
        return FormatError(f"{where} is damaged ({reason}); bring it back from a copy")
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StorageError(f"{where} cannot be written ({reason})")
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StorageError(f"{where} is busy: another process has been writing for {WAIT:.0f} s; try again")
    if code.startswith("SQLITE_IOERR"):
        return StorageError(f"{where} cannot be written: the disk is full, or fails ({reason}). Nothing was half written")
    return StorageError(f"{where} does not do what was asked ({reason}). Nothing was half written; try again")


__all__ = ["MissingExtraError", "connect", "scrub", "storage_errors"]
