"""Evaluation: how well adapters do on the application writers of a corpus (paper §4.5).

`evaluate` replays an embedded corpus under a protocol (`Resample`, `KnnPer`, `Sequential`, `Curve`, `Unlabelled`) and returns an
`Evaluation`: figures, rows, tables, and a report. Protocols say which samples are learned and which are tested, measures make
figures of the answers, and the report shows them. `evaluate_lines` judges a corpus of lines and returns a `LineEvaluation`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from allograph.evaluation.experiment import evaluate as evaluate
    from allograph.evaluation.lines import LineEvaluation as LineEvaluation
    from allograph.evaluation.lines import evaluate_lines as evaluate_lines
    from allograph.evaluation.outcome import Evaluation as Evaluation
    from allograph.evaluation.protocols import Curve as Curve
    from allograph.evaluation.protocols import EvaluationProtocol as EvaluationProtocol
    from allograph.evaluation.protocols import KnnPer as KnnPer
    from allograph.evaluation.protocols import Resample as Resample
    from allograph.evaluation.protocols import Sequential as Sequential
    from allograph.evaluation.protocols import Unlabelled as Unlabelled

_HOME = {"evaluate": "experiment", "Evaluation": "outcome"} | dict.fromkeys(
    ("Curve", "EvaluationProtocol", "KnnPer", "Resample", "Sequential", "Unlabelled"), "protocols"
)
_HOME |= dict.fromkeys(("LineEvaluation", "evaluate_lines"), "lines")
__all__ = [
    "Curve",
    "Evaluation",
    "EvaluationProtocol",
    "KnnPer",
    "LineEvaluation",
    "Resample",
    "Sequential",
    "Unlabelled",
    "evaluate",
    "evaluate_lines",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for only now: most of it needs the research extra."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
