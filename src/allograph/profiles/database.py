"""Opening a database, whichever it is, and its errors in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url

from allograph.errors import AllographError, FormatError, InputError, QuotaError, StorageError, over_quota

LOCKED = 5.0
"""Seconds to wait for what another process or caller holds."""


class Database(Protocol):
    """A database that is open: its engines, and what only its kind needs. All may be used from any thread."""

    @property
    def reading(self) -> Engine:
        """For what only looks; its connections are never held by those who wait to write."""
        ...

    @property
    def snapshot(self) -> Engine:
        """The same; whoever looks twice in one transaction sees the same."""
        ...

    @property
    def writing(self) -> Engine:
        """For what changes something; a transaction that commits is on disk."""
        ...

    def turn(self, what: Hashable) -> AbstractContextManager[None]:
        """Wait here for one's turn to change a profile, or whatever else is changed alone, so as not to wait in the database."""
        ...

    def hold(self) -> None:
        """Keep the database from now on: its tables are there."""
        ...

    def tidy(self) -> bool:
        """Remove what was deleted from wherever it still stands, without waiting for anybody; whether nothing is left to do."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


def connect(url: str, page_limit: int | None = None, existing: bool = False) -> Database:
    """Open SQLite or PostgreSQL.

    `page_limit` bounds an SQLite file, in pages of 4 KiB. With `existing`, an SQLite file is not made, and is opened for reading
    only where it cannot be written. Raises `InputError` for another kind of database, or a file or folder that is not there,
    and `MissingExtraError` where PostgreSQL's driver is not installed.
    """
    parsed = _parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        from allograph.profiles.sqlite_file import SqliteFile

        return SqliteFile(str(parsed.database), page_limit, existing)
    from allograph.profiles.postgres import Postgres

    return Postgres(parsed)


def _parse_url(url: str) -> URL:
    try:
        parsed = make_url(url) if "://" in url else URL.create("sqlite", database=url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise InputError("a store is a file's path, sqlite:///FILE or postgresql://USER@HOST/DATABASE") from error
    kind = parsed.get_backend_name()
    if kind == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise InputError(f"a store is SQLite or PostgreSQL, not {kind}")
    if not parsed.database or parsed.database == ":memory:":
        raise InputError("an SQLite store needs a file; what need not last is memory:")
    if parsed.query or parsed.database.startswith("file:") or "\0" in parsed.database:
        raise InputError("an SQLite store is named by its file alone: a path, or sqlite:///PATH")
    return parsed


@contextmanager
def storage_errors(engine: Engine, damaged: Callable[[StorageError], None] | None = None) -> Iterator[None]:
    """Say a database's errors in our words; none of them tells what was being stored. `damaged` hears of damage."""
    try:
        yield
    except AllographError as error:
        if damaged and isinstance(error, DamagedError):
            damaged(error)
        raise
    except sa.exc.TimeoutError as error:
        raise StorageError("the store is busy: no connection was free in time; try again") from error
    except (sa.exc.SQLAlchemyError, sqlite3.Error, Damage) as error:
        told = _explain(engine, (isinstance(error, sa.exc.DBAPIError) and error.orig) or error)
        if damaged and isinstance(told, DamagedError):
            damaged(told)
        raise told from (None if isinstance(told, QuotaError) else error)  # that is nothing of the store's


class Damage(Exception):  # noqa: N818  (it never leaves the store: `storage_errors` says it in our words)
    """What a table holds cannot be what was put there."""


class DamagedError(StorageError):
    """What is stored is not what was stored; it does not get better by itself."""


BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
FULL, CUT = ("53100",), ("57014", "55P03", "25P03", "57P01")
"""PostgreSQL's states: a full disk; what took too long, was locked, or was ended."""


OVER, QUOTA = "AG001", "allograph quota: "
"""PostgreSQL's state, and how the message begins, where a trigger refuses what is beyond a tenant's quota."""


def _explain(engine: Engine, error: BaseException) -> AllographError:
    where = engine.url.render_as_string(hide_password=True)
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    code, state = getattr(error, "sqlite_errorname", None) or "", getattr(error, "sqlstate", None)
    if state == OVER or (code == "SQLITE_CONSTRAINT_TRIGGER" and reason.startswith(QUOTA)):
        return over_quota(reason.removeprefix(QUOTA))
    if code == "SQLITE_FULL" or "disk is full" in reason or state in FULL:
        return StorageError(f"the disk of {where} is full. Nothing was lost or half written; free some space and try again")
    if code == "SQLITE_NOTADB":
        return DamagedError(f"{where} is not an SQLite database, or is damaged; bring it back from a copy, or name another file")
    if code.startswith("SQLITE_CORRUPT") or isinstance(error, Damage) or _is_damage(error):
        return DamagedError(f"{where} is damaged ({reason}); stop what uses it and bring it back from a copy")
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StorageError(f"{where} cannot be written ({reason})")
    if code.startswith(BUSY) or state in CUT:
        return StorageError(f"{where} is busy: what is asked for is held by another ({reason}); try again")
    if code.startswith("SQLITE_IOERR"):
        return StorageError(f"{where} cannot be read or written: the disk is full, or fails ({reason}). Nothing was half written")
    return StorageError(f"{where} does not do what was asked ({reason}). Nothing was half written; try again")


def _is_damage(error: BaseException) -> bool:
    """Whether an error of the driver's or SQLAlchemy's own tells of content that cannot be: tables or rows that are missing."""
    text = str(error)
    return (
        isinstance(error, sa.exc.NoResultFound | sa.exc.MultipleResultsFound)
        or "no such table" in text
        or "Could not decode" in text
    )


def not_a_database(where: object) -> FormatError:
    """A file of something else was named as a store."""
    return FormatError(f"{where} is not an SQLite database; name another file")
