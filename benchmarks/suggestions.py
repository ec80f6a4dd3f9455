"""What teaching a dozen characters brings: those that allograph asks for, against other dozens, and what was expected of them.

Needs build/unipen.embedded.parquet, which `make unipen` makes. Each of UNIPEN's application writers is answered and corrected
for a while, in a random order; then teaches twelve samples; then others of theirs are read. Only labels can be asked for of which
the corpus has samples of this writer left: as far down the list as that needs.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import Adapter, State, best, build
from allograph.bundle import Bundle
from allograph.embedding import EmbeddedCorpus, EmbeddedSamples
from allograph.readings import Corrections, Samples
from allograph.writers.suggestions import BaseErrors, Outlook
from timing import show

CORPUS = Path("build/unipen.embedded.parquet")
HISTORIES, ROUND, RESAMPLES = (0, 20, 60, 150), 12, 3
LEAST, MOST = 40, 300
"""Samples that are read at the end, at least, or the writer is left out; and at most."""


class Answered(NamedTuple):
    """What matters of an entry of the journal."""

    label: str
    answer: str
    base: str = ""


class Outcome(NamedTuple):
    """One writer, one resample: the share of samples read right, then the mean over labels; and what was expected."""

    before: NDArray[np.float64]
    asked: NDArray[np.float64]
    other: NDArray[np.float64]
    next: NDArray[np.float64]
    expected: NDArray[np.float64]
    """Before, and after what was asked for; of samples."""


def main(split: str = "application") -> None:
    if not CORPUS.exists():
        print(f"{CORPUS} is not there; make it with: make unipen")
        return
    bundle = Bundle.open()
    adapter, errors = build(best(bundle), bundle), BaseErrors.of(bundle)
    samples = EmbeddedCorpus.open(CORPUS).samples(split=split)  # type: ignore[arg-type]
    tables: tuple[list[tuple[str, ...]], list[tuple[str, ...]]] = ([], [])
    for history in HISTORIES:
        outcomes = [
            outcome
            for writer in np.unique(samples.writers).tolist()
            for turn in range(RESAMPLES)
            if (outcome := taught(samples, writer, turn, history, adapter, errors))
        ]
        for row, kind in zip(tables, (0, 1), strict=True):
            means = [np.mean([one[place][kind] for one in outcomes]) for place in range(4)]
            row.append((str(history), str(len(outcomes)), *(f"{100 * mean:.1f} %" for mean in means)))
        for told in (0, 1):
            tables[0][-1] += (f"{100 * np.mean([one.expected[told] for one in outcomes]):.1f} %",)
        tables[0][-1] += (f"{100 * np.mean([abs(one.expected[1] - one.asked[0]) for one in outcomes]):.1f}",)
    head = ("known before", "runs", "before", "asked for", "other labels", "the next")
    more = ("expected before", "expected of the asked", "off by")
    show(
        f"Share of samples read right after {ROUND} more ({RESAMPLES} resamples; off by: points a writer)",
        (*head, *more),
        tables[0],
    )
    show("The same, the mean over a writer's labels", head, tables[1])


def taught(
    samples: EmbeddedSamples, writer: str, turn: int, history: int, adapter: Adapter, errors: BaseErrors
) -> Outcome | None:
    """One writer: a history, a dozen more in three ways, and all else read."""
    random = np.random.default_rng(zlib.crc32(f"{writer}/{turn}".encode()))
    order = random.permutation(np.flatnonzero(samples.writers == writer))
    test = order[: min(len(order) // 2, MOST)]
    past, pool = order[len(test) : len(test) + history], order[len(test) + history :]
    if len(past) < history or len(pool) < 2 * ROUND or len(test) < LEAST:
        return None
    state, journal = lived(samples, past, adapter)
    hand = Outlook(journal, errors)
    left = defaultdict(list)
    for row in pool.tolist():
        left[str(samples.labels[row])].append(row)
    asked = [left[one.label][0] for one in hand.suggestions(len(errors.labels)) if left[one.label]][:ROUND]
    other = [left[label][0] for label in random.permutation(sorted(label for label in left if left[label]))[:ROUND]]

    def read(rows: Sequence[int]) -> NDArray[np.float64]:
        after = adapter.learn(state, corrections(samples, rows)) if len(rows) else state
        scores = adapter.scores(after, some(samples, test)).answers
        true = samples.labels[test]
        right = LABELS[scores] == true
        return np.array([right.mean(), np.mean([right[true == label].mean() for label in np.unique(true)])])

    more = [str(samples.labels[row]) for row in asked]
    return Outcome(
        read([]),
        read(asked),
        read(other),
        read(pool[:ROUND].tolist()),
        np.array([hand.accuracy(), hand.accuracy(more)]),
    )


def lived(samples: EmbeddedSamples, past: NDArray[np.int64], adapter: Adapter) -> tuple[State, list[Answered]]:
    """A history: each sample answered, then corrected."""
    state, journal = adapter.start(), []
    for row in past.tolist():
        answer = int(adapter.scores(state, some(samples, [row])).answers[0])
        label = str(samples.labels[row])
        journal.append(Answered(label, str(LABELS[answer])))
        state = adapter.learn(state, corrections(samples, [row]))
    return state, journal


LABELS = np.array(tuple(Bundle.open().alphabet))


def some(samples: EmbeddedSamples, rows: Sequence[int] | NDArray[np.int64]) -> Samples:
    """Samples for an adapter."""
    features = None if samples.features is None else samples.features[rows]
    boxes = None if samples.boxes is None else samples.boxes.at(rows)
    return Samples(samples.embeddings[rows], samples.logits[rows], features, boxes)


def corrections(samples: EmbeddedSamples, rows: Sequence[int]) -> Corrections:
    """The same with their labels."""
    found = some(samples, rows)
    labels = samples.labels[rows].tolist()
    return Corrections(found.embeddings, found.logits, labels, features=found.features, boxes=found.boxes)


if __name__ == "__main__":
    main()
