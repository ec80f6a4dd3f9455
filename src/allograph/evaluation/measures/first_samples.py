"""The first samples of a writer, each answered and then learned: what a person feels of a method at the beginning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allograph.evaluation.measures.earlier_samples import earlier_samples
from allograph.evaluation.measures.figures import bootstrap, interval
from allograph.evaluation.protocols.answers import WriterAnswers

SPANS = ((1, 10), (1, 20), (21, 40), (41, 60), (1, 60))
"""First and last of the samples that are counted together, each pass through a writer's samples from 1: the first ten, the thirds
of the first sixty, and these together."""


@dataclass(frozen=True)
class Span:
    """Some samples of every writer, and how many of them are read right; shares are fractions."""

    first: int | None
    """The place of the first of them in a writer's pass, from 1; None where it is not the place that tells them apart."""
    last: int | None
    """Likewise of the last."""
    samples: int
    writers: int
    base: float
    """Accuracy of the base on these samples."""
    accuracy: float
    gain_ci95: tuple[float, float]
    """Of the difference of the two, by a bootstrap over writers."""


@dataclass(frozen=True)
class FirstSamples:
    """One method's first answers to each writer."""

    spans: list[Span]
    """Those of `SPANS` that somebody reaches."""
    unseen: Span | None
    """The samples of a label that the writer had never corrected; None where not every label is revealed."""


def first_samples(answers: Sequence[WriterAnswers], revealed: bool, seed: int = 0) -> dict[str, FirstSamples]:
    """Every method's first answers in a sequential run; `revealed` says whether every label was revealed after its answer."""
    earlier = [earlier_samples(writer) for writer in answers]
    turns = [of_all + 1 for _, of_all in earlier]
    spans: dict[str, list[Span]] = {name: [] for name in answers[0].methods}
    for first, last in SPANS:
        here = [(turn >= first) & (turn <= last) for turn in turns]
        for name, span in _spans(answers, here, seed, first, last).items():
            spans[name].append(span)
    unseen = _spans(answers, [of_label == 0 for of_label, _ in earlier], seed) if revealed else {}
    return {name: FirstSamples(parts, unseen.get(name)) for name, parts in spans.items()}


def _spans(
    answers: Sequence[WriterAnswers],
    chosen: Sequence[NDArray[np.bool_]],
    seed: int,
    first: int | None = None,
    last: int | None = None,
) -> dict[str, Span]:
    """Every method's figures on the chosen test samples, bool [t] a writer; none where none is chosen."""
    pairs = [(writer, here) for writer, here in zip(answers, chosen, strict=True) if here.any()]
    if not pairs:
        return {}

    def count(method: str | None) -> NDArray[np.int64]:
        return np.array([np.count_nonzero(writer.right(method)[here]) for writer, here in pairs])

    samples, base = np.array([np.count_nonzero(here) for _, here in pairs]), count(None)
    total, found = int(samples.sum()), {}
    for name in answers[0].methods:
        right = count(name)
        gains, _ = bootstrap(samples, base, right, seed)
        shares = int(base.sum()) / total, int(right.sum()) / total
        found[name] = Span(first, last, total, len(pairs), *shares, interval(gains))
    return found
