"""Parquet files that say what they are: a kind, a format version and a record of where they come from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from allograph.corpora.place import Place, atomic_upload, file_system, is_folder, is_url, open_place, read_record, reading
from allograph.errors import FormatError, missing_extra, storage_error
from allograph.files.atomic import atomic_file
from allograph.files.input import check_file
from allograph.files.json_files import parse_json

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as error:  # pragma: no cover
    raise missing_extra("pyarrow", "research") from error

__all__ = ["atomic_parquet", "footer_hash", "kind_of", "open_file", "pa", "pq", "record_of", "sign", "signature"]

_KEY = b"allograph"


@contextmanager
def atomic_parquet(
    place: Place, schema: pa.Schema, compression: str | dict[str, str] = "zstd", use_dictionary: bool | list[str] = True
) -> Iterator[pq.ParquetWriter]:
    """Write a Parquet file, whole or not at all."""
    with atomic_upload(place) if is_url(place) else atomic_file(place) as target:
        try:
            with pq.ParquetWriter(
                target, schema, compression=compression, use_dictionary=use_dictionary, write_page_checksum=True
            ) as writer:
                yield writer
        except pa.ArrowException as error:  # pragma: no cover  (Arrow turns most of its write errors into OSError)
            raise storage_error(OSError(str(error)), place) from error


def sign(writer: pq.ParquetWriter, kind: str, version: int, record: Mapping[str, Any]) -> None:
    """Name the file's kind and format version and attach its record; call it before the writer closes."""
    writer.add_key_value_metadata({_KEY.decode(): signature(kind, version, record)})


def signature(kind: str, version: int, record: Mapping[str, Any]) -> str:
    """A record with kind and format version, as JSON."""
    return json.dumps({"kind": kind, "format": version, **record}, ensure_ascii=False)


def kind_of(place: Place) -> str:
    """What a table of allograph's is, such as `corpus` or `embedded corpus`; raises `FormatError` for any other file."""
    return str(record_of(place)["kind"])


def open_file(place: Place) -> pq.ParquetFile:
    """Open a Parquet file; raises `FormatError` unless it is whole, `InputError` where there is none."""
    if not is_url(place):
        check_file(place)
    try:
        if not is_url(place):
            return pq.ParquetFile(place, page_checksum_verification=True)
        from pyarrow.fs import FSSpecHandler, PyFileSystem

        with reading(place):
            system, path = file_system(place)
            system.info(path)
        return pq.ParquetFile(path, page_checksum_verification=True, filesystem=PyFileSystem(FSSpecHandler(system)))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last where a column's name is damaged
        raise FormatError(f"{place} is not a readable Parquet file: it is truncated, damaged or foreign ({error})") from error


def footer_hash(place: Place) -> str:
    """The SHA-256, hexadecimal, of a Parquet file's footer: where each column's pages are, how large, and with which values."""
    with open_place(place) as file:
        file.seek(-8, os.SEEK_END)
        size = int.from_bytes(file.read(4), "little")
        file.seek(-8 - size, os.SEEK_END)
        return hashlib.sha256(file.read(size)).hexdigest()


def record_of(place: Place, file: pq.ParquetFile | None = None) -> dict[str, Any]:
    """The record of a file (which may be open already) or of a folder of parts, with its `kind` and `format`."""
    what = "a Parquet file"
    if file is None and is_folder(place):
        what = "a folder of parts"
        raw: Any = read_record(place)
    else:
        file = file or open_file(place)
        raw = (file.schema_arrow.metadata or {}).get(_KEY) or (file.metadata.metadata or {}).get(_KEY)
    try:
        record = parse_json(raw)
        return {**record, "kind": str(record["kind"])}
    except (TypeError, ValueError, KeyError):
        raise FormatError(f"{place} is {what}, but not one of allograph's: it carries no record") from None
