"""The sentences about an evaluation of lines."""

from __future__ import annotations

from allograph.evaluation.lines.figures import LineFigures
from allograph.evaluation.lines.protocol import LineProtocol
from allograph.evaluation.report.table import percent, percent_interval

TERMS = {
    "Characters wrong": "How many characters must be replaced, left out or put in to turn what was read into the true text, "
    "spaces left out, of every hundred true ones.",
    "Words wrong": "The same with whole words; a space too many or too few makes words wrong.",
    "Cuts right": "True characters that were cut out of the line with just their own strokes, of those whose strokes are known.",
    "Lines learned": "Each writer corrects the first lines, in order, with their true text. All stages but the first row judge "
    "the same lines: those after the share that is learned in the end. Who has fewer lines has then learned all of the share.",
    "95 % interval": "From 10,000 bootstraps that draw the writers with replacement: how far the figure would move with other "
    "writers of this kind.",
    "Times the network alone": "How long it takes, against the recognizer's network alone on the same hypotheses right after it; "
    "the median over lines.",
}
"""The meaning of a report's terms."""


def headline(figures: LineFigures) -> str:
    """The result in one sentence."""
    first, last = figures.stages[0], figures.stages[-1]
    lines = f"{last.lines:,} line{'' if last.lines == 1 else 's'}"
    if len(figures.stages) == 1:
        return (
            f"With nothing learned, {percent(last.characters_wrong.value, 1)} of the characters are wrong (95 % interval "
            f"{percent_interval(last.characters_wrong.ci95)}) and {percent(last.words_wrong.value, 1)} of the words, in {lines}."
        )
    count = len(figures.worse)
    harmed = "no writer is read worse" if not count else f"{count} writer{' is' if count == 1 else 's are'} read worse"
    was, now = percent(first.characters_wrong.value, 1), percent(last.characters_wrong.value, 1)
    return (
        f"With {last.name} of each writer's lines corrected, {now} of the characters are wrong (95 % interval "
        f"{percent_interval(last.characters_wrong.ci95)}) instead of {was}, and {percent(last.words_wrong.value, 1)} of the "
        f"words instead of {percent(first.words_wrong.value, 1)}, in {lines}; {harmed}."
    )


def counts_in_words(figures: LineFigures) -> str:
    """What was not learned, and what could not be read."""
    return (
        f"Of the corrected lines {figures.doubtful:,} characters were doubtful and not learned, and the texts of "
        f"{figures.refused:,} lines were refused. {figures.unread:,} lines were refused as no writing, and count as wrong."
    )


def protocol_in_words(protocol: LineProtocol) -> str:
    """How lines were judged.

    >>> print(protocol_in_words(LineProtocol(learn=0)))
    The lines of every application writer were read, nothing learned.
    """
    said = [f"The lines of every {protocol.split} writer were read, nothing learned."]
    if protocol.learn:
        said = [
            f"The first {100 * protocol.learn:g} % of the lines of every {protocol.split} writer, in order, were corrected with "
            "their true text, and the rest read."
        ]
    if protocol.only_words is not None:
        said.append("Only lines were judged whose every word, in lower case, is in a list.")
    if protocol.words is not None:
        said.append("The reader was given a list of words.")
    if protocol.pictures:
        said.append(f"The lines were drawn as pictures at 300 dpi with a pen of {protocol.pen:g} mm, and read from those.")
    if protocol.late:
        said.append("Dots and bars of i, j, t, f and T were moved to the end of their words first.")
    return " ".join(said)
