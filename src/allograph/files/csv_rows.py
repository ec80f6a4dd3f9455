"""Tables that people write: CSV files in UTF-8 whose first line names the columns."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from allograph.errors import FormatError, InputError
from allograph.files.input import open_file

LARGEST = 1 << 28
"""Bytes in the largest table that is read: some millions of rows."""
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
QUOTES = 'a quotation mark that is a label is written """" and a comma ","'


class Row(NamedTuple):
    """One row of a table."""

    where: str
    """The file and the line, for messages."""
    line: int
    values: dict[str, str | None]
    """By the columns' names, without the blanks around them; None where the row ends before."""


def read_rows(path: str | Path, columns: Sequence[str], what: str) -> Iterator[Row]:
    """Yield the rows of a CSV file that has at least these `columns`; `what` it is, in messages, such as `manifest`.

    Blanks around a field do not count, but for a field that is a single blank. Empty rows are passed over. Raises `InputError`
    when there is no such file, `FormatError` where it is not such a table, naming the line.
    """
    try:
        with open_file(path, largest=LARGEST) as file:
            if file.read(2) in UTF16:
                raise FormatError(f"{path} is not a readable CSV file in UTF-8: it is in UTF-16; save it as UTF-8")
            file.seek(0)
            yield from _rows(io.TextIOWrapper(file, "utf-8-sig", newline=""), path, columns)
    except FileNotFoundError:
        raise InputError(f"the {what} {path} does not exist") from None
    except FormatError:
        raise
    except (UnicodeDecodeError, OSError) as error:
        raise FormatError(f"{path} is not a readable CSV file in UTF-8 ({error})") from error


def _rows(text: io.TextIOWrapper, path: str | Path, columns: Sequence[str]) -> Iterator[Row]:
    lines = _Lines(text)
    reader = csv.reader(lines, skipinitialspace=True, strict=True)

    def next_row() -> list[str] | None:
        """The fields of the next row; None where there is none."""
        lines.taken.clear()
        begun = reader.line_num + 1
        try:
            return next(reader, None)
        except csv.Error as error:
            raise FormatError(f"{path} is not a readable CSV file in UTF-8 (line {begun}: {error}; {QUOTES})") from error

    header = [name.strip() for name in next_row() or []]
    missing = [column for column in columns if column not in header]
    if missing:
        raise FormatError(
            f"{path} has no column {' and no column '.join(missing)}; its first line must name the columns "
            f"{', '.join(columns[:-1])} and {columns[-1]}, separated by commas"
        )
    twice = sorted({column for column in header if column and header.count(column) > 1})
    if twice:
        raise FormatError(f"{path} names the column {twice[0]} twice in its first line; name each once")
    while (fields := next_row()) is not None:
        where = f"{path}, line {reader.line_num}"
        if not any(fields):
            continue
        if any("\n" in field or "\r" in field for field in fields):
            raise FormatError(f"{where}: a field goes over several lines; {QUOTES}")
        if len(fields) > len(header):
            raise FormatError(f"{where} has more fields than columns; put a field that holds a comma in quotes")
        values: dict[str, str | None] = {**dict.fromkeys(header), **dict(zip(header, map(_strip, fields), strict=False))}
        for place in _blanks(fields, lines.taken):
            values[header[place]] = " "
        yield Row(where, reader.line_num, values)


class _Lines:
    """The lines of a text, those of the row that is read kept: where blanks were skipped, a field that is a blank is empty."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text, self.taken = text, list[str]()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._text)
        self.taken.append(line)
        return line


def _blanks(fields: list[str], lines: list[str]) -> list[int]:
    """The places of the fields that are a single blank without quotes."""
    if "" not in fields or " " not in "".join(lines) or len(fields) < 2:
        return []
    kept = next(csv.reader(lines), [])
    return [i for i, field in enumerate(kept) if field == " "] if len(kept) == len(fields) else []


def _strip(field: str) -> str:
    return field.strip() or field
