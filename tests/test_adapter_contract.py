"""What every adapter promises, checked on every adapter."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from allograph.adapters import OURS, Adapter, State, Trial, WriterModel, replay, replay_by_fold
from allograph.adapters.allograph import Allograph
from allograph.adapters.paper import PaperAdapter
from allograph.adapters.population import Population
from allograph.adapters.tunable_adapter import TunableAdapter
from allograph.alphabet.labels import Alphabet
from allograph.errors import FormatError, MismatchError
from allograph.readings import Corrections, Samples, log_softmax

D = 6
ALPHABET = Alphabet("abcde")
_random = np.random.default_rng(7)
STYLES = _random.normal(size=(9, D)).astype(np.float32)
STYLE_LABELS = np.array([0, 0, 1, 1, 2, 2, 3, 3, 3], np.int32)  # e has none


def population_of() -> Population:
    """Statistics of writers whose embeddings gather by label."""
    centres = np.random.default_rng(1).normal(size=(8, D))
    true = _random.integers(0, len(ALPHABET), 400).astype(np.int32)
    embeddings = (centres[true] + 0.5 * _random.normal(size=(400, D))).astype(np.float32)
    logits = (embeddings @ _random.normal(size=(D, len(ALPHABET)))).astype(np.float32)
    return Population.estimate(Samples(embeddings, logits), true, np.array([f"w{i % 7}" for i in range(400)]))


def ours(method: type[TunableAdapter], window: int | None = None) -> Adapter:
    wanted: dict[str, Any] = {"population": POPULATION} if "population" in {field.name for field in fields(method)} else {}
    return method(ALPHABET, window, **wanted)


POPULATION = population_of()
ADAPTERS: list[Adapter] = [
    PaperAdapter(ALPHABET, STYLES, STYLE_LABELS),
    PaperAdapter(ALPHABET, STYLES, STYLE_LABELS, z_score=False),
    *(ours(method) for method in OURS),
    *(ours(method, window=20) for method in OURS),
]


@pytest.fixture(params=ADAPTERS, ids=lambda adapter: adapter.name)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    found: Adapter = request.param
    return found


def corrections(count: int, seed: int, labels: str = "abcde") -> Corrections:
    """Samples of a writer whose embeddings gather by label, read by a base that is right two times in three."""
    random = np.random.default_rng(seed)
    true = random.integers(0, len(labels), count)
    centres = np.random.default_rng(1).normal(size=(8, D))
    embeddings = (centres[true] + 0.5 * random.normal(size=(count, D))).astype(np.float32)
    logits = random.normal(size=(count, len(ALPHABET))).astype(np.float32)
    hits = np.flatnonzero((true < len(ALPHABET)) & (random.random(count) < 0.67))
    logits[hits, true[hits]] += 4
    return Corrections(
        embeddings, logits, [labels[i] for i in true], [str(i) for i in range(count)], [float(i) for i in range(count)]
    )


def learned(adapter: Adapter, *batches: Corrections) -> State:
    state = adapter.start()
    for batch in batches:
        state = adapter.learn(state, batch)
    return state


def same(one: State, other: State) -> bool:
    return one.labels == other.labels and all(
        np.array_equal(one.arrays[name], other.arrays[name]) for name in {*one.arrays, *other.arrays}
    )


def test_nothing_learned_means_the_bases_scores(adapter: Adapter) -> None:
    samples = corrections(20, 3).samples
    scores = adapter.scores(adapter.start(), samples)
    np.testing.assert_allclose(scores.log_probabilities, log_softmax(samples.logits), atol=1e-6)
    assert not scores.answerers.any()
    assert adapter.explain(adapter.start(), corrections(1, 3).samples).answerer == "base"


def test_learning_an_empty_batch_changes_nothing(adapter: Adapter) -> None:
    state = learned(adapter, corrections(30, 1))
    assert same(adapter.learn(state, corrections(0, 2)), state)


def test_a_state_that_goes_out_and_comes_in_answers_the_same(adapter: Adapter) -> None:
    state = learned(adapter, corrections(40, 1, "abcdeßé"))
    back = State.from_bytes(state.to_bytes(adapter), adapter)
    assert same(state, back)
    samples = corrections(50, 2).samples
    before, after = adapter.scores(state, samples), adapter.scores(back, samples)
    assert np.array_equal(before.log_probabilities, after.log_probabilities)
    assert np.array_equal(before.answerers, after.answerers)
    more = corrections(7, 9, "abcdeßéñ")
    assert same(adapter.learn(state, more), adapter.learn(back, more))


def test_folding_again_without_a_batch_is_as_if_it_had_never_been(adapter: Adapter) -> None:
    batches = [corrections(6, seed) for seed in range(5)]
    assert same(learned(adapter, *batches[:2], *batches[3:]), learned(adapter, *(b for i, b in enumerate(batches) if i != 2)))


def test_learning_changes_neither_the_state_nor_the_batch_and_scoring_changes_nothing(adapter: Adapter) -> None:
    state, batch = learned(adapter, corrections(30, 1)), corrections(12, 2, "abcdeß")
    blob, embeddings, logits, labels = state.to_bytes(adapter), batch.embeddings.copy(), batch.logits.copy(), list(batch.labels)
    answers = adapter.scores(state, batch.samples)
    adapter.learn(state, batch)
    adapter.explain(state, corrections(1, 5).samples)
    assert state.to_bytes(adapter) == blob
    assert np.array_equal(batch.embeddings, embeddings)
    assert np.array_equal(batch.logits, logits)
    assert list(batch.labels) == labels
    assert np.array_equal(adapter.scores(state, batch.samples).log_probabilities, answers.log_probabilities)


def test_one_writer_never_moves_anothers_answers(adapter: Adapter) -> None:
    ana, samples = learned(adapter, corrections(30, 1)), corrections(40, 4).samples
    before = adapter.scores(ana, samples)
    learned(adapter, corrections(50, 8, "eabcd"))
    assert np.array_equal(adapter.scores(ana, samples).log_probabilities, before.log_probabilities)


def test_scores_of_many_samples_are_those_of_each(adapter: Adapter) -> None:
    state, samples = learned(adapter, corrections(60, 1, "abcdeß")), corrections(25, 2).samples
    together = adapter.scores(state, samples)
    for i in range(25):
        alone = adapter.scores(state, Samples(samples.embeddings[i : i + 1], samples.logits[i : i + 1]))
        np.testing.assert_allclose(alone.log_probabilities[0], together.log_probabilities[i], atol=1e-3, rtol=1e-4)
        assert alone.answerers[0] == together.answerers[i]


def test_no_answer_lies_outside_the_offered_alphabet(adapter: Adapter) -> None:
    state, samples = learned(adapter, corrections(80, 1)), corrections(40, 2).samples
    restricted = Samples(samples.embeddings, np.where(ALPHABET.mask("bd"), samples.logits, np.float32(-np.inf)))
    answers = adapter.scores(state, restricted).log_probabilities.argmax(axis=1)
    assert set(answers.tolist()) <= {1, 3}


def test_scores_are_probabilities(adapter: Adapter) -> None:
    state = learned(adapter, corrections(80, 1, "abcdeß"))
    scores = adapter.scores(state, corrections(40, 2).samples)
    assert scores.log_probabilities.shape == (40, 6)
    np.testing.assert_allclose(np.exp(scores.log_probabilities).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("reveal", [False, True])
def test_a_fast_replay_equals_the_fold_and_the_loop(adapter: Adapter, reveal: bool) -> None:
    samples = corrections(90, 1)
    random = np.random.default_rng(0)
    trials = []
    for size in (70, 45, 0, 90):
        order = random.permutation(90)
        trials.append(Trial(order[:size], order[size:]))
    answers = zip(replay_by_fold(adapter, samples, trials, reveal), replay(adapter, samples, trials, reveal), strict=True)
    for slow, fast in answers:
        assert np.array_equal(slow.answers, fast.answers)
        assert (slow.proposals is None) == (fast.proposals is None)
        if slow.proposals is not None and fast.proposals is not None:
            assert np.array_equal(slow.proposals, fast.proposals)
        if fast.probabilities is not None:
            assert slow.probabilities is not None
            np.testing.assert_allclose(fast.probabilities, slow.probabilities, atol=1e-5)


def test_a_state_of_another_adapter_or_a_damaged_one_is_refused(adapter: Adapter) -> None:
    blob = learned(adapter, corrections(10, 1)).to_bytes(adapter)
    for damaged in (blob[:-9], b"", b"PK\x03\x04 nothing of ours", blob[:40]):
        with pytest.raises(FormatError):
            State.from_bytes(damaged, adapter)
    with pytest.raises(MismatchError, match="version"):
        State.from_bytes(blob, PaperAdapter(ALPHABET, STYLES, STYLE_LABELS, version=99))


@settings(max_examples=30, deadline=None)
@given(
    arrays(np.float32, (12, D), elements=st.floats(-8, 8, width=32)),
    arrays(np.float32, (12, len(ALPHABET)), elements=st.floats(-8, 8, width=32)),
    st.lists(st.sampled_from("abcdeßé"), min_size=12, max_size=12),
    st.integers(0, 12),
)
def test_any_numbers_at_all_give_finite_scores_and_a_state_that_folds(
    embeddings: NDArray[np.float32], logits: NDArray[np.float32], labels: list[str], cut: int
) -> None:
    for adapter in ADAPTERS:
        everything = Corrections(embeddings, logits, labels)
        first, second = everything.take(range(cut)), everything.take(range(cut, 12))
        state = learned(adapter, first, second)
        scores = adapter.scores(state, everything.samples)
        assert not np.isnan(scores.log_probabilities).any()
        assert np.isfinite(scores.log_probabilities.max(axis=1)).all()
        back = State.from_bytes(learned(adapter, first).to_bytes(adapter), adapter)
        assert same(adapter.learn(back, second), state)


@pytest.mark.parametrize("method", OURS, ids=lambda method: method.name)
def test_a_window_bounds_what_is_kept_and_the_newest_stay(method: type[TunableAdapter]) -> None:
    adapter = ours(method, window=20)
    state = adapter.start()
    sizes = set()
    for seed in range(30):
        state = adapter.learn(state, corrections(5, seed))
        sizes.add(len(state.to_bytes(adapter)))
    assert len(state.arrays["labels"]) == 20
    assert len(sizes) <= 5
    newest = [label for seed in range(26, 30) for label in corrections(5, seed).labels]
    assert [ALPHABET[place] for place in state.arrays["labels"].tolist()] == newest


@pytest.mark.parametrize("method", OURS, ids=lambda method: method.name)
def test_a_window_bounds_the_writers_own_labels(method: type[TunableAdapter]) -> None:
    adapter, state = ours(method, window=20), State()
    for seed in range(30):
        state = adapter.learn(state if seed else adapter.start(), replace(corrections(5, seed), labels=[f"o{seed}", *"abcd"]))
        assert len(state.labels) <= 4
        assert state.labels == tuple(f"o{i}" for i in range(max(0, seed - 3), seed + 1))
        names = [*ALPHABET, *state.labels]
        assert [names[place] for place in state.arrays["labels"].tolist()][-5:] == [f"o{seed}", *"abcd"]
        samples = corrections(10, 99).samples
        scores = adapter.scores(state, samples)
        assert scores.values.shape == (10, len(names))
        assert np.isfinite(scores.log_probabilities.max(axis=1)).all()
        back = adapter.scores(State.from_bytes(state.to_bytes(adapter), adapter), samples)
        assert np.array_equal(back.values, scores.values)
    again = adapter.learn(state, replace(corrections(2, 50), labels=["o0", "o29"]))
    assert again.labels == ("o26", "o27", "o28", "o29", "o0")[-len(again.labels) :]


def test_the_size_of_a_state_is_what_it_takes(adapter: Adapter) -> None:
    def made() -> WriterModel:
        model = WriterModel(adapter, adapter.start())
        for seed in range(8):
            model = WriterModel(adapter, adapter.learn(model.state, corrections(50, seed, "abcdeßé")))
            model.scores(corrections(4, seed).samples)
        model.explain(corrections(1, 1).samples)
        return model

    made()  # what is made once for all writers
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    model = made()
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert 0.8 * taken - 4000 <= model.size <= 1.3 * taken + 4000
    assert model.is_fitted
    assert model.size > model.state.size


@pytest.mark.parametrize("method", OURS, ids=lambda method: method.name)
def test_why_names_the_writers_own_nearest_samples(method: type[TunableAdapter]) -> None:
    adapter, batch = ours(method), corrections(30, 1)
    state = learned(adapter, batch)
    why = adapter.explain(state, batch.take([12]).samples)
    nearest = why.evidence["nearest"][0]
    assert (nearest["correction"], nearest["label"]) == (12, batch.labels[12])
    assert nearest["distance"] <= 0.02 * np.linalg.norm(batch.embeddings[12])
    assert why.base in ALPHABET
    assert why.answerer in ("base", adapter.name)


def test_what_was_corrected_reads_as_corrected_from_the_first_correction_on() -> None:
    adapter, batch = ours(Allograph), corrections(60, 1, "abcdeß")
    for count in (1, 10, 60):
        taught = batch.take(range(count))
        answers = adapter.scores(learned(adapter, taught), taught.samples).answers
        names = [*ALPHABET, "ß"]
        assert [names[i] for i in answers.tolist()] == taught.labels
