"""How lines of UNIPEN's application writers are read, against what is aimed at.

    python benchmarks/lines.py [--part strokes]

Needs build/lines.parquet, which `make unipen-lines` makes. With a list of English words (Debian wamerican), lines of which every
word stands in it are read with that list too. Times are medians of lines, one thread, against the network alone on the same
hypotheses in the same run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from allograph.evaluation.lines import LineEvaluation, evaluate_lines
from allograph.evaluation.lines.figures import Share
from allograph.evaluation.report.table import percent, percent_interval
from outcomes import note
from timing import show

CORPUS = Path("build/lines.parquet")
WORDS = Path("/usr/share/dict/american-english")
"""Of Debian's package wamerican."""
PENS = (0.35, 0.5)
"""Millimetres."""
Row = tuple[str, str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", choices=PARTS, action="append", help="a part of the table; all unless named")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--words", type=Path, default=WORDS, help="a word a line")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    if not given.corpus.exists():
        print(f"{given.corpus} is not there; make it with: make unipen-lines")
        return
    rows: list[Row] = []
    for part in given.part or PARTS:
        rows += PARTS[part](given.corpus, given.words, given.jobs)
        print(".", end="", file=sys.stderr, flush=True)
    show("Lines of UNIPEN's application writers", ("", "aimed at", "reached"), rows)


def stroke_rows(corpus: Path, words: Path, jobs: int) -> list[Row]:
    """Lines as they were written."""
    found = evaluate_lines(corpus, jobs=jobs)
    figures = found.figures
    first, last = figures.stages[0], figures.stages[-1]
    learning = [(f"  after {stage.name}", "", wrong(stage.characters_wrong)) for stage in figures.stages]
    for what, pace, target in (
        ("reading a line / the network alone", figures.reading, 3),
        ("correcting a line and learning it / reading it", figures.correcting, 2),
    ):
        if pace.ratio is not None:
            note(what, pace.ratio, target)
    return [
        ("cuts right, nothing learned, all lines", "98 %", shown(figures.everything.cuts_right)),
        ("characters wrong, nothing learned, all lines", "19 %", wrong(figures.everything.characters_wrong)),
        ("characters wrong, half of the lines corrected, the others", "13 %", wrong(last.characters_wrong)),
        *learning,
        ("words wrong, the others, nothing learned", "", shown(first.words_wrong)),
        ("words wrong, the others, half corrected", "", shown(last.words_wrong)),
        ("writers worse after learning", "0", f"{len(figures.worse)} of {len(found.writers)} {' '.join(figures.worse)}"),
        ("a line, times the network alone", "3", f"{figures.reading.ratio:.1f} ({figures.reading.milliseconds:.0f} ms)"),
        ("  half corrected", "3", f"{figures.reading_again.ratio:.1f} ({figures.reading_again.milliseconds:.0f} ms)"),
        ("correcting and learning it", "2", f"{figures.correcting.ratio:.1f} ({figures.correcting.milliseconds:.0f} ms)"),
        ("doubtful characters; texts refused", "", f"{figures.doubtful}; {figures.refused}"),
    ]


def word_rows(corpus: Path, words: Path, jobs: int) -> list[Row]:
    """Lines of words that are in a list, without it and with it; then all lines with it, which are not all words."""
    if not words.exists():
        return [(f"lines of words: {words} is not there (apt-get install wamerican)", "8 %", "")]
    without = evaluate_lines(corpus, only_words=words, jobs=jobs)
    helped = evaluate_lines(corpus, only_words=words, words=words, jobs=jobs)
    every = evaluate_lines(corpus, words=words, jobs=jobs)
    return [
        (f"lines of words in wamerican ({helped.figures.stages[-1].lines}), half corrected, list given", "8 %", after(helped)),
        ("  list not given", "", after(without)),
        ("  list given, nothing learned", "", before(helped)),
        ("all lines, half corrected, list given", "", after(every)),
        ("  nothing learned, all lines", "", wrong(every.figures.everything.characters_wrong)),
    ]


def picture_rows(corpus: Path, words: Path, jobs: int) -> list[Row]:
    """The same lines drawn as pictures."""
    rows: list[Row] = []
    for pen in PENS:
        found = evaluate_lines(corpus, pictures=True, pen=pen, jobs=jobs)
        rows += [
            (f"pictures at 300 dpi, a pen of {pen:g} mm, half corrected", "3 points more", after(found)),
            ("  nothing learned, all lines", "3 points more", wrong(found.figures.everything.characters_wrong)),
            ("  lines refused as no writing", "", str(found.figures.unread)),
        ]
    return rows


def late_rows(corpus: Path, words: Path, jobs: int) -> list[Row]:
    """The same lines, dots and bars at the end of their words."""
    found = evaluate_lines(corpus, late=True, jobs=jobs)
    return [
        ("late dots and bars, half corrected", "", after(found)),
        ("  nothing learned, all lines", "", wrong(found.figures.everything.characters_wrong)),
        ("  cuts right, nothing learned, all lines", "", shown(found.figures.everything.cuts_right)),
    ]


PARTS: dict[str, Callable[[Path, Path, int], list[Row]]] = {
    "strokes": stroke_rows,
    "words": word_rows,
    "pictures": picture_rows,
    "late": late_rows,
}


def after(found: LineEvaluation) -> str:
    """Characters wrong in the end."""
    return wrong(found.figures.stages[-1].characters_wrong)


def before(found: LineEvaluation) -> str:
    """Characters wrong of the same lines, nothing learned."""
    return wrong(found.figures.stages[0].characters_wrong)


def wrong(share: Share) -> str:
    """A share with its interval."""
    return f"{percent(share.value, 1)} ({percent_interval(share.ci95)})"


def shown(share: Share) -> str:
    """A share."""
    return percent(share.value, 1)


if __name__ == "__main__":
    main()
