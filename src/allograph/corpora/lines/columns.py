"""Lines as columns of a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.lines.line import LabelledLine
from allograph.corpora.parquet import pa
from allograph.errors import FormatError, InputError

STROKES = pa.list_(pa.list_(pa.float64()))
"""A list of strokes, each a list of coordinates."""
SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("writer", pa.string()),
        ("split", pa.string()),
        ("x", STROKES),
        ("y", STROKES),
        ("characters", pa.list_(pa.int16())),  # empty where they are not known: not every release of Arrow can write null lists
        ("unit", pa.string()),
        ("device", pa.string()),
    ]
)


def lines_to_arrow(lines: Sequence[LabelledLine]) -> pa.Table:
    """A table with the columns of `SCHEMA`."""
    strokes = [stroke for line in lines for stroke in line.strokes]
    points = np.concatenate(strokes) if strokes else np.empty((0, 2))
    stroke_starts, line_starts = _starts(strokes), _starts([line.strokes for line in lines])
    known = [() if line.characters is None else line.characters.tolist() for line in lines]
    columns = [
        pa.array([line.text for line in lines], pa.string()),
        pa.array([line.writer for line in lines], pa.string()),
        pa.array([line.split for line in lines], pa.string()),
        *(
            pa.ListArray.from_arrays(line_starts, pa.ListArray.from_arrays(stroke_starts, pa.array(axis)))
            for axis in np.ascontiguousarray(points.T)
        ),
        pa.ListArray.from_arrays(_starts(known), pa.array(list(chain.from_iterable(known)), pa.int16())),
        pa.array([line.unit for line in lines], pa.string()),
        pa.array([line.device for line in lines], pa.string()),
    ]
    return pa.table(columns, schema=SCHEMA)


def lines_of(table: pa.Table, where: str, first: int = 0) -> Iterator[LabelledLine]:
    """Yield the lines of a table; `first` is the place of its first row in the file.

    Raises `FormatError`, which begins with `where` and names the row, for what can be no line.
    """
    if not table.num_rows:
        return
    table = table.combine_chunks()
    columns = {name: table[name].chunk(0) for name in SCHEMA.names}
    lacking = [name for name, column in columns.items() if _has_null(column)]
    if lacking:
        raise FormatError(f"{where} has lines without {', '.join(lacking)}; make it anew")
    x, y = columns["x"], columns["y"]
    stroke_ends, line_ends = _ends(x.flatten()), _ends(x)
    if not (np.array_equal(line_ends, _ends(y)) and np.array_equal(stroke_ends, _ends(y.flatten()))):
        raise FormatError(f"{where} has strokes with more x than y, or fewer; make it anew")
    points = np.stack([axis.flatten().flatten().to_numpy(zero_copy_only=False) for axis in (x, y)], axis=1)
    strokes = np.split(points, stroke_ends[:-1]) if len(stroke_ends) else []
    known = columns["characters"]
    known_ends, characters = _ends(known), known.flatten().to_numpy(zero_copy_only=False)
    texts = (columns[name].to_pylist() for name in ("text", "writer", "split", "unit", "device"))
    start = known_start = 0
    for row, (text, writer, split, unit, device) in enumerate(zip(*texts, strict=True)):
        end, known_end = int(line_ends[row]), int(known_ends[row])
        mine = characters[known_start:known_end]
        try:
            yield LabelledLine(tuple(strokes[start:end]), text, writer, split, mine if len(mine) else None, unit, device)
        except InputError as error:
            raise FormatError(f"{where}, row {first + row}: {error}; make the file anew") from None
        start, known_start = end, known_end


def _starts(parts: Sequence[Any]) -> pa.Array:
    """Where each part begins, and where the last ends, if they follow one another."""
    return pa.array(np.cumsum([0, *map(len, parts)]), pa.int32())


def _ends(lists: pa.ListArray) -> NDArray[np.int64]:
    """Where each list ends, if they follow one another."""
    return np.cumsum(lists.value_lengths().to_numpy(zero_copy_only=False), dtype=np.int64)


def _has_null(column: pa.Array) -> bool:
    """Whether a value is null, or anything in a list."""
    return bool(column.null_count) or (pa.types.is_list(column.type) and _has_null(column.flatten()))
