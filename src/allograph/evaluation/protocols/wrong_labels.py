"""Wrong corrections: some of the labels that are learned are replaced, and a method's doubt of each correction is noted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import Adapter, WriterModel
from allograph.alphabet.labels import Alphabet
from allograph.evaluation.protocols.answers import Doubts
from allograph.readings import Corrections, Reading


def replace_labels(
    samples: Corrections, rows: NDArray[np.int64], share: float, alphabet: Alphabet, random: np.random.Generator
) -> tuple[Corrections, NDArray[np.bool_]]:
    """The samples with wrong labels at some of `rows` [a], and at which of them, bool [a].

    Of the rows ⌊a · share + u⌋ are drawn, u uniform in [0, 1). Half of them, one more where their number is odd, get the label
    that the base holds for the likeliest besides the true one, as a person does who trusts a wrong answer; the others get any
    label on offer but the true one, as a slip of the finger gives it. Where only the true label is on offer, it stays.
    """
    count = int(round(len(rows) * share, 9) + random.random())
    drawn = random.permutation(len(rows))[:count]
    labels, wrong = list(samples.labels), np.zeros(len(rows), np.bool_)
    for turn, place in enumerate(drawn.tolist()):
        row = int(rows[place])
        logits = samples.logits[row].copy()
        logits[alphabet.index(labels[row])] = -np.inf
        others = np.flatnonzero(logits > -np.inf)
        if len(others):
            labels[row] = alphabet[int(random.choice(others) if turn % 2 else logits.argmax())]
            wrong[place] = True
    return replace(samples, labels=labels), wrong


def doubt_in_turn(
    adapter: Adapter, samples: Corrections, rows: NDArray[np.int64], wrong: NDArray[np.bool_], alphabet: Alphabet
) -> Doubts:
    """The doubt of each correction in `rows` [a]: `Reading.doubt` by what was learned from those before it.

    A doubtful correction is learned like any other. `wrong` [a] says which are wrong indeed.
    """
    state, values = adapter.start(), np.empty(len(rows))
    for turn, row in enumerate(rows.tolist()):
        one = samples.take([row])
        model = WriterModel(adapter, state)
        labels = [*alphabet, *state.labels]
        reading = Reading(
            "", one.labels[0], labels=labels, values=model.scores(one.samples).values[0], outputs=one.samples,
            explain=model.explain,
        )  # fmt: skip
        values[turn] = reading.doubt(one.labels[0])
        state = adapter.learn(state, one)
    return Doubts(values, wrong)
