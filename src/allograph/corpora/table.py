"""A table on disk, in one Parquet file or in a folder of parts, read a row group at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from allograph.corpora.parquet import footer_hash, open_file, pa, pq, record_of
from allograph.corpora.place import RECORD, Place, child, hash_places, is_folder
from allograph.errors import AllographError, FormatError, MismatchError
from allograph.files.records import check_version

PART = "part"
"""The kind of a file that is one part of a table."""
PART_NAME = re.compile(r"part-[0-9]{5,9}\.parquet")


class Part(NamedTuple):
    """One file of a table in a folder."""

    rows: list[int]
    """The rows of each row group."""
    footer: str | None
    """Its `footer_hash`; None where the table was written by a release that noted none."""


class Table:
    """The row groups of a table, one after the other, whichever files they are in."""

    def __init__(self, place: Place, parts: Mapping[str, Part] | None, file: pq.ParquetFile | None = None) -> None:
        self.place = place
        self._parts = parts
        self._opened: tuple[str, pq.ParquetFile] | None = None if file is None else ("", file)

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns."""
        return self._file(next(iter(self._parts or [""]))).schema_arrow.remove_metadata()

    @cached_property
    def groups(self) -> list[tuple[str, int, int]]:
        """The file, the place in it, and the number of rows of each row group."""
        if self._parts is not None:
            return [(name, group, rows) for name, part in self._parts.items() for group, rows in enumerate(part.rows)]
        metadata = self._file("").metadata
        return [("", group, metadata.row_group(group).num_rows) for group in range(metadata.num_row_groups)]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(rows for _, _, rows in self.groups)

    @cached_property
    def starts(self) -> list[int]:
        """The first row of each row group."""
        starts = [0]
        for _, _, rows in self.groups:
            starts.append(starts[-1] + rows)
        return starts[:-1]

    def group(self, number: int, columns: list[str] | None = None) -> pa.Table:
        """The rows of a row group; raises `FormatError` where they cannot be read."""
        name, group, _ = self.groups[number]
        try:
            return self._file(name).read_row_group(group, columns)
        except (pa.ArrowException, OSError) as error:
            raise _damage(self.place, f"in row group {number}", error) from error

    def read(self, columns: list[str]) -> pa.Table:
        """Some columns of all rows; raises `FormatError` where they cannot be read."""
        try:
            return pa.concat_tables([self._file(name).read(columns) for name in self._parts or [""]])
        except (pa.ArrowException, OSError) as error:
            raise _damage(self.place, f"in its column {', '.join(columns)}", error) from error

    def _file(self, name: str) -> pq.ParquetFile:
        """One of the files; the last one stays open."""
        if self._opened is None or self._opened[0] != name:
            place = child(self.place, name)
            file = open_file(place)
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
            part = None if self._parts is None else self._parts[name]
            if part is None or record_of(place, file)["kind"] != PART or sizes != part.rows:
                raise FormatError(f"{place} is not the part that {RECORD} describes; make the whole folder anew")
            if part.footer is not None and footer_hash(place) != part.footer:
                raise MismatchError(f"{place} is a part of another table, or was written anew; make the whole folder anew")
            self._opened = name, file
        return self._opened[1]


def open_table(place: Place, kind: str, schemas: Mapping[int, pa.Schema]) -> tuple[Table, dict[str, Any]]:
    """Open a table, and read its record but for kind and format; `schemas` are the columns of each format that is read.

    Raises `FormatError` unless it is whole, of this kind, and of one of these formats and its columns.
    """
    if is_folder(place):
        record = record_of(place)
        table = Table(place, _parts(place, record.pop("parts", None), record.pop("footers", {})))
    else:
        file = open_file(place)
        record = record_of(place, file)
        table = Table(place, None, file)
    if record["kind"] != kind:
        raise FormatError(f"{place} is an allograph {record['kind']}, and an allograph {kind} was expected; {_next_step(kind)}")
    version: Any = record.get("format")
    check_version(str(place), kind, version, *schemas)
    record = {key: value for key, value in record.items() if key not in ("kind", "format")}
    for wanted in schemas[version]:
        name, position = wanted.name, table.schema.get_field_index(wanted.name)
        if position < 0 or (table.schema.field(position).type != wanted.type and not pa.types.is_fixed_size_list(wanted.type)):
            raise FormatError(f"{place} has no column {name} of type {wanted.type}; it was not written by allograph {kind}")
    return table, record


def content_hash(place: Place) -> str:
    """The SHA-256 of a file's bytes, or of those of a folder's record and parts, hexadecimal."""
    if not is_folder(place):
        return hash_places([place])
    return hash_places([child(place, name) for name in (RECORD, *_parts(place, record_of(place).get("parts"), {}))])


def _parts(place: Place, parts: Any, footers: Any) -> dict[str, Part]:
    """The parts by their names."""
    try:
        found = {str(name): Part([int(rows) for rows in sizes], footers.get(name)) for name, sizes in parts.items()}
        if found and all(PART_NAME.fullmatch(name) and min(part.rows, default=0) > 0 for name, part in found.items()):
            return found
    except (AttributeError, TypeError, ValueError):
        pass
    raise FormatError(f"{child(place, RECORD)} names no parts, or such as cannot be; make the whole folder anew")


def _damage(place: Place, where: str, error: Exception) -> AllographError:
    if isinstance(error, AllographError):
        return error
    return FormatError(f"{place} is damaged {where} ({error}); make it anew")


def _next_step(kind: str) -> str:
    commands = {
        PART: "allograph prepare",
        "corpus": "allograph prepare",
        "corpus of lines": "allograph prepare lines",
        "embedded corpus": "allograph embed",
        "predictions": "allograph evaluate --predictions",
    }
    return f"make one with: {commands[kind]}"
