"""A backup as a file: the tables of a store in an SQLite file of their own, with a digest of all that they hold.

Its mark keeps it from being opened as a store, so that it stays what it was.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine

from allograph.errors import FormatError, InputError, StorageError
from allograph.files.records import check_version, read_record
from allograph.profiles.database_errors import NAME
from allograph.profiles.upgrade import NEWEST, later_release
from allograph.progress import Progress

MARK = 0x616C6C42
"""SQLite's `application_id` of a backup."""
FORMAT = 1
RECORD = "allograph_backup"
"""The table that says what the file holds."""
ROWS = 500
"""Rows that are read at a time."""


@dataclass(frozen=True)
class Backup:
    """What a backup says of itself."""

    format: int
    made: float
    """Seconds since 1970, UTC: when the copy began. It holds what was acknowledged before."""
    release: str
    """Of allograph, that wrote it."""
    migration: str
    """Which form the tables have."""
    writers: int
    corrections: int
    """How many stand."""
    rows: int
    """Of all tables."""
    numbers: str
    """JSON: by table, the last number that the store had given away."""
    sha256: str


@contextmanager
def new_backup(path: Path, named: Path) -> Iterator[Engine]:
    """An empty file to write a backup into, whole when the block ends: write beside, then move it; errors call it `named`."""
    options = {NAME: str(named)}
    engine = sa.create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True, execution_options=options)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, record: object) -> None:
        for pragma in ("journal_mode = OFF", "synchronous = OFF"):
            connection.execute(f"PRAGMA {pragma}")

    try:
        yield engine
    finally:
        engine.dispose()


def seal(path: Path, made: float, release: str, migration: str, numbers: dict[str, int], progress: Progress) -> Backup:
    """Say in a backup what it holds, with the digest, and mark it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        count = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in _tables(connection)}
        stand = connection.execute("SELECT count(*) FROM allograph_journal WHERE label IS NOT NULL").fetchone()[0]
        plain = Backup(
            FORMAT,
            made,
            release,
            migration,
            count["allograph_profiles"],
            stand,
            sum(count.values()),
            json.dumps(numbers, sort_keys=True),
            "",
        )
        digest = _digest(connection, plain, progress, "checking what was written")
        sealed = Backup(**{**asdict(plain), "sha256": digest})
        connection.execute(f"CREATE TABLE {RECORD} (record TEXT NOT NULL)")
        connection.execute(f"INSERT INTO {RECORD} VALUES (?)", (json.dumps(asdict(sealed)),))
        connection.execute(f"PRAGMA application_id = {MARK}")
    return sealed


def check_backup(path: Path, progress: Progress) -> Backup:
    """What a backup holds, once all of it is found to be what was written.

    Raises `InputError` where there is no file, `FormatError` for what is foreign, truncated, damaged, or of a later release.
    """
    if not path.is_file():
        raise InputError(f"there is no backup {path}; name a file that allograph backup wrote")
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise StorageError(f"{path} cannot be read ({error.strerror})") from error
    if head[:16] != b"SQLite format 3\0" or len(head) < 100 or int.from_bytes(head[68:72], "big") != MARK:
        raise FormatError(f"{path} is no backup, or was cut off while it was copied; name a file that allograph backup wrote")
    damaged = f"{path} is damaged or cut off: it does not hold what was backed up; take another copy of it"
    try:
        with closing(connect_backup(path)) as connection:
            (text,) = connection.execute(f"SELECT record FROM {RECORD}").fetchone()
            values = json.loads(text)
            check_version(path, "backup", values.get("format"), FORMAT)
            found = read_record(Backup, values, str(path), advice="take another copy of it")
            if found.migration > NEWEST:
                raise later_release(path, found.migration)
            numbers_of(found)
            if _digest(connection, Backup(**{**asdict(found), "sha256": ""}), progress, "checking the backup") != found.sha256:
                raise FormatError(damaged)
    except FormatError:
        raise
    except (sqlite3.Error, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise FormatError(damaged) from error
    return found


def numbers_of(backup: Backup) -> dict[str, int]:
    """By table, the last number that the store had given away."""
    return {str(name): int(number) for name, number in json.loads(backup.numbers).items()}


def connect_backup(path: Path) -> sqlite3.Connection:
    """A backup, to be read."""
    address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)


def _tables(connection: sqlite3.Connection) -> list[str]:
    """The tables that a backup holds, by name."""
    names = sorted(name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
    found = [name for name in names if name.startswith("allograph_") and name != RECORD]
    if not all(map(str.isidentifier, found)):
        raise ValueError("a table has a name that none of ours has")
    return found


def _digest(connection: sqlite3.Connection, plain: Backup, progress: Progress, what: str) -> str:
    """SHA-256 of all values of all tables, and of what the backup says of itself."""
    digest = hashlib.sha256(json.dumps(asdict(plain), sort_keys=True).encode())
    done = 0
    for name in _tables(connection):
        rows = connection.execute(f'SELECT * FROM "{name}" ORDER BY rowid')
        digest.update(json.dumps([name, [column[0] for column in rows.description]]).encode())
        while some := rows.fetchmany(ROWS):
            for row in some:
                digest.update(b"".join(map(_encode, row)))
            done += len(some)
            progress(what, done, plain.rows)
    return digest.hexdigest()


def _encode(value: object) -> bytes:
    """Bytes that no other value of SQLite has."""
    if value is None:
        return b"n"
    if isinstance(value, float):
        return b"f" + struct.pack("<d", value)
    text = value if isinstance(value, bytes) else str(value).encode()
    return f"{type(value).__name__[0]}{len(text)}:".encode() + text
