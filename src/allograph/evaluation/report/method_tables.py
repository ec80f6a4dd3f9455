"""Tables of one run and its methods: the paper's table 3, measures beyond the paper, the best method against the others."""

from __future__ import annotations

from typing import Any

from allograph.evaluation.measures.figures import Figures, MethodFigures
from allograph.evaluation.measures.quality import Quality
from allograph.evaluation.report.published import KNN_PER, PAPER
from allograph.evaluation.report.table import UNKNOWN, Table, number, percent, percent_interval, points, points_interval
from allograph.evaluation.report.wording import of_run
from allograph.evaluation.runs import Run


def table_3(figures: Figures, source: str, feedback: str, when: str = "", beside_knn_per: bool = False) -> Table:
    """The accuracy of the methods (paper, table 3), beside the authors' own figures where `source` names a corpus of theirs.

    The authors' figures are of `feedback` "all"; `beside_knn_per` shows those of kNN-Per instead. `when` says in the title which
    of several runs the table shows.
    """
    columns = [(name, _method_column(figures, method)) for name, method in figures.methods.items()]
    paper = PAPER.get(source, {}).get("method")
    if beside_knn_per:
        columns.append(("kNN-Per, published", _knn_per_column()))
    elif paper is not None:
        columns.append(("the authors" if feedback == "all" else "the authors (feedback all)", _paper_column(paper)))
    heads = [
        "Writers tested", "Test images", "  with a box", "Base accuracy", "Accuracy", "Gain, points", "  95 % interval",
        "Errors cut", "  95 % interval", "Largest gain, points", "  with any answerer", "Better / equal / worse", "Seconds",
    ]  # fmt: skip
    rows = tuple(
        (head, *(column[i] for _, column in columns))
        for i, head in enumerate(heads)
        if figures.boxed is not None or head != "  with a box"
    )
    title = "Table 3. Accuracy of the methods" + (f", {when}" if when else "")
    return Table(title, ("", *(name for name, _ in columns)), rows, "table-3", methods_across=True)


def _method_column(figures: Figures, method: MethodFigures) -> list[str]:
    return [
        number(len(figures.writers)),
        number(figures.samples),
        number(figures.boxed or 0),
        percent(figures.base),
        percent(method.accuracy),
        points(method.gain),
        points_interval(method.gain_ci95),
        percent(method.error_cut, 1),
        percent_interval(method.error_cut_ci95),
        points(method.oracle - figures.base),
        UNKNOWN if method.oracle_any is None else points(method.oracle_any - figures.base),
        f"{method.better} / {method.equal} / {method.worse}",
        f"{method.seconds:.1f}",
    ]


def _paper_column(paper: dict[str, Any]) -> list[str]:
    return [
        number(paper["writers"]), number(paper["samples"]), UNKNOWN, percent(paper["base"]), percent(paper["accuracy"]),
        points(paper["gain"]), UNKNOWN,
        percent(paper["gain"] / (1 - paper["base"]), 1), UNKNOWN, points(paper["largest"]), UNKNOWN,
        f"{paper['better']} / {paper['equal']} / {paper['worse']}", UNKNOWN,
    ]  # fmt: skip


def _knn_per_column() -> list[str]:
    base, accuracy, gain = (KNN_PER[name] for name in ("base", "accuracy", "gain"))
    unknown = [UNKNOWN] * 3
    return [
        *unknown,
        percent(base),
        percent(accuracy),
        points(gain),
        UNKNOWN,
        percent(gain / (1 - base), 1),
        UNKNOWN,
        *unknown,
        UNKNOWN,
    ]


def quality_table(run: Run) -> Table:
    """The measures that the paper does not have, of the base and of every method."""
    columns = [_quality_column(quality) for quality in run.qualities.values()]
    heads = [
        "Mean accuracy of the labels", "Look-alikes merged", "Digits", "Upper case", "Lower case", "Calibration error",
        "Errors in the 10 % least sure",
    ]  # fmt: skip
    rows = tuple((head, *(column[i] for column in columns)) for i, head in enumerate(heads))
    return Table(f"Beyond the paper{of_run(run)}", ("", *run.qualities), rows, "beyond", methods_across=True)


def _quality_column(quality: Quality) -> list[str]:
    shares = (quality.macro, quality.merged, quality.digits, quality.upper, quality.lower)
    return [
        *map(percent, shares),
        UNKNOWN if quality.calibration_error is None else f"{quality.calibration_error:.3f}",
        percent(quality.abstaining_cut, 1),
    ]


def duels_table(run: Run) -> Table:
    """The best method against each of the others."""
    best = run.duels[0].method
    rows = tuple(
        (
            duel.rival,
            points(duel.difference),
            points_interval(duel.difference_ci95),
            percent(duel.error_cut, 1),
            percent_interval(duel.error_cut_ci95),
        )
        for duel in run.duels
        if duel.method == best
    )
    head = ("against", "points", "  95 % interval", "of its errors cut", "  95 % interval")
    return Table(f"“{best}” against the others{of_run(run)}", head, rows, "rivals")
