"""Tables of several runs: accuracy as corrections come in."""

from __future__ import annotations

from collections.abc import Sequence

from allograph.evaluation.protocols.curve import CurvePoint
from allograph.evaluation.protocols.kinds import RunProtocol
from allograph.evaluation.protocols.sequential import Sequential
from allograph.evaluation.report.table import Table, number, percent, points
from allograph.evaluation.runs import Run


def progress_tables(runs: Sequence[Run]) -> list[Table]:
    """The table of a sequential protocol or of a curve; none for another protocol."""
    if isinstance(runs[-1].protocol, Sequential):
        return [sequential_table(runs)]
    return [curve_table(runs)] if isinstance(runs[-1].protocol, CurvePoint) else []


def sequential_table(runs: Sequence[Run]) -> Table:
    """Accuracy where each sample was answered and then learned, in each mode of feedback."""
    rows = tuple(
        (
            str(run.protocol.feedback),
            name,
            percent(run.figures.base),
            f"{percent(run.figures.methods[name].accuracy)} ({points(run.figures.methods[name].gain)})",
            f"{percent(course.last_quarter)} ({points(course.last_quarter - course.base_last_quarter)})",
            "never" if course.ahead_after is None else number(course.ahead_after),
            number(run.figures.methods[name].worse),
        )
        for run in runs
        for name, course in (run.courses or {}).items()
    )
    head = ("feedback", "method", "base", "all samples", "last quarter", "ahead after", "harmed")
    return Table("Test, then learn", head, rows, "sequential", texts=2)


def curve_table(runs: Sequence[Run]) -> Table:
    """Accuracy after more and more corrections, of the base and of every method on the same samples."""
    rows = tuple(
        (
            point_name(run.protocol),
            number(len(run.figures.writers)),
            percent(run.figures.base),
            *(f"{percent(method.accuracy)} ({points(method.gain)})" for method in run.figures.methods.values()),
        )
        for run in runs
    )
    head = ("learned", "writers", "base", *runs[0].figures.methods)
    return Table("Accuracy by what was learned", head, rows, "curve", methods_across=True)


def point_name(point: RunProtocol) -> str:
    """What the methods learned before a point of a curve, in words; empty for another run."""
    if not isinstance(point, CurvePoint):
        return ""
    return f"{point.corrections} in all" if point.per_label is None else f"{point.per_label} a label"
