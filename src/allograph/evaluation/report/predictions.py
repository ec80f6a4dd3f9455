"""Every answer of an evaluation, sample by sample, as Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.parquet import atomic_parquet, pa, sign
from allograph.corpora.table import open_table
from allograph.errors import InputError
from allograph.evaluation.protocols.answers import WriterAnswers
from allograph.evaluation.protocols.stored_writers import StoredWriters
from allograph.evaluation.runs import Run, Setup
from allograph.progress import Progress, silent

FORMAT = 1
KIND = "predictions"
FIXED: tuple[tuple[str, pa.DataType], ...] = (
    ("run", pa.int32()),
    ("writer", pa.string()),
    ("resample", pa.int32()),
    ("row", pa.int64()),
    ("label", pa.string()),
    ("base", pa.string()),
    ("base_probability", pa.float32()),
)
"""The columns that are there whatever the methods."""
AT_ONCE = 65_536
"""Answers in a row group, at most."""


def check_methods(methods: Sequence[str]) -> None:
    """Raise `InputError` where a method's columns would have another column's name."""
    names = [name for name, _ in FIXED] + [column for method in methods for column in _columns(method)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"predictions would have two columns {twice[0]}; leave out one of the methods {', '.join(methods)}")


def write_predictions(
    path: str | Path, setup: Setup, runs: Sequence[Run], writers: StoredWriters, progress: Progress = silent
) -> None:
    """Write a row for every answer of every run, whole or not at all, a writer at a time."""
    methods = list(runs[0].figures.methods)
    check_methods(methods)
    columns = [*FIXED, *((name, kind) for method in methods for name, kind in zip(_columns(method), _KINDS, strict=True))]
    schema = pa.schema(columns)
    texts = [name for name, kind in columns if kind == pa.string()]
    count, done = sum(len(run.answers) for run in runs), 0
    labels = pa.array(list(setup.bundle.alphabet), pa.string())
    with atomic_parquet(path, schema, use_dictionary=texts) as file:
        for number, run in enumerate(runs):
            for writer, stored in zip(run.answers, writers, strict=True):
                trials = run.protocol.trials(writer.writer, stored.labels, stored.order)
                columns_of = {
                    "run": pa.array(np.full(len(writer), number, np.int32)),
                    "resample": pa.array(np.repeat(np.arange(len(trials), dtype=np.int32), [len(one.test) for one in trials])),
                    "row": pa.array(stored.rows[writer.rows]),
                    **_answer_columns(writer, labels),
                }
                table = pa.table([columns_of[name] for name in schema.names], schema=schema)
                if table.num_rows:
                    file.write_table(table, row_group_size=AT_ONCE)
                done += 1
                progress("writing the predictions", done, count)
        record = {"corpus": setup.corpus, "model": setup.bundle.model_hash}
        sign(file, KIND, FORMAT, {**record, "methods": methods, "runs": [run.protocol.as_dict() for run in runs]})


def describe_predictions(path: str | Path) -> dict[str, Any]:
    """What a file of predictions holds, read to its end; raises `FormatError` where it is truncated, foreign or damaged."""
    table, record = open_table(path, KIND, {FORMAT: pa.schema(FIXED)})
    samples = sum(table.group(number).num_rows for number in range(len(table.groups)))
    return {"answers": samples, **{key: record[key] for key in ("corpus", "model", "methods") if key in record}}


_KINDS = (pa.string(), pa.float32())


def _columns(method: str) -> tuple[str, str]:
    return method, f"{method}_probability"


def _answer_columns(writer: WriterAnswers, labels: pa.Array) -> dict[str, pa.Array]:
    columns = {
        "writer": pa.array([writer.writer] * len(writer), pa.string()),
        "label": labels.take(pa.array(writer.true)),
        "base": labels.take(pa.array(writer.base)),
        "base_probability": _probabilities(writer.base_probabilities, len(writer)),
    }
    for method, answers in writer.methods.items():
        answer, probability = _columns(method)
        columns[answer] = labels.take(pa.array(answers.labels))
        columns[probability] = _probabilities(answers.probabilities, len(writer))
    return columns


def _probabilities(values: NDArray[np.float32] | None, count: int) -> pa.Array:
    return pa.nulls(count, pa.float32()) if values is None else pa.array(np.asarray(values, np.float32))
