"""Tables beyond the paper's: more measures, method against method, and accuracy as corrections come in."""

from __future__ import annotations

from collections.abc import Sequence

from allograph.evaluation.measures.quality import Quality
from allograph.evaluation.protocols.curve import CurvePoint
from allograph.evaluation.protocols.sequential import Sequential
from allograph.evaluation.report.paper_tables import Table, number, percent, points
from allograph.evaluation.report.wording import run_in_words
from allograph.evaluation.runs import Run


def quality_table(run: Run) -> Table:
    """The measures that the paper does not have, of the base and of every method."""
    columns = [_quality_column(quality) for quality in run.qualities.values()]
    heads = [
        "Mean accuracy of the labels", "Look-alikes merged", "Digits", "Upper case", "Lower case", "Calibration error",
        "Errors in the 10 % least sure",
    ]  # fmt: skip
    rows = tuple((head, *(column[i] for column in columns)) for i, head in enumerate(heads))
    return Table(f"Beyond the paper{_of(run)}", ("", *run.qualities), rows, "beyond", methods_across=True)


def _quality_column(quality: Quality) -> list[str]:
    shares = (quality.macro, quality.merged, quality.digits, quality.upper, quality.lower)
    return [
        *(_or_dash(share) for share in shares),
        "–" if quality.calibration_error is None else f"{quality.calibration_error:.3f}",
        _or_dash(quality.abstaining_cut, 1),
    ]


def duels_table(run: Run) -> Table:
    """The best method against each of the others."""
    best = run.duels[0].method
    rows = tuple(
        (
            duel.rival,
            points(duel.difference),
            " … ".join(points(end) for end in duel.difference_ci95),
            _or_dash(duel.error_cut, 1),
            "–" if duel.error_cut_ci95 is None else " … ".join(percent(end, 1) for end in duel.error_cut_ci95),
        )
        for duel in run.duels
        if duel.method == best
    )
    head = ("against", "points", "  95 % interval", "of its errors cut", "  95 % interval")
    return Table(f"“{best}” against the others{_of(run)}", head, rows, "rivals")


def sequential_table(runs: Sequence[Run]) -> Table:
    """What test-then-learn gave, in each mode of feedback."""
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


def plan_tables(runs: Sequence[Run]) -> list[Table]:
    """The tables beyond the paper's that these runs fill."""
    last = runs[-1]
    return [
        *([sequential_table(runs)] if isinstance(last.protocol, Sequential) else []),
        *([curve_table(runs)] if isinstance(last.protocol, CurvePoint) else []),
        quality_table(last),
        *([duels_table(last)] if last.duels else []),
    ]


def point_name(point: object) -> str:
    """What a point of a curve learned, in words."""
    if not isinstance(point, CurvePoint):
        return ""
    return f"{point.corrections} in all" if point.per_label is None else f"{point.per_label} a label"


def _of(run: Run) -> str:
    when = run_in_words(run)
    return f", {when}" if when else ""


def _or_dash(share: float | None, digits: int = 2) -> str:
    return "–" if share is None else percent(share, digits)
