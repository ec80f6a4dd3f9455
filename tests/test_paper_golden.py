"""The paper's method must answer as the authors' own code did, sample for sample, source for source."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from allograph.adapters.paper import PaperAdapter
from allograph.adapters.paper_formulas import KS
from allograph.alphabet.labels import Alphabet
from allograph.readings import Corrections


def test_every_answer_and_source_is_the_authors_own(shared: Path) -> None:
    with np.load(shared / "golden" / "paper_method.npz", allow_pickle=False) as golden:
        data = {name: golden[name] for name in golden.files}
    alphabet = Alphabet.of([*data["labels"].tolist(), *data["base_labels"].tolist(), *data["style_labels"].tolist()])
    adapter = PaperAdapter(alphabet, data["styles"], alphabet.indices(data["style_labels"]), z_score=False)
    logits = np.zeros((len(data["labels"]), len(alphabet)), np.float32)
    logits[np.arange(len(logits)), alphabet.indices(data["base_labels"])] = 1

    compared = 0
    for writer in np.unique(data["writers"]):
        rows = np.flatnonzero(data["writers"] == writer)
        everything = Corrections(data["embeddings"], logits, data["labels"].tolist())
        state = adapter.learn(adapter.start(), everything.take(rows[data["adaptation"][rows]]))
        for row in rows[~data["adaptation"][rows]]:
            sample = everything.take([row])
            scores = adapter.scores(state, sample.samples)
            answerer = int(scores.answerers[0])
            assert alphabet[int(scores.log_probabilities[0].argmax())] == data["expected_labels"][row]
            assert (0, *KS)[answerer] == data["expected_k"][row]
            state = adapter.learn(state, sample)
            compared += 1
    assert compared == 239
