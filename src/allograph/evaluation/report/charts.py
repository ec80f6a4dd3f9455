"""The charts of a report: accuracy as corrections come in, and how well probabilities are calibrated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from allograph.evaluation.measures.course import Course
from allograph.evaluation.protocols.curve import CurvePoint
from allograph.evaluation.protocols.sequential import Sequential
from allograph.evaluation.protocols.unlabelled import UnlabelledPoint
from allograph.evaluation.report.line_plots import Line, lines_plot
from allograph.evaluation.report.plots import WIDTHS
from allograph.evaluation.report.wording import FEEDBACK
from allograph.evaluation.runs import Run


@dataclass(frozen=True)
class Chart:
    """A chart in every width of the page."""

    caption: str
    plots: Sequence[str]
    """`<svg>` elements."""


def progress_charts(runs: Sequence[Run]) -> list[Chart]:
    """Accuracy against corrections learned, of sequential runs and of curves, and against what else is in the call."""
    charts = []
    for run in runs:
        if isinstance(run.protocol, Sequential) and run.courses is not None:
            mode = str(run.protocol.feedback)
            charts.append(_course_chart(run.courses, mode))
    points = [run for run in runs if isinstance(run.protocol, CurvePoint)]
    for unit, x_label in (("corrections", "corrections learned"), ("per_label", "samples of each label learned")):
        counts = [(getattr(run.protocol, unit), run) for run in points if getattr(run.protocol, unit) is not None]
        if counts:
            caption = f"Accuracy by {x_label}, on the samples held out throughout; the base reads the same samples."
            charts.append(_curve_chart(counts, unit, x_label, caption))
    calls = [(run.protocol.others, run) for run in runs if isinstance(run.protocol, UnlabelledPoint)]
    if calls:
        caption = "Accuracy by how many other samples of the writer are in the call, none of them corrected."
        charts.append(_curve_chart(calls, "unlabelled", "others in the call", caption))
    return charts


def sureness_charts(run: Run) -> list[Chart]:
    """Risk against coverage, and reliability, of the base and the methods whose answers have probabilities."""
    risk = [
        Line(name, *_percent(quality.risk_coverage), control=name == "base")
        for name, quality in run.qualities.items()
        if quality.risk_coverage is not None
    ]
    reliability = [
        Line(name, *_percent(quality.reliability), control=name == "base")
        for name, quality in run.qualities.items()
        if quality.reliability is not None
    ]
    if not risk:
        return []
    return [
        _chart(
            "How many of the answers are wrong when only the surest are given.",
            risk,
            "risk coverage",
            "share of samples answered",
        ),
        _chart(
            "How often answers are right, by how probable they were held; on the diagonal both agree. Each point is a fifteenth "
            "of the samples.",
            reliability,
            "reliability",
            "mean probability of the answers",
            diagonal=True,
        ),
    ]


def _course_chart(courses: Mapping[str, Course], mode: str) -> Chart:
    """In the order of stretches; where mistakes alone are counted each method has samples, and so a base, of its own."""
    firsts = sorted({stretch.corrections for course in courses.values() for stretch in course.stretches})
    place = {first: float(i) for i, first in enumerate(firsts)}
    lines: list[Line] = []
    bases: dict[tuple[float, ...], Line] = {}
    for name, course in courses.items():
        x = [place[stretch.corrections] for stretch in course.stretches]
        base = tuple(100 * stretch.base for stretch in course.stretches)
        bases.setdefault((*x, *base), Line(f"base, {name}", x, base, control=True))
        lines.append(Line(name, x, [100 * stretch.accuracy for stretch in course.stretches]))
    if len(bases) == 1:
        bases = {key: replace(line, name="base") for key, line in bases.items()}
    ticks = [(place[first], str(first)) for first in firsts]
    caption = f"Accuracy by how many corrections the method had learned when it answered: {FEEDBACK[mode]} (feedback {mode})."
    return _chart(caption, [*bases.values(), *lines], f"course {mode}", "corrections learned, from", ticks)


def _curve_chart(counts: Sequence[tuple[int, Run]], unit: str, x_label: str, caption: str) -> Chart:
    x = [float(i) for i in range(len(counts))]
    lines = [Line("base", x, [100 * run.figures.base for _, run in counts], control=True)]
    for name in counts[0][1].figures.methods:
        lines.append(Line(name, x, [100 * run.figures.methods[name].accuracy for _, run in counts]))
    ticks = [(float(i), f"{count}") for i, (count, _) in enumerate(counts)]
    return _chart(caption, lines, f"curve {unit}", x_label, ticks)


def _chart(
    caption: str,
    lines: Sequence[Line],
    name: str,
    x_label: str,
    ticks: Sequence[tuple[float, str]] = (),
    diagonal: bool = False,
) -> Chart:
    return Chart(caption, [lines_plot(lines, width, name, x_label, ticks, diagonal) for width in WIDTHS])


def _percent(pairs: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Pairs of shares as x and y in per cent."""
    x, y = zip(*pairs, strict=True)
    return [100 * value for value in x], [100 * value for value in y]
