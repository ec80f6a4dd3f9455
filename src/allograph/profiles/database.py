"""Opening a database, whichever it is."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import AbstractContextManager
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url

from allograph.errors import InputError


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


def connect(url: str, page_limit: int | None = None, existing: bool = False, named: str | None = None) -> Database:
    """Open SQLite or PostgreSQL.

    `page_limit` bounds an SQLite file, in pages of 4 KiB; messages call it as it is `named`, its path unless given. With
    `existing`, an SQLite file is not made, and is opened for reading only where it cannot be written. Raises `InputError` for
    another kind of database, or a file or folder that is not there, and `MissingExtraError` where PostgreSQL's driver is not
    installed.
    """
    parsed = _parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        from allograph.profiles.sqlite_file import SqliteFile

        return SqliteFile(str(parsed.database), page_limit, existing, named)
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
