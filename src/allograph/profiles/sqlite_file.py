"""A store in one SQLite file."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Hashable
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from allograph.errors import FormatError, InputError, StorageError, storage_error
from allograph.profiles.database_errors import NAME, DamagedError, not_a_database
from allograph.profiles.queues import LOCKED, Queues

CONNECTIONS = 8
"""Connections of each kind, for reading and for writing, that one process holds at most."""
FREE = 2.0
"""Seconds to wait for one of them."""
FEW = 24
"""Changes that wait for another process that writes; all further ones are refused at once."""
ATTEMPTS = 10
"""How often the log is tried to be emptied, between readers that come and go."""
OURS = "allograph_version"
"""The table by which a file is known for a store."""


class SqliteFile:
    """An SQLite file: write-ahead log, every commit on disk before it returns, deleted bytes overwritten.

    The file must stay what it was when it was opened: one that is replaced or deleted, or whose log is, is noticed by the next
    transaction, which raises `StorageError`, before anything is acknowledged that nobody will find.
    """

    def __init__(self, path: str, page_limit: int | None, existing: bool, named: str | None = None) -> None:
        self.path = Path(path)
        self._name = named or path
        self._check_place(existing)
        self._readonly = existing and not _writable(self.path)
        self._page_limit = page_limit
        self._files: dict[Path, tuple[int, int]] = {}
        self._lines = Queues(FEW, LOCKED)
        self.reading = self.snapshot = self._engine("BEGIN")
        self.writing = self._engine("BEGIN IMMEDIATE")
        self._anchor: sqlite3.Connection | None = None
        self._scrubbing = threading.Lock()

    def turn(self, what: Hashable) -> AbstractContextManager[None]:
        """All changes of a file wait for one another: one process at a time may write it."""
        return self._lines.turn(None)

    def hold(self) -> None:
        """Keep the file open from now on, and notice when it or its log is no longer what it is now."""
        if self._readonly:
            return
        # Its log stays as long as one connection is open; this one always is.
        self._anchor = self._connection(0)
        self._anchor.execute("SELECT count(*) FROM sqlite_master").fetchone()
        real = Path(os.path.realpath(self.path))
        self._files = {file: _identity(file) for file in (real, real.with_name(real.name + "-wal"))}

    def tidy(self) -> bool:
        """Move the write-ahead log into the file and empty it: deleted bytes stand there longest.

        Waits for nobody: while another reads what the log holds, or writes, it is left for later.
        """
        with self._scrubbing:
            if self._anchor is None:
                return True
            self._check_files()
            busy, pages, moved = self._anchor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            for _ in range(ATTEMPTS if not busy and pages == moved else 0):  # what is left is so short that no writer notices
                if not self._anchor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    return True
                time.sleep(0.005)
            return False

    def close(self) -> None:
        """Close all connections; the last one to close a file empties its log."""
        self.reading.dispose()
        self.writing.dispose()
        with self._scrubbing:
            if self._anchor is not None:
                self._anchor.close()
                self._anchor = None

    def _engine(self, begin: str) -> Engine:
        engine = sa.create_engine(
            URL.create("sqlite", database=str(self.path)),
            creator=lambda: self._connection(LOCKED),
            poolclass=sa.QueuePool,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=FREE,
            hide_parameters=True,
            execution_options={NAME: self._name},
        )

        @sa.event.listens_for(engine, "begin")
        def start(connection: Connection) -> None:
            self._check_files()
            connection.exec_driver_sql(begin)

        @sa.event.listens_for(engine, "commit")
        def check(connection: Connection) -> None:
            self._check_files()

        return engine

    def _connection(self, timeout: float) -> sqlite3.Connection:
        mode = "mode=ro&immutable=1" if self._readonly else "mode=rwc"
        if not self._readonly:
            with suppress(OSError):  # what is there keeps its mode; why it cannot be made, SQLite says
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        connection = sqlite3.connect(
            f"file:{quote(str(self.path.absolute()))}?{mode}",
            timeout,
            isolation_level=None,  # transactions begin where the engine says so
            check_same_thread=False,
            uri=True,
        )
        if not self._readonly:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {pragma}")
            if self._page_limit is not None:
                connection.execute(f"PRAGMA max_page_count = {self._page_limit}")
        return connection

    def _check_files(self) -> None:
        """Raise `StorageError` unless the file and its log are still those that were opened."""
        for file, identity in self._files.items():
            if _identity(file) != identity:
                raise DamagedError(
                    f"{file} was replaced or deleted while it was open; nothing more is written. Put it back and start again"
                )

    def _check_place(self, existing: bool) -> None:
        """Raise unless a store is or may be made there; another program's file is left as it is."""
        path = self.path
        if not path.absolute().parent.is_dir():
            raise InputError(f"cannot open the store {path}: the folder {path.absolute().parent} does not exist; make it first")
        if not path.exists():
            if existing:
                raise InputError(f"the store {path} does not exist; name it with --store")
            return
        if not path.is_file():
            raise not_a_database(path)
        try:
            if path.stat().st_size == 0:
                return
            with path.open("rb") as file:
                if file.read(16) != b"SQLite format 3\0":
                    raise not_a_database(path)
        except OSError as error:
            raise storage_error(error, path) from error
        _check_ours(path)


def _check_ours(path: Path) -> None:
    """Raise `FormatError` for a file with another program's mark or tables, which stays untouched."""
    log = path.with_name(path.name + "-wal")
    mode = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?{mode}", uri=True)) as found:
        mark = found.execute("PRAGMA application_id").fetchone()[0]
        tables = {name for (name,) in found.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if mark or (tables and OURS not in tables):
            raise FormatError(f"{path} is another program's SQLite file; name another for the store")


def _writable(path: Path) -> bool:
    """Whether SQLite can write a file, and the log that it needs beside it."""
    real = Path(os.path.realpath(path))
    if os.access(real, os.W_OK) and os.access(real.parent, os.W_OK):
        return True
    log = real.with_name(real.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise StorageError(
            f"{path} cannot be written, and part of what it holds is in its log {log.name}; copy both to another place"
        )
    return False


def _identity(file: Path) -> tuple[int, int]:
    try:
        found = os.stat(file)
    except OSError:
        return (-1, -1)
    return (found.st_dev, found.st_ino)
