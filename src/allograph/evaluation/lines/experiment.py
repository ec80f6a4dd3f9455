"""From a corpus of lines to figures, tables and a report."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from allograph.bundle import Bundle, BundleReference
from allograph.corpora.lines.corpus import LineCorpus
from allograph.corpora.place import Place
from allograph.errors import FormatError, InputError
from allograph.evaluation.lines.figures import line_figures
from allograph.evaluation.lines.outcome import LineEvaluation
from allograph.evaluation.lines.protocol import PEN, LineJudge, LineProtocol, WriterLines
from allograph.execution import Jobs, ordered_map
from allograph.files.input import read_file
from allograph.lines.line_model import LineModel
from allograph.lines.words import Words
from allograph.progress import Progress, silent
from allograph.split import SPLITS, Split

MOST_BYTES = 1 << 26
"""A file of words is no larger."""


def evaluate_lines(
    corpus: LineCorpus | Place,
    bundle: Bundle | str | Path | None = None,
    learn: float = 0.5,
    split: Split = "application",
    *,
    words: Words | Iterable[str] | str | Path | None = None,
    only_words: Iterable[str] | str | Path | None = None,
    pictures: bool = False,
    pen: float = PEN,
    late: bool = False,
    jobs: Jobs = 1,
    progress: Progress = silent,
) -> LineEvaluation:
    """Judge how lines are read, before and after their writers corrected some.

    Each writer's lines come in the order of the corpus: the first are corrected with their true text, up to the share `learn`,
    and those after them are read when 0, 1, 3, 10 and all of the first have been learned. `bundle` is the shipped one unless
    given. `words` are likely words, as of `Writer.read_line`. Lines with any token that, lower-cased, is not among `only_words`
    (words, or the path of a file with a word a line) are learned, and not judged. With `pictures` the lines are drawn at 300 dpi
    with a `pen` of so many millimetres, and read from that; with `late` dots and bars are first moved to the end of their words.
    `jobs` says who judges (`execution.Jobs`); it changes no figure but the times.

    Raises `FormatError` for what is no corpus of lines, `MismatchError` where the bundle reads no lines, `InputError` where no
    line is left to judge.

    >>> evaluation = evaluate_lines("lines.parquet")  # doctest: +SKIP
    >>> evaluation.rows()[-1]["characters_wrong"]  # doctest: +SKIP
    0.12
    """
    if split not in SPLITS:
        raise InputError(f"the split {split!r} is none of {', '.join(SPLITS)}")
    corpus = LineCorpus.of(corpus)
    bundle = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
    LineModel.of(bundle)
    given = None if words is None else Words.of(words)
    protocol = LineProtocol(learn, split, given, None if only_words is None else word_set(only_words), pictures, pen, late)
    places = corpus.writer_places(split, protocol.takes)
    if not places:
        among = "" if only_words is None else " whose every word is among those given"
        raise InputError(
            f"{corpus.place} has no line of {split} writers{among}; name another split, or prepare it with --split all"
        )
    judge, writers = LineJudge(corpus.place, BundleReference.of(bundle), protocol), list[WriterLines]()
    progress("reading and correcting lines", 0, len(places))
    for one in ordered_map(LineJudge.judge, judge, places.items(), 1 if len(places) == 1 else jobs):
        writers.append(one)
        progress("reading and correcting lines", len(writers), len(places))
    if not any(one.after.lines for one in writers):
        raise InputError("no line is left to judge after those that are learned; learn a smaller share")
    return LineEvaluation(corpus.name, bundle, protocol, writers, line_figures(writers, protocol))


def word_set(words: Iterable[str] | str | Path) -> frozenset[str]:
    """The words given, or those of a file, a word a line in UTF-8; raises `FormatError` for one that cannot be read."""
    if isinstance(words, str | Path):
        try:
            words = read_file(words, MOST_BYTES).decode("utf-8-sig").split()
        except OSError as error:
            raise FormatError(f"the words {words} cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise FormatError(f"the words {words} are no text in UTF-8; save them as such, a word a line") from error
    return frozenset(unicodedata.normalize("NFC", word) for word in words)
