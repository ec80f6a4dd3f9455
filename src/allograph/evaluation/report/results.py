"""`results.json`: every figure of an evaluation, as fractions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from allograph.errors import FormatError
from allograph.evaluation.runs import Run
from allograph.files.json_files import read_json, write_json
from allograph.files.records import check_version

FORMAT = 1


def run_as_dict(run: Run) -> dict[str, Any]:
    """One run, as it stands in `results.json`."""
    figures, courses, first = run.figures, run.courses or {}, run.first_samples or {}
    base = {"accuracy": figures.base, "samples": figures.samples, "writers": len(figures.writers), "boxes": figures.boxed or 0}
    return {
        "protocol": run.protocol.as_dict(),
        "base": {**base, **asdict(run.qualities["base"]), "error_kinds": _shares(run, "base")},
        "methods": {
            name: {
                **asdict(method),
                **asdict(run.qualities[name]),
                "error_kinds": _shares(run, name),
                **({"course": asdict(courses[name])} if name in courses else {}),
                **({"first_samples": asdict(first[name])} if name in first else {}),
                **({"slips": asdict(run.slips[name])} if name in run.slips else {}),
            }
            for name, method in figures.methods.items()
        },
        "rivals": [asdict(duel) for duel in run.duels],
        "writers": [
            {"id": writer.id, "samples": writer.samples, "base": writer.base, **writer.methods} for writer in figures.writers
        ],
    }


def _shares(run: Run, name: str) -> dict[str, float]:
    """The errors of each kind as shares of all test samples."""
    return {kind: count / run.figures.samples for kind, count in run.error_kinds[name].items()}


def results(
    corpus: str,
    model: str,
    runs: Sequence[dict[str, Any]],
    tables: dict[str, Any],
    headline: str | None = None,
    left_out: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The whole of `results.json`: the corpus's name, the model's hash, the runs, and the paper's tables 1 and 2.

    `headline` is what came of it in a sentence, `left_out` says of each method that could not be judged why. Numbers that are
    not finite become null.
    """
    more = {**({} if headline is None else {"headline": headline}), **({"left_out": dict(left_out)} if left_out else {})}
    value = {"format": FORMAT, "corpus": corpus, "model": model, **more, "runs": list(runs), "tables": tables}
    finite: dict[str, Any] = _without_infinities(value)
    return finite


def _without_infinities(value: Any) -> Any:
    """The same with None in place of numbers that JSON does not have."""
    if isinstance(value, Mapping):
        return {key: _without_infinities(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_infinities(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_results(path: str | Path, value: dict[str, Any]) -> None:
    """Write `results.json`, whole or not at all."""
    write_json(path, value)


def read_results(path: str | Path) -> dict[str, Any]:
    """Read `results.json`; raises `FormatError` when it is none, or of another version."""
    value = read_json(path)
    if not isinstance(value, dict) or "runs" not in value:
        raise FormatError(f"{path} is not the result of an evaluation")
    check_version(path, "evaluation result", value.get("format"), FORMAT)
    return value
