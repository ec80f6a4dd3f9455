"""Parquet files that say what they are: a kind, a format version and a record of where they come from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from allograph.errors import FormatError, missing_extra, storage_error
from allograph.files.atomic import atomic_file
from allograph.files.input import check_file
from allograph.files.json_files import parse_json
from allograph.files.records import check_version

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as error:  # pragma: no cover
    raise missing_extra("pyarrow", "research") from error

__all__ = ["atomic_parquet", "kind_of", "open_parquet", "pa", "pq", "record_of", "sign"]

_KEY = b"allograph"


@contextmanager
def atomic_parquet(
    path: str | Path, schema: pa.Schema, compression: str | dict[str, str] = "zstd", use_dictionary: bool | list[str] = True
) -> Iterator[pq.ParquetWriter]:
    """Write a Parquet file, whole or not at all."""
    with atomic_file(path) as temporary:
        try:
            with pq.ParquetWriter(
                temporary, schema, compression=compression, use_dictionary=use_dictionary, write_page_checksum=True
            ) as writer:
                yield writer
        except pa.ArrowException as error:  # pragma: no cover  (Arrow turns most of its write errors into OSError)
            raise storage_error(OSError(str(error)), path) from error


def sign(writer: pq.ParquetWriter, kind: str, version: int, record: Mapping[str, Any]) -> None:
    """Name the file's kind and format version and attach its record; call it before the writer closes."""
    value = json.dumps({"kind": kind, "format": version, **record}, ensure_ascii=False)
    writer.add_key_value_metadata({_KEY.decode(): value})


def open_parquet(path: str | Path, kind: str, schemas: Mapping[int, pa.Schema]) -> tuple[pq.ParquetFile, dict[str, Any]]:
    """Open a Parquet file, and read its record but for kind and format; `schemas` are the columns of each format that is read.

    Raises `FormatError` unless it is whole, of this kind, and of one of these formats and its columns.
    """
    file = _file(path)
    record = record_of(file, path)
    if record["kind"] != kind:
        raise FormatError(f"{path} is an allograph {record['kind']}, and an allograph {kind} was expected; {_next_step(kind)}")
    version: Any = record.get("format")
    check_version(path, kind, version, *schemas)
    record = {key: value for key, value in record.items() if key not in ("kind", "format")}
    columns = file.schema_arrow.remove_metadata()
    for wanted in schemas[version]:
        position = columns.get_field_index(wanted.name)
        if position < 0 or (columns.field(position).type != wanted.type and not pa.types.is_fixed_size_list(wanted.type)):
            raise FormatError(f"{path} has no column {wanted.name} of type {wanted.type}; it was not written by allograph {kind}")
    return file, record


def kind_of(path: str | Path) -> str:
    """What a Parquet file of allograph's is, such as `corpus` or `embedded corpus`; raises `FormatError` for any other file."""
    return str(record_of(_file(path), path)["kind"])


def _file(path: str | Path) -> pq.ParquetFile:
    check_file(path)
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last where a column's name is damaged
        raise FormatError(f"{path} is not a readable Parquet file: it is truncated, damaged or foreign ({error})") from error


def record_of(file: pq.ParquetFile, path: str | Path) -> dict[str, Any]:
    """The record that `sign` attached, with its `kind` and `format`."""
    raw: Any = (file.schema_arrow.metadata or {}).get(_KEY) or (file.metadata.metadata or {}).get(_KEY)
    try:
        record = parse_json(raw)
        return {**record, "kind": str(record["kind"])}
    except (TypeError, ValueError, KeyError):
        raise FormatError(f"{path} is a Parquet file, but not one of allograph's: it carries no record") from None


def _next_step(kind: str) -> str:
    commands = {
        "corpus": "allograph prepare",
        "corpus of lines": "allograph prepare lines",
        "embedded corpus": "allograph embed",
        "predictions": "allograph evaluate --predictions",
    }
    return f"make one with: {commands[kind]}"
