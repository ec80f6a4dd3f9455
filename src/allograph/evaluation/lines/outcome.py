"""The outcome of an evaluation of lines: figures as rows, tables, results, and the files that show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from allograph.bundle import Bundle
from allograph.evaluation.lines.figures import LineFigures, Share, StageFigures
from allograph.evaluation.lines.measures import LineCounts
from allograph.evaluation.lines.protocol import LineProtocol, WriterLines
from allograph.evaluation.lines.report import command, write_line_report
from allograph.evaluation.lines.tables import line_tables
from allograph.evaluation.lines.wording import counts_in_words, headline, protocol_in_words
from allograph.evaluation.report.table import Table

FORMAT, KIND = 1, "evaluation of lines"
SHARES = ("characters_wrong", "words_wrong", "cuts_right")


@dataclass(frozen=True)
class LineEvaluation:
    """How lines were read, before and after learning."""

    corpus: str
    """The name of the corpus."""
    bundle: Bundle
    protocol: LineProtocol
    writers: Sequence[WriterLines]
    figures: LineFigures

    @property
    def headline(self) -> str:
        """The result in one sentence."""
        return headline(self.figures)

    def rows(self) -> list[dict[str, Any]]:
        """The figures as flat rows, one a stage, as `pandas.DataFrame` takes them; shares are fractions.

        The first row is of all lines, nothing learned; the others are of the lines after the share that is learned, the last
        when all of it is. The ends of an interval are `…_low` and `…_high`.
        """
        return [_flat(stage) for stage in (self.figures.everything, *self.figures.stages)]

    def writer_rows(self) -> list[dict[str, Any]]:
        """Each writer's shares as flat rows, nothing learned (`…_before`) and in the end."""
        return [
            {
                "writer": one.writer,
                "lines": one.after.lines,
                "learned": one.learned,
                "characters": one.after.characters,
                "words": one.after.words,
                **_shares(one.after),
                **{f"{name}_before": value for name, value in _shares(one.before).items()},
                **{f"{name}_all_lines": value for name, value in _shares(one.everything).items()},
                "doubtful": one.doubtful,
                "refused": one.refused,
                "unread": one.unread,
                "worse": one.after.characters_wrong > one.before.characters_wrong,
            }
            for one in self.writers
        ]

    @cached_property
    def results(self) -> dict[str, Any]:
        """The content of `results.json`: `characters_wrong`, `words_wrong` and `cuts_right` are of the last stage."""
        figures, protocol = self.figures, self.protocol
        last = figures.stages[-1]
        return {
            "format": FORMAT,
            "kind": KIND,
            "corpus": self.corpus,
            "model": self.bundle.model_hash,
            "headline": self.headline,
            "protocol": {
                "learn": protocol.learn,
                "split": protocol.split,
                "words": protocol.words is not None,
                "only_words": protocol.only_words is not None,
                "pictures": protocol.pictures,
                "pen": protocol.pen if protocol.pictures else None,
                "late": protocol.late,
            },
            **{name: getattr(last, name).value for name in SHARES},
            "lines": last.lines,
            "all_lines": _record(figures.everything),
            "stages": [_record(stage) for stage in figures.stages],
            "fewer_wrong": figures.fewer_wrong.value,
            "fewer_wrong_ci95": figures.fewer_wrong.ci95,
            "worse": len(figures.worse),
            "worse_writers": list(figures.worse),
            "doubtful": figures.doubtful,
            "refused": figures.refused,
            "unread": figures.unread,
            "time": {name: asdict(getattr(figures, name)) for name in ("reading", "reading_again", "correcting")},
            "writers": self.writer_rows(),
        }

    @cached_property
    def tables(self) -> list[Table]:
        """As a terminal and a report show them."""
        return line_tables(self.figures, self.writers)

    def write_report(self, folder: str | Path) -> Path:
        """Write `report.html`, `report.md` and `results.json` into a folder; returns the path of the first."""
        content = {
            "name": self.corpus,
            "headline": self.headline,
            "protocol": protocol_in_words(self.protocol),
            "counts": counts_in_words(self.figures),
            "command": command(self.corpus, self.bundle, self.protocol),
            "model": self.bundle.model_hash,
        }
        drawn = [line for one in self.writers for line in one.drawn]
        return write_line_report(folder, content, self.tables, drawn, self.results)


def _shares(counts: LineCounts) -> dict[str, float | None]:
    return {
        "characters_wrong": _share(counts.characters_wrong, counts.characters),
        "words_wrong": _share(counts.words_wrong, counts.words),
        "cuts_right": _share(counts.cuts_right, counts.cuts),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _record(stage: StageFigures) -> dict[str, Any]:
    """A stage as it stands in `results.json`."""
    plain = {name: getattr(stage, name) for name in ("name", "learned", "lines", "characters", "words")}
    for name in SHARES:
        share: Share = getattr(stage, name)
        plain |= {name: share.value, f"{name}_ci95": share.ci95}
    return plain


def _flat(stage: StageFigures) -> dict[str, Any]:
    record = _record(stage)
    for name in SHARES:
        low, high = record.pop(f"{name}_ci95") or (None, None)
        record |= {f"{name}_low": low, f"{name}_high": high}
    return record
