"""Tables of several runs: accuracy as corrections come in, without any, and with wrong ones."""

from __future__ import annotations

from collections.abc import Sequence

from allograph.evaluation.protocols.curve import CurvePoint
from allograph.evaluation.protocols.kinds import RunProtocol
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.sequential import Sequential
from allograph.evaluation.protocols.unlabelled import UnlabelledPoint
from allograph.evaluation.report.table import UNKNOWN, Table, number, percent, percent_interval, points
from allograph.evaluation.report.wording import run_in_words
from allograph.evaluation.runs import Run


def progress_tables(runs: Sequence[Run]) -> list[Table]:
    """The tables of a protocol of several runs; none for another protocol."""
    protocol = runs[-1].protocol
    if isinstance(protocol, Sequential):
        return [sequential_table(runs), first_samples_table(runs[-1])]
    if isinstance(protocol, CurvePoint):
        return [curve_table(runs)]
    if isinstance(protocol, UnlabelledPoint):
        return [unlabelled_table(runs)]
    return [wrong_labels_table(*runs)] if isinstance(protocol, Resample) and protocol.wrong_labels else []


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


def first_samples_table(run: Run) -> Table:
    """Accuracy over each writer's first samples, over all, and on labels never corrected before; of the base and every method."""
    first = run.first_samples or {}
    spans = next(iter(first.values()))
    base = ["base", *(_share(span.base, span.base) for span in spans.spans), _share(run.figures.base, run.figures.base)]
    rows = [base + ([] if spans.unseen is None else [_share(spans.unseen.base, spans.unseen.base)])]
    for name, found in first.items():
        cells = [_share(span.accuracy, span.base) for span in found.spans]
        whole = _share(run.figures.methods[name].accuracy, run.figures.base)
        unseen = [] if found.unseen is None else [_share(found.unseen.accuracy, found.unseen.base)]
        rows.append([name, *cells, whole, *unseen])
    ends = [f"{span.first} to {span.last}" for span in spans.spans]
    head = ("samples", *ends, "all", *([] if spans.unseen is None else ["of a new label"]))
    title = f"Accuracy over the first samples of {len(run.figures.writers)} writers, {run_in_words(run)}"
    return Table(title, head, tuple(map(tuple, rows)), "first-samples")


def unlabelled_table(runs: Sequence[Run]) -> Table:
    """What every method makes of more and more other samples in the call, none corrected."""
    rows = tuple(
        (
            str(run.protocol.others) if isinstance(run.protocol, UnlabelledPoint) else "",
            name,
            number(len(run.figures.writers)),
            percent(run.figures.base),
            percent(method.accuracy),
            percent(method.error_cut, 1),
            percent_interval(method.error_cut_ci95),
            number(method.worse),
        )
        for run in runs
        for name, method in run.figures.methods.items()
    )
    head = ("others in the call", "method", "writers", "base", "accuracy", "errors cut", "  95 % interval", "harmed")
    return Table("Nothing corrected", head, rows, "unlabelled", texts=2)


def wrong_labels_table(right: Run, wrong: Run) -> Table:
    """What is kept of each method's gain when some labels are learned wrong, and how well its doubt finds them."""
    rows = []
    for name, method in wrong.figures.methods.items():
        whole = right.figures.methods[name]
        slips = wrong.slips[name]
        rows.append(
            (
                name,
                points(whole.gain),
                points(method.gain),
                percent(method.gain / whole.gain, 1) if whole.gain > 0 else UNKNOWN,
                number(method.worse),
                percent(slips.precision, 1),
                percent(slips.recall, 1),
            )
        )
    head = ("method", "gain, all right", "gain", "kept", "harmed", "doubt: precision", "recall")
    return Table(f"Wrong corrections, {run_in_words(wrong)}", head, tuple(rows), "wrong-labels")


def _share(accuracy: float, base: float) -> str:
    return f"{percent(accuracy)} ({points(accuracy - base)})"


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
