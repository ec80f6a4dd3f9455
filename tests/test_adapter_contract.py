"""What every adapter promises, checked on every adapter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from allograph.adapters import OURS, SIZED, Adapter, State, Trial, replay, replay_by_fold
from allograph.adapters.allograph import Allograph, AllographWithoutSize
from allograph.adapters.lookup import Prior
from allograph.adapters.memory_based import MemoryBased
from allograph.adapters.paper import PaperAdapter
from allograph.adapters.population import Population
from allograph.adapters.shape import ShapeStatistics
from allograph.adapters.size_statistics import SizeStatistics
from allograph.adapters.tunable_adapter import TunableAdapter
from allograph.adapters.with_size import WithSize
from allograph.alphabet.labels import Alphabet
from allograph.checks.adapter import ADAPTER_LAWS, Case, ModelShape
from allograph.checks.contract import run_law
from allograph.errors import FormatError, MismatchError
from allograph.evaluation.protocols.replay import replay_writers
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.sequential import Sequential
from allograph.evaluation.protocols.writer_samples import WriterSamples
from allograph.readings import Corrections, Samples, log_softmax
from allograph.samples.box import Boxes

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


def fed(adapter: Adapter, features: int | None) -> Adapter:
    """The adapter for a model with so many features; only one looks at them."""
    if features is None or not isinstance(adapter, Allograph):
        return adapter
    turn = np.random.default_rng(3).normal(size=(features + 1, D)).astype(np.float32)
    return replace(adapter, population=replace(POPULATION, space=turn / np.float32(np.sqrt(features * D))))


def with_size(method: type[TunableAdapter], window: int | None) -> Adapter:
    adapter = ours(method, window)
    assert isinstance(adapter, MemoryBased)
    return WithSize(adapter, SIZES)


def sizes_of() -> SizeStatistics:
    """How large the contract's writers write, with places."""
    parts = [Case(Prior(ALPHABET), ModelShape(ALPHABET, D)).corrections(60, seed) for seed in range(100, 120)]
    boxes = Boxes.join([part.boxes for part in parts], [60] * 20)
    assert boxes is not None
    labels = np.concatenate([ALPHABET.indices(part.labels) for part in parts])
    found = SizeStatistics.estimate(boxes, labels, np.repeat(np.arange(20), 60).astype(str), len(ALPHABET))
    assert found is not None
    return found


POPULATION = population_of()
SIZES = sizes_of()
CENTRES = (np.random.default_rng(5).normal(size=(len(ALPHABET), D)) / D).astype(np.float32)
SHAPES = ShapeStatistics(CENTRES, 0.02, 0.5, np.full(len(ALPHABET), 0.2, np.float32))
DEFAULT = Allograph(ALPHABET, None, POPULATION, SIZES, SHAPES)
ADAPTERS: list[Adapter] = [
    PaperAdapter(ALPHABET, STYLES, STYLE_LABELS),
    PaperAdapter(ALPHABET, STYLES, STYLE_LABELS, z_score=False),
    *(ours(method) for method in OURS),
    *(ours(method, window=20) for method in OURS),
    DEFAULT,
    replace(DEFAULT, window=20),
    *(with_size(method, window) for method in SIZED.values() for window in (None, 20)),
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


@pytest.mark.parametrize("law", ADAPTER_LAWS, ids=lambda law: law.__name__)
def test_every_adapter_keeps_the_contract(adapter: Adapter, law: Callable[[Case], None]) -> None:
    run_law(adapter.name, law, Case(fed(adapter, 7), ModelShape(ALPHABET, D, 7)))


@pytest.mark.parametrize("law", ADAPTER_LAWS, ids=lambda law: law.__name__)
def test_the_default_keeps_it_for_a_model_without_features(law: Callable[[Case], None]) -> None:
    for adapter in (ours(Allograph), DEFAULT, AllographWithoutSize(ALPHABET, None, POPULATION, None, SHAPES)):
        run_law("allograph", law, Case(adapter, ModelShape(ALPHABET, D)))


@pytest.mark.parametrize("features", [None, 7])
def test_on_the_contracts_writer_every_adapter_learns(adapter: Adapter, features: int | None) -> None:
    """Else its laws would hold of answers that are only the base's."""
    case = Case(fed(adapter, features), ModelShape(ALPHABET, D, features))
    samples = case.corrections(60, 2).samples
    scores = case.adapter.scores(case.fold(case.corrections(120, 1)), samples)
    is_base = np.isclose(scores.log_probabilities, log_softmax(samples.logits), atol=1e-3).all(axis=1)
    assert (~is_base).sum() >= 5


@pytest.mark.parametrize("feedback", ["none", "all", "mistakes", "silence"])
def test_evaluation_answers_as_the_plain_loop(adapter: Adapter, feedback: str) -> None:
    samples = Case(adapter, ModelShape(ALPHABET, D)).corrections(50, 3)
    in_turn = feedback in ("mistakes", "silence")
    protocol = Sequential(feedback) if in_turn else Resample(adaptation=0.5, resamples=2, feedback=feedback)  # type: ignore[arg-type]
    (replayed,) = replay_writers([WriterSamples("ana", samples)], ALPHABET, {"method": adapter}, protocol)
    answers = []
    for number, trial in enumerate(protocol.trials("ana", np.array(samples.labels))):
        state = adapter.learn(adapter.start(), samples.take(trial.adaptation))
        missed = protocol.missed_turns("ana", number + 1, 50) if isinstance(protocol, Sequential) else None
        for turn, row in enumerate(trial.test.tolist()):
            answer = int(adapter.scores(state, samples.at(slice(row, row + 1))).answers[0])
            answers.append(answer)
            wrong = ALPHABET[answer] != samples.labels[row]
            if feedback == "all" or (feedback == "mistakes" and wrong):
                state = adapter.learn(state, samples.take([row]))
            elif missed is not None:
                label = ALPHABET[answer] if missed[number][turn] else samples.labels[row]
                state = adapter.learn(state, replace(samples.take([row]), labels=[label]))
    assert replayed.methods["method"].labels.tolist() == answers


@pytest.mark.parametrize("reveal", [False, True])
def test_a_fast_replay_equals_the_fold_and_the_loop(adapter: Adapter, reveal: bool) -> None:
    samples = corrections(90, 1)
    random = np.random.default_rng(0)
    trials = []
    for size in (70, 45, 0, 90):
        order = random.permutation(90)
        trials.append(Trial(order[:size], order[size:]))
    replays = replay(adapter, samples, trials, reveal)
    for slow, fast in zip(replay_by_fold(adapter, samples, trials, reveal), replays, strict=True):
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
