"""How soon another sample of a label reads right: UNIPEN's application writers, answered and corrected in a random order.

Needs build/unipen.embedded.parquet, which `make unipen` makes. Every label is revealed after its answer. Samples are told apart
by how many of their label were corrected before, and by how many of any label. The first table is what a person feels: the first
ten samples, the first sixty in thirds, and the samples of a label that was never corrected before, base beside methods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from allograph.evaluation import evaluate
from allograph.evaluation.measures.earlier_samples import earlier_samples
from allograph.evaluation.protocols.answers import WriterAnswers
from allograph.evaluation.protocols.sequential import Sequential
from allograph.evaluation.report.progress_tables import first_samples_table
from timing import show

CORPUS = Path("build/unipen.embedded.parquet")
METHODS = ("allograph", "allograph-size", "memory", "paper")
Rows = list[tuple[str, ...]]
STEPS = (0, 1, 2, 3, 5, 10, 30, 100, 300)


def main() -> None:
    if not CORPUS.exists():
        print(f"{CORPUS} is not there; make it with: make unipen")
        return
    (run,) = evaluate(CORPUS, methods=METHODS, protocol=Sequential(feedback="all"), jobs=2).runs
    first, replayed = first_samples_table(run), run.answers
    show(first.title, first.head, first.rows)
    writers = f"{len(replayed)} writers, one random order, every label revealed after its answer"
    show(f"Accuracy by earlier corrections of the same label ({writers})", *table(replayed, of_the_label))
    show("The same, of samples whose label the base had misread at the correction before", *table(replayed, of_a_misread_label))
    show(f"Accuracy by earlier corrections of any label ({writers})", *table(replayed, of_any_label))


def of_the_label(writer: WriterAnswers) -> NDArray[np.int64]:
    """How many samples of its label came before each sample."""
    return earlier_samples(writer)[0]


def of_a_misread_label(writer: WriterAnswers) -> NDArray[np.int64]:
    """The same, −1 unless the base had misread the last of them."""
    misread: dict[int, bool] = {}
    kept = []
    for label, said in zip(writer.true.tolist(), writer.base.tolist(), strict=True):
        kept.append(misread.get(label, False))
        misread[label] = said != label
    return np.where(kept, of_the_label(writer), -1)


def of_any_label(writer: WriterAnswers) -> NDArray[np.int64]:
    """How many samples came before each sample."""
    return earlier_samples(writer)[1]


def table(replayed: Sequence[WriterAnswers], known: Callable[[WriterAnswers], NDArray[np.int64]]) -> tuple[tuple[str, ...], Rows]:
    """The head and a row for each step."""
    counts = np.concatenate([known(writer) for writer in replayed])
    true = np.concatenate([writer.true for writer in replayed])
    said = {"base": np.concatenate([writer.base for writer in replayed])}
    said |= {name: np.concatenate([writer.methods[name].labels for writer in replayed]) for name in METHODS}
    rows: Rows = []
    for low, high in zip(STEPS, [*STEPS[1:], counts.max() + 1], strict=True):
        here = (counts >= low) & (counts < high)
        if here.any():
            span = f"{low}" if high == low + 1 else f"{low} … {high - 1}"
            rows.append(
                (span, str(here.sum()), *(f"{100 * np.mean(found[here] == true[here]):.1f} %" for found in said.values()))
            )
    return ("corrections", "samples", *said), rows


if __name__ == "__main__":
    main()
