"""The paper's adapter on a writer so small that every number can be followed by hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.paper import PaperAdapter
from allograph.alphabet.labels import Alphabet
from allograph.readings import Corrections, Samples

ALPHABET = Alphabet("abc")
STYLES = np.array([[0, 0], [4, 0], [10, 0], [0, 10]], np.float32)
ADAPTER = PaperAdapter(ALPHABET, STYLES, np.array([0, 0, 1, 2], np.int32), z_score=False)


def logits_of(text: str) -> NDArray[np.float32]:
    """Logits [n, 3] of a base classifier that reads this text."""
    return np.log(np.full((len(text), 3), 0.1, np.float32) + 0.7 * np.eye(3, dtype=np.float32)[[ALPHABET.index(c) for c in text]])


def taught(read: str, true: list[str], points: list[list[float]]) -> Corrections:
    return Corrections(np.array(points, np.float32), logits_of(read), true)


def test_a_batch_enters_the_history_first_and_is_then_judged_against_it() -> None:
    # Read a, a, a, b; truly b, b, a, b. Pairs: (a, b) twice at style (10, 0); (a, a) once at style (0, 0); (b, b) once.
    batch = taught("aaab", ["b", "b", "a", "b"], [[9, 0], [8, 0], [1, 0], [9, 1]])
    state = ADAPTER.learn(ADAPTER.start(), batch)
    assert state.arrays["predicted"].tolist() == [0, 0, 1]
    assert state.arrays["true"].tolist() == [1, 0, 1]
    assert state.arrays["count"].tolist() == [2, 1, 1]
    assert state.arrays["mean"].tolist() == [[10, 0], [0, 0], [10, 0]]
    # k = 2 over the pairs of a: near (10, 0) two copies of b; near (0, 0) one a and one b, and the tie is a's: all three right.
    # k = 4 and more have no answer (three copies) and are scored as the base: right on a, wrong twice on b read as a.
    # The pairs of b: one copy, no kNN answers; all are scored as the base, which is right.
    assert state.arrays["wins"].tolist() == [[1, 1, 1, 1, 1, 1], [1, 3, 1, 1, 1, 1], [0] * 6]
    assert state.arrays["losses"].tolist() == [[2, 0, 2, 2, 2, 2], [0] * 6, [0] * 6]


def test_the_answer_and_its_source_follow_the_confidences() -> None:
    state = ADAPTER.learn(ADAPTER.start(), taught("aaab", ["b", "b", "a", "b"], [[9, 0], [8, 0], [1, 0], [9, 1]]))
    scores = ADAPTER.scores(state, Samples(np.array([[9, 0], [0, 1], [5, 5]], np.float32), logits_of("aac")))
    # (9, 0): k = 2 says b, trusted (1 + 3) / (2 + 3); the base says a, trusted (1 + 1) / (2 + 1 + 2)
    # (0, 1): k = 2 says a, trusted (1 + 1) / (2 + 1) = 2/3 against the base's 2/5: the same label, the kNN's answer
    assert scores.log_probabilities.argmax(axis=1).tolist() == [1, 0, 2]
    assert scores.answerers.tolist() == [1, 1, 0]
    assert scores.proposals is not None
    assert scores.proposals.tolist() == [[0, 1, -1, -1, -1, -1], [0, 0, -1, -1, -1, -1], [2, -1, -1, -1, -1, -1]]
    np.testing.assert_allclose(np.exp(scores.log_probabilities).sum(axis=1), 1, rtol=1e-5)


def test_why_tells_the_pairs_the_k_and_the_confidences() -> None:
    state = ADAPTER.learn(ADAPTER.start(), taught("aaab", ["b", "b", "a", "b"], [[9, 0], [8, 0], [1, 0], [9, 1]]))
    why = ADAPTER.explain(state, Samples(np.array([[9, 0]], np.float32), logits_of("a")))
    assert (why.answerer, why.base) == ("2 nearest", "a")
    assert why.evidence["pairs"] == [
        {"predicted": "a", "true": "b", "count": 2, "distance": 1.0},
        {"predicted": "a", "true": "a", "count": 1, "distance": 9.0},
    ]
    assert why.evidence["answerers"][1] == {"answerer": "2 nearest", "answer": "b", "confidence": 0.8, "wins": 3, "losses": 0}
    assert "2 × 'b'" in why.text
    assert "trusted 0.80, the base classifier 0.40" in why.text
    untaught = ADAPTER.explain(ADAPTER.start(), Samples(np.array([[9, 0]], np.float32), logits_of("a")))
    assert untaught.answerer == "base"
    assert untaught.evidence["pairs"] == []


def test_a_restricted_alphabet_leaves_out_pairs_whose_label_is_not_offered() -> None:
    state = ADAPTER.learn(ADAPTER.start(), taught("aaa", ["b", "b", "b"], [[9, 0], [8, 0], [9, 0]]))
    offered = logits_of("a")
    assert ADAPTER.scores(state, Samples(np.array([[9, 0]], np.float32), offered)).log_probabilities.argmax() == 1
    offered[0, 1] = -np.inf
    scores = ADAPTER.scores(state, Samples(np.array([[9, 0]], np.float32), offered))
    assert scores.log_probabilities.argmax() == 0
    assert scores.answerers.tolist() == [0]


def test_a_label_without_a_style_takes_the_embedding_as_its_style() -> None:
    scored = PaperAdapter(ALPHABET, STYLES[:3], np.array([0, 0, 1], np.int32))
    state = scored.learn(scored.start(), taught("ac", ["c", "c"], [[1, 3], [3, 1]]))
    assert state.arrays["mean"].tolist() == [[-1, 1], [1, -1]]


def test_a_label_of_the_writers_own_is_learned_and_answered() -> None:
    state = ADAPTER.learn(ADAPTER.start(), taught("aaa", ["ß", "ß", "ß"], [[1, 1], [1, 1], [1, 1]]))
    assert state.labels == ("ß",)
    scores = ADAPTER.scores(state, Samples(np.array([[1, 1]], np.float32), logits_of("a")))
    assert scores.log_probabilities.shape == (1, 4)
    assert scores.log_probabilities.argmax() == 3
    again = ADAPTER.learn(state, taught("b", ["ß"], [[2, 2]]))
    assert again.labels == ("ß",)


def test_labels_that_are_overtaken_move_down_by_one() -> None:
    state = ADAPTER.learn(ADAPTER.start(), taught("aaa", ["c", "c", "c"], [[0, 9]] * 3))
    logits = np.log(np.array([[0.5, 0.3, 0.2]], np.float32))
    scores = ADAPTER.scores(state, Samples(np.array([[0, 9]], np.float32), logits))
    np.testing.assert_allclose(np.exp(scores.log_probabilities[0]), [0.3, 0.2, 0.5], rtol=1e-5)


def test_an_answer_that_overtakes_an_equal_label_still_comes_first() -> None:
    state = ADAPTER.learn(ADAPTER.start(), taught("aaa", ["c", "c", "c"], [[0, 9]] * 3))
    scores = ADAPTER.scores(state, Samples(np.array([[0, 9]], np.float32), np.zeros((1, 3), np.float32)))
    assert scores.log_probabilities.argmax() == 2
