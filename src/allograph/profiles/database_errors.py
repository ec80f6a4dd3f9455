"""A database's errors in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine

from allograph.errors import AllographError, FormatError, QuotaError, StorageError, over_quota

BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
FULL, CUT = ("53100",), ("57014", "55P03", "25P03", "57P01")
"""PostgreSQL's states: a full disk; what took too long, was locked, or was ended."""
OVER, QUOTA = "AG001", "allograph quota: "
"""PostgreSQL's state, and how the message begins, where a trigger refuses what is beyond a tenant's quota."""


UNREACHED = ("connection failed", "failed to resolve host", "connection timeout", "connection is bad")
"""How psycopg's messages begin where a connection was not made."""
REFUSED = ("role ", "password", "pg_hba.conf", "authentication failed")
"""What PostgreSQL's messages hold where it knows the database and not who asks."""
NAME = "allograph_name"
"""The option of an engine that says what a database is called in messages, where that is not its address."""


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


class FullError(StorageError):
    """There is no room for what was to be written."""


class AddressError(StorageError):
    """What the address of a store names is not there, or not for whom it names: whoever gave it can mend that."""

    exit_status = 2


class DamagedError(StorageError):
    """What is stored is not what was stored; it does not get better by itself."""


def _explain(engine: Engine, error: BaseException) -> AllographError:
    where = engine.get_execution_options().get(NAME) or engine.url.render_as_string(hide_password=True)
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    code, state = getattr(error, "sqlite_errorname", None) or "", getattr(error, "sqlstate", None)
    if state == OVER or (code == "SQLITE_CONSTRAINT_TRIGGER" and reason.startswith(QUOTA)):
        return over_quota(reason.removeprefix(QUOTA))
    if code == "SQLITE_FULL" or "disk is full" in reason or state in FULL:
        return FullError(f"the disk of {where} is full. Nothing was lost or half written; free some space and try again")
    if code == "SQLITE_NOTADB":
        return DamagedError(f"{where} is not an SQLite database, or is damaged; bring it back from a copy, or name another file")
    if code.startswith("SQLITE_CORRUPT") or isinstance(error, Damage) or _is_damage(error):
        return DamagedError(f"{where} is damaged ({reason}); stop what uses it and bring it back from a copy")
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StorageError(f"{where} cannot be written ({reason})")
    if code.startswith(BUSY) or state in CUT:
        return StorageError(f"{where} is busy: what is asked for is held by another ({reason}); try again")
    if code.startswith("SQLITE_IOERR"):
        return FullError(f"{where} cannot be read or written: the disk is full, or fails ({reason}). Nothing was half written")
    if engine.dialect.name == "postgresql" and reason.startswith(UNREACHED):
        return _explain_unreached(engine.url, where, reason)
    return StorageError(f"{where} does not do what was asked ({reason}). Nothing was half written; try again")


def _explain_unreached(url: URL, where: str, reason: str) -> StorageError:
    """Why PostgreSQL was not reached: of a refusal the driver gives the server's words alone, and no state."""
    if f'database "{url.database}" does not exist' in reason:
        return AddressError(f"there is no database {url.database!r} for {where}; make it with: createdb {url.database}")
    if any(words in reason for words in REFUSED):
        return AddressError(
            f"{where} lets nobody in so ({reason}); name a role that may log in and its password, in the address or in ~/.pgpass"
        )
    return StorageError(
        f"{where} cannot be reached ({reason}); see that host and port are right and a server runs there; try again"
    )


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
