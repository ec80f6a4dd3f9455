"""Bringing a database's tables to this release's form."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from allograph.errors import FormatError, InputError
from allograph.profiles.database import Database
from allograph.profiles.postgres import PATIENCE

NEWEST = "0007"
"""The migration that this release's tables need; a test holds it to the files."""
VERSIONS = "allograph_version"
"""The table that says which migration a database is at."""
MIGRATING = 600.0
"""Seconds that a statement of a migration may take."""
GIVE_WAY = 0.5
"""Seconds that a migration waits for a table, behind which all others wait; then it lets them go first, for as long."""
TRIES = 60
"""How often it tries."""
LOCK_TIMEOUT = "55P03"
"""PostgreSQL's state where that took too long."""
_LOCK = 0x616C6C6F
"""A number of ours, which PostgreSQL locks while tables are made."""

_ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps what it is doing in globals of its modules: threads that renew the tables of several stores take turns."""


def upgrade(database: Database, make: bool = True) -> None:
    """Make or renew the tables, once, whoever comes first.

    Others go on using the tables meanwhile. Raises `FormatError` for those of a later release, without `make` `InputError` where
    there are none, and the driver's error where somebody holds them all the time.
    """
    with database.reading.begin() as connection:
        found = current_migration(connection)
    if found == NEWEST:
        return
    if found is None and not make:
        raise InputError("the store does not exist: there are no tables of ours; it begins with the first correction")
    for left in reversed(range(TRIES)):
        try:
            _upgrade(database)
        except sa.exc.OperationalError as error:
            if not left or getattr(error.orig, "sqlstate", None) != LOCK_TIMEOUT:
                raise
            time.sleep(GIVE_WAY)
        else:
            return


def _upgrade(database: Database) -> None:
    with database.writing.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Whoever comes second waits for the first, however long that takes.
            connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            patient = connection.execution_options(**{PATIENCE: MIGRATING})
            patient.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            connection.execute(sa.text(f"SET LOCAL lock_timeout = {GIVE_WAY * 1000:.0f}"))
        found = current_migration(connection)
        if found is None or found < NEWEST:
            make_tables(connection)
        elif found > NEWEST:
            raise later_release("the store", found)


def later_release(what: object, migration: str) -> FormatError:
    """The error for tables that this release does not know."""
    return FormatError(f"{what} was written by a later release (its tables are {migration}, this one knows {NEWEST})")


def current_migration(connection: Connection) -> str | None:
    """The migration that the tables are at; None where there are none of ours."""
    if not sa.inspect(connection).has_table(VERSIONS):
        return None
    return connection.execute(sa.text(f"SELECT version_num FROM {VERSIONS}")).scalar_one_or_none()


def make_tables(connection: Connection, revision: str = "head") -> None:
    """Run the migrations that are missing up to a revision."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    with _ONE_AT_A_TIME:
        command.upgrade(config, revision)
