"""The default adapter: its arithmetic, its thrift, and what it owes the writer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from allograph.adapters.allograph import ROUNDS, Allograph
from allograph.adapters.allograph_model import excess_error_rate
from allograph.adapters.logistic import residual
from allograph.adapters.population import Population
from allograph.adapters.quantization import LIKELIEST, pack_logs, pack_vectors, unpack_logs, unpack_vectors
from allograph.adapters.state import State
from allograph.adapters.tunable_adapter import clip_impossible
from allograph.alphabet.labels import Alphabet
from allograph.readings import Corrections, Samples, log_softmax

Floats = NDArray[np.float32]
D, LABELS = 24, "abcdefghijklmnop"
ALPHABET = Alphabet(LABELS)


def base(true: NDArray[np.integer], random: np.random.Generator) -> Floats:
    """Logits of a base that is right three times in four."""
    logits = random.normal(size=(len(true), len(LABELS))).astype(np.float32)
    said = np.where(random.random(len(true)) < 0.75, true, random.integers(0, len(LABELS), len(true)))
    logits[np.arange(len(true)), said] += 4
    return logits


def hand(count: int, seed: int, shift: float = 1.0) -> tuple[NDArray[np.int64], Floats]:
    """Labels and embeddings of one writer: every label's centre, moved in the writer's own way."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(1).normal(size=(len(LABELS), D)) * 2 + shift * np.random.default_rng(seed // 100).normal(
        size=(len(LABELS), D)
    )
    true = random.integers(0, len(LABELS), count)
    return true, (centres[true] + random.normal(size=(count, D))).astype(np.float32)


def written(count: int, seed: int) -> Corrections:
    true, embeddings = hand(count, seed)
    return Corrections(embeddings, base(true, np.random.default_rng(seed + 1)), [LABELS[i] for i in true.tolist()])


def statistics() -> Population:
    parts = [hand(60, 100 * writer) for writer in range(50, 70)]
    true = np.concatenate([part[0] for part in parts]).astype(np.int32)
    embeddings = np.concatenate([part[1] for part in parts])
    samples = Samples(embeddings, base(true, np.random.default_rng(0)))
    return Population.estimate(samples, true, np.repeat(np.arange(20), 60).astype(str))


ADAPTER = Allograph(ALPHABET, None, statistics())


def right(answers: NDArray[np.int64], test: Corrections) -> float:
    return float(np.mean([LABELS[i] == label for i, label in zip(answers, test.labels, strict=True)]))


def accuracy(state: State, test: Corrections) -> float:
    return right(ADAPTER.scores(state, test.samples).answers, test)


def one_by_one(batch: Corrections) -> State:
    state = ADAPTER.start()
    for i in range(len(batch.labels)):
        state = ADAPTER.learn(state, batch.take([i]))
    return state


def test_one_sample_moves_the_logits_as_computed_by_hand() -> None:
    # two labels, equal logits, one feature of 1: w = (a, −a) with a = 1 / (1 + exp(2a))
    found = residual(np.ones((1, 1), np.float32), np.zeros((1, 2), np.float32), np.array([[1, 0]], np.float32), 200)
    a = found[0, 0]
    assert a == pytest.approx(1 / (1 + np.exp(2 * a)), abs=1e-5)
    assert a == pytest.approx(0.3377, abs=5e-4)
    assert found[0, 1] == pytest.approx(-a, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30), st.integers(1, 12), st.integers(2, 6), st.integers(0, 10**6))
def test_both_ways_of_solving_end_where_the_slope_is_nought(n: int, r: int, size: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    features = random.normal(size=(n, r)).astype(np.float32)
    logs = log_softmax(random.normal(size=(n, size)).astype(np.float32))
    truth = np.eye(size, dtype=np.float32)[random.integers(0, size, n)]
    for start in (None, np.zeros((r, size), np.float32)):
        found = residual(features, logs, truth, 300, start)
        slope = features.T @ (np.exp(log_softmax(logs + features @ found)) - truth) + found
        assert np.abs(slope).max() < 2e-3


@given(arrays(np.float32, (3, 7), elements=st.floats(-1e6, 1e6, width=32)))
def test_a_packed_vector_is_off_by_half_a_unit_at_most(vectors: Floats) -> None:
    packed = pack_vectors(vectors)
    assert (np.abs(unpack_vectors(packed) - vectors) <= packed["units"][:, None] * 0.5001 + 1e-12).all()


@given(arrays(np.float32, (4, 12), elements=st.floats(-20, 20, width=32)), st.integers(0, 3))
def test_packed_opinions_keep_the_likeliest_and_sum_to_one(logits: Floats, own: int) -> None:
    logs = clip_impossible(log_softmax(logits))
    back = unpack_logs(pack_logs(logs), 12, own)
    best, kept = (np.sort(values, axis=1)[:, -LIKELIEST:] for values in (logs, back[:, :12]))
    np.testing.assert_allclose(kept, best, atol=2e-2, rtol=1e-3)
    np.testing.assert_allclose(np.exp(back[:, :12]).sum(axis=1), 1, atol=1e-2)


def test_it_learns_the_writers_hand() -> None:
    state, test = ADAPTER.learn(ADAPTER.start(), written(160, 100)), written(400, 101)
    said = right(test.logits.argmax(axis=1), test)
    assert said < 0.8
    assert accuracy(state, test) > said + 0.1


def test_learning_one_by_one_ends_near_learning_at_once() -> None:
    batch, test = written(160, 100), written(400, 101)
    once, each = ADAPTER.learn(ADAPTER.start(), batch), one_by_one(batch)
    one, other = (ADAPTER.scores(state, test.samples) for state in (once, each))
    assert np.mean(one.answers == other.answers) > 0.985
    assert abs(accuracy(once, test) - accuracy(each, test)) < 0.01


def test_one_correction_in_twenty_that_is_wrong_keeps_four_fifths_of_the_gain() -> None:
    gains = []
    for wrong in (0.0, 0.05):
        gain = 0.0
        for writer in range(8):
            batch, test = written(160, 100 * writer), written(400, 100 * writer + 1)
            random = np.random.default_rng(writer)
            spoilt = random.random(160) < wrong
            labels = [
                LABELS[random.integers(len(LABELS))] if bad else label for bad, label in zip(spoilt, batch.labels, strict=True)
            ]
            state = ADAPTER.learn(ADAPTER.start(), replace(batch, labels=labels))
            said = right(test.logits.argmax(axis=1), test)
            gain += accuracy(state, test) - said
        gains.append(gain)
    assert gains[1] >= 0.8 * gains[0] > 0


def test_where_only_mistakes_were_shown_fewer_answers_change() -> None:
    everything, test = written(400, 100), written(400, 101)
    answers = everything.logits.argmax(axis=1)
    wrong = np.flatnonzero(answers != [LABELS.index(label) for label in everything.labels])[:20]
    picked, at_random = (ADAPTER.learn(ADAPTER.start(), everything.take(rows)) for rows in (wrong, np.arange(20)))
    sure = np.exp(log_softmax(everything.logits[wrong]).max(axis=1))
    assert excess_error_rate(picked.arrays, len(LABELS)) == pytest.approx(sure.mean(), abs=0.01)
    assert excess_error_rate(at_random.arrays, len(LABELS)) < 0.3

    def changed(state: State, doubt: float) -> int:
        return int(replace(ADAPTER, doubt=doubt).scores(state, test.samples).answerers.sum())

    assert changed(picked, 4.0) < 0.9 * changed(picked, 0.0)
    assert changed(at_random, 4.0) > 0.9 * changed(at_random, 0.0)


def test_labels_of_the_writers_own_are_no_sign_that_mistakes_were_picked() -> None:
    state = ADAPTER.learn(ADAPTER.start(), replace(written(30, 100), labels=["σ"] * 30))
    assert excess_error_rate(state.arrays, len(LABELS)) == 0


def test_a_label_of_the_writers_own_is_read_from_a_few_samples_on() -> None:
    random = np.random.default_rng(3)
    place = 3 * random.normal(size=D)

    def sigma(count: int, labels: str) -> Corrections:
        points = (place + random.normal(size=(count, D))).astype(np.float32)
        return Corrections(points, base(random.integers(0, 16, count), random), [labels] * count)

    state = ADAPTER.learn(ADAPTER.start(), written(60, 100))
    for _ in range(4):
        state = ADAPTER.learn(state, sigma(1, "σ"))
    answers = ADAPTER.scores(state, sigma(50, "σ").samples).answers
    assert np.mean(answers == len(LABELS)) > 0.8
    assert np.mean(ADAPTER.scores(state, written(200, 101).samples).answers == len(LABELS)) < 0.05


def test_a_writer_of_400_corrections_takes_less_than_100_kilobytes() -> None:
    random = np.random.default_rng(0)
    labels = [chr(0x21 + i) for i in range(94)]
    samples = Samples(random.normal(size=(400, 256)).astype(np.float32), random.normal(size=(400, 94)).astype(np.float32))
    true = random.integers(0, 94, 400).astype(np.int32)
    adapter = Allograph(Alphabet(labels), None, Population.estimate(samples, true, np.repeat(["v", "w"], 200)))
    batch = Corrections(samples.embeddings, samples.logits, [adapter.alphabet[i] for i in true.tolist()])
    assert len(adapter.learn(adapter.start(), batch).to_bytes(adapter)) < 100_000


def test_why_weighs_the_samples_so_that_they_sum_to_the_change() -> None:
    batch, test = written(60, 100), written(40, 101)
    state = ADAPTER.learn(ADAPTER.start(), batch)
    for i in range(40):
        sample = test.take([i]).samples
        why = ADAPTER.explain(state, sample)
        values = ADAPTER.scores(state, sample).values[0]
        answer, other = (LABELS.index(why.evidence[key]) for key in ("answer", "against"))
        weights = [found["weight"] for found in why.evidence["decided"]]
        assert weights == sorted(weights, reverse=True)
        logs = log_softmax(sample.logits)[0] / ADAPTER.temperature
        logs[sample.logits[0].argmax()] += ADAPTER.guard
        change = (values - logs)[answer] - (values - logs)[other]
        if why.answerer != "base":
            assert why.base == LABELS[other]
            assert values[answer] >= values[other]
            assert sum(weight for weight in weights if weight > 0) >= 0.5 * change
    assert ROUNDS > 0


def test_features_are_used_where_there_are_any() -> None:
    batch = written(60, 100)
    blind = replace(batch, embeddings=np.zeros_like(batch.embeddings), features=batch.embeddings)
    test = written(40, 101)
    seen = ADAPTER.scores(ADAPTER.learn(ADAPTER.start(), batch), test.samples).values
    also = ADAPTER.scores(
        ADAPTER.learn(ADAPTER.start(), blind), Samples(np.zeros_like(test.embeddings), test.logits, test.embeddings)
    ).values
    assert np.array_equal(seen, also)
