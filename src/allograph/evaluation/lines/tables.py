"""Tables of an evaluation of lines."""

from __future__ import annotations

from collections.abc import Sequence

from allograph.evaluation.lines.figures import LineFigures, Pace, Share, StageFigures
from allograph.evaluation.lines.measures import LineCounts
from allograph.evaluation.lines.protocol import WriterLines
from allograph.evaluation.report.table import UNKNOWN, Table, number, percent, percent_interval


def line_tables(figures: LineFigures, writers: Sequence[WriterLines]) -> list[Table]:
    """What was read wrong by stages and by writers, and how long it took."""
    return [_stages(figures), _by_writer(writers), _times(figures)]


def _stages(figures: LineFigures) -> Table:
    head = ("lines learned", "read", "characters wrong", "  95 % interval", "words wrong", "  95 % interval", "cuts right")
    rows = [("none, all lines", *_cells(figures.everything))]
    rows += [(stage.name, *_cells(stage)) for stage in figures.stages]
    return Table("What is read wrong, after more and more corrected lines", head, tuple(rows), "stages")


def _cells(stage: StageFigures) -> tuple[str, ...]:
    cells = [number(stage.lines), *_with_interval(stage.characters_wrong), *_with_interval(stage.words_wrong)]
    return (*cells, percent(stage.cuts_right.value))


def _with_interval(share: Share) -> tuple[str, str]:
    return percent(share.value), percent_interval(share.ci95)


def _by_writer(writers: Sequence[WriterLines]) -> Table:
    measures = ("characters wrong", "words wrong", "cuts right")
    head = ("writer", "learned", "read", *(f"{one}, {when}" for one in measures for when in ("before", "after")))
    rows = tuple(
        (
            one.writer,
            number(one.learned),
            number(one.after.lines),
            *(cell for pair in zip(_shares(one.before), _shares(one.after), strict=True) for cell in pair),
        )
        for one in writers
    )
    return Table("Each writer's lines after those that are learned", head, rows, "writers")


def _shares(counts: LineCounts) -> tuple[str, ...]:
    pairs = (
        (counts.characters_wrong, counts.characters),
        (counts.words_wrong, counts.words),
        (counts.cuts_right, counts.cuts),
    )
    return tuple(percent(part / whole if whole else None, 1) for part, whole in pairs)


def _times(figures: LineFigures) -> Table:
    rows = (
        ("reading, nothing learned", *_pace(figures.reading)),
        ("reading, the share learned", *_pace(figures.reading_again)),
        ("correcting and learning", *_pace(figures.correcting)),
    )
    return Table("Time for a line, one thread", ("", "milliseconds", "times the network alone"), rows, "times")


def _pace(pace: Pace) -> tuple[str, str]:
    if pace.milliseconds is None or pace.ratio is None:
        return UNKNOWN, UNKNOWN
    return f"{pace.milliseconds:.0f}", f"{pace.ratio:.1f}"
