"""Every answer of an evaluation, sample by sample, as Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.alphabet.labels import Alphabet
from allograph.corpora.parquet import atomic_parquet, open_parquet, pa, sign
from allograph.embedding import EmbeddedSamples
from allograph.errors import InputError
from allograph.evaluation.protocols.replay import Replayed
from allograph.evaluation.runs import Run
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


@dataclass(frozen=True)
class Tested:
    """Who was tested on what, without embeddings."""

    rows: NDArray[np.int64]
    """[n] places in the corpus."""
    labels: NDArray[np.str_]
    writers: NDArray[np.str_]
    order: NDArray[np.int32] | None

    @classmethod
    def of(cls, samples: EmbeddedSamples) -> Tested:
        """What is needed of the samples once they were replayed."""
        return cls(samples.rows, samples.labels, samples.writers, samples.order)


def check_methods(methods: Sequence[str]) -> None:
    """Raise `InputError` where a method's columns would have another column's name."""
    names = [name for name, _ in FIXED] + [column for method in methods for column in _columns(method)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"predictions would have two columns {twice[0]}; leave out one of the methods {', '.join(methods)}")


def write_predictions(
    path: str | Path,
    runs: Sequence[Run],
    tested: Tested,
    alphabet: Alphabet,
    record: Mapping[str, Any],
    progress: Progress = silent,
) -> None:
    """Write a row for every answer of every run, whole or not at all, a writer at a time; `record` joins the file's own."""
    methods = list(runs[0].figures.methods)
    check_methods(methods)
    columns = [*FIXED, *((name, kind) for method in methods for name, kind in zip(_columns(method), _KINDS, strict=True))]
    schema = pa.schema(columns)
    texts = [name for name, kind in columns if kind == pa.string()]
    places = _places(tested)
    count, done = sum(len(run.replayed) for run in runs), 0
    labels = pa.array(list(alphabet), pa.string())
    with atomic_parquet(path, schema, use_dictionary=texts) as file:
        for number, run in enumerate(runs):
            for writer in run.replayed:
                table = pa.table(_of_writer(number, run, writer, tested, places[writer.writer], labels), schema=schema)
                if table.num_rows:
                    file.write_table(table, row_group_size=AT_ONCE)
                done += 1
                progress("writing the predictions", done, count)
        sign(file, KIND, FORMAT, {**record, "methods": methods, "runs": [run.protocol.as_dict() for run in runs]})


def describe_predictions(path: str | Path) -> dict[str, Any]:
    """What a file of predictions holds, read to its end; raises `FormatError` where it is truncated, foreign or damaged."""
    file, record = open_parquet(path, KIND, FORMAT, pa.schema(FIXED))
    samples = sum(batch.num_rows for batch in file.iter_batches(AT_ONCE))
    return {"answers": samples, **{key: record[key] for key in ("corpus", "model", "methods") if key in record}}


_KINDS = (pa.string(), pa.float32())


def _columns(method: str) -> tuple[str, str]:
    return method, f"{method}_probability"


def _places(tested: Tested) -> dict[str, NDArray[np.int64]]:
    """Where each writer's samples lie, in the order in which `writers_of` parts them."""
    order = np.argsort(tested.writers, kind="stable")
    names, starts = np.unique(tested.writers[order], return_index=True)
    return dict(zip(names.tolist(), np.split(order, starts)[1:], strict=True))


def _of_writer(
    number: int, run: Run, writer: Replayed, tested: Tested, places: NDArray[np.int64], labels: pa.Array
) -> dict[str, pa.Array]:
    order = None if tested.order is None else tested.order[places]
    trials = run.protocol.trials(writer.writer, tested.labels[places], order)
    count = len(writer.rows)
    columns = {
        "run": pa.array(np.full(count, number, np.int32)),
        "writer": pa.array([writer.writer] * count, pa.string()),
        "resample": pa.array(np.repeat(np.arange(len(trials), dtype=np.int32), [len(trial.test) for trial in trials])),
        "row": pa.array(tested.rows[places][writer.rows]),
        "label": labels.take(pa.array(writer.true)),
        "base": labels.take(pa.array(writer.base)),
        "base_probability": _probabilities(writer.base_probabilities, count),
    }
    for method, answers in writer.methods.items():
        answer, probability = _columns(method)
        columns[answer] = labels.take(pa.array(answers.labels))
        columns[probability] = _probabilities(answers.probabilities, count)
    return columns


def _probabilities(values: NDArray[np.float32] | None, count: int) -> pa.Array:
    return pa.nulls(count, pa.float32()) if values is None else pa.array(np.asarray(values, np.float32))
