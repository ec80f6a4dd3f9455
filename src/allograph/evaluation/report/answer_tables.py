"""Tables of the answers of one run: which labels are confused, and how each writer fares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from allograph.alphabet.labels import Alphabet
from allograph.evaluation.measures.figures import Figures, WriterFigures, confusions
from allograph.evaluation.protocols.answers import WriterAnswers
from allograph.evaluation.report.table import Table, percent, points
from allograph.evaluation.report.wording import visible
from allograph.evaluation.runs import Run


@dataclass(frozen=True)
class ConfusedPair:
    """How often one label was read as another."""

    written: str
    read: str
    base: int
    methods: Mapping[str, int]


def answer_tables(run: Run, alphabet: Alphabet) -> list[Table]:
    """All confusions, and every writer's accuracy."""
    pairs = confused_pairs(run.answers, alphabet)
    return [confusions_table("Confusions", pairs, sum_of_pairs(pairs, run.figures)), writers_table(run.figures)]


def confused_pairs(answers: Sequence[WriterAnswers], alphabet: Alphabet) -> list[ConfusedPair]:
    """All pairs (label, answer) of wrong answers, in order of the highest count that the base or a method has."""
    base = confusions(answers, alphabet)
    methods = {method: confusions(answers, alphabet, method) for method in answers[0].methods}
    pairs = [
        ConfusedPair(*pair, base[pair], {method: counter[pair] for method, counter in methods.items()})
        for pair in set(base).union(*methods.values())
    ]
    return sorted(pairs, key=lambda pair: (-max(pair.base, *pair.methods.values()), -pair.base, pair.written, pair.read))


def sum_of_pairs(pairs: Sequence[ConfusedPair], figures: Figures) -> ConfusedPair:
    """The sum over all pairs."""
    totals = {method: sum(pair.methods[method] for pair in pairs) for method in figures.methods}
    return ConfusedPair("all pairs", "", sum(pair.base for pair in pairs), totals)


def confusions_table(title: str, pairs: Sequence[ConfusedPair], total: ConfusedPair) -> Table:
    """How often each label was read as each other, and the sum over all pairs."""
    rows = tuple(
        (visible(pair.written), visible(pair.read), *(f"{count:,}" for count in (pair.base, *pair.methods.values())))
        for pair in (*pairs, total)
    )
    return Table(title, ("written", "read as", "base", *total.methods), rows, "confusions", texts=2)


def writers_table(figures: Figures) -> Table:
    """Every writer's accuracy, by the base and by every method."""
    rows = tuple(
        (
            " ".join(writer.id.split()),
            f"{writer.samples:,}",
            percent(writer.base),
            *(f"{percent(share)} ({points(share - writer.base)})" for share in writer.methods.values()),
        )
        for writer in most_helped_first(figures)
    )
    title = "Accuracy of each writer, the most helped first, and the gain in points"
    return Table(title, ("writer", "samples", "base", *figures.methods), rows, "writers")


def most_helped_first(figures: Figures) -> list[WriterFigures]:
    """The writers by the gain that the best method gave them."""
    lead = figures.best_method
    return sorted(figures.writers, key=lambda writer: writer.base - writer.methods[lead])
