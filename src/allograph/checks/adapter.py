"""The contract of adapters, on a synthetic writer with features, boxes and labels of the writer's own."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from allograph.adapters import Adapter, State, Trial, TrialAnswers, WriterModel, replay
from allograph.adapters.protocol import others
from allograph.alphabet.labels import Alphabet
from allograph.checks.contract import measure_memory, require, run_laws
from allograph.progress import Progress, silent
from allograph.readings import Corrections, Samples, Scores, log_softmax
from allograph.recognizer import Recognizer
from allograph.samples.box import Boxes

OWN_LABELS = ("ß", "é", "ch", "ñ", "ю", "★")
"""Labels that few alphabets hold."""
WINDOW = 20
"""Corrections that an adapter with a window keeps in these checks."""
TOLERANCE = 1e-3
"""By which log-probabilities of one sample may differ where it is scored alone or with others."""


@dataclass(frozen=True)
class ModelShape:
    """What the model gives an adapter: its alphabet, and how many numbers a sample's embedding and features have."""

    alphabet: Alphabet
    embedding_size: int
    feature_size: int | None = None

    @classmethod
    def of(cls, recognizer: Recognizer) -> ModelShape:
        """Of a recognizer."""
        return cls(recognizer.alphabet, recognizer.bundle.embedding_size, recognizer.feature_size)


@dataclass(frozen=True)
class Case:
    """An adapter, and synthetic writers for a model of this shape."""

    adapter: Adapter
    model: ModelShape

    @property
    def own_labels(self) -> list[str]:
        """Three labels that the alphabet lacks."""
        return [label for label in OWN_LABELS if label not in self.model.alphabet][:3]

    def corrections(self, count: int, seed: int, own: int = 0) -> Corrections:
        """Samples of at most eight labels, and of `own` of the writer's own; one in three is misread, and one label always.

        Each label has its size, on two devices, in millimetres and in pixels; of one in five samples it is not known.
        """
        random, size = np.random.default_rng(seed), len(self.model.alphabet)
        labels = [*self.model.alphabet.labels[:8], *self.own_labels[:own]]
        true = random.integers(0, len(labels), count)
        embeddings = self._points(true, self.model.embedding_size, random)
        features = None if self.model.feature_size is None else self._points(true, self.model.feature_size, random)
        logits = random.normal(size=(count, size)).astype(np.float32)
        right = np.flatnonzero((true < min(size, 8)) & (random.random(count) < 0.67))
        logits[right, np.where(true[right] == 1, 0, true[right])] += 4
        ids, times = [str(i) for i in range(count)], [float(i) for i in range(count)]
        boxes = self._boxes(true, np.random.default_rng(seed + 1000))
        return Corrections(embeddings, logits, [labels[i] for i in true], ids, times, features, boxes)

    def samples_without_boxes(self, count: int, seed: int, own: int = 0) -> Samples:
        """The same samples, of unknown size."""
        return replace(self.corrections(count, seed, own).samples, boxes=None)

    def fold(self, *batches: Corrections) -> State:
        """The state after these batches."""
        state = self.adapter.start()
        for batch in batches:
            state = self.adapter.learn(state, batch)
        return state

    @staticmethod
    def _points(true: np.ndarray[Any, Any], size: int, random: np.random.Generator) -> np.ndarray[Any, Any]:
        centres = np.random.default_rng(1).normal(size=(8 + len(OWN_LABELS), size))
        return (centres[true] + 0.5 * random.normal(size=(len(true), size))).astype(np.float32)

    @staticmethod
    def _boxes(true: np.ndarray[Any, Any], random: np.random.Generator) -> Boxes:
        phone, missing = random.random(len(true)) < 0.3, random.random(len(true)) < 0.2
        heights = (1 + true) * np.exp(0.1 * random.normal(size=len(true))) * np.where(phone, 40, 1)
        edges = np.stack([0 * heights, -heights, 0.7 * heights, 0 * heights], axis=1)
        edges[missing] = np.nan
        baselines = np.where(missing | (random.random(len(true)) < 0.5), np.nan, 0.0)
        devices = np.where(missing, "", np.where(phone, "phone", "tablet"))
        return Boxes(edges.astype(np.float32), baselines.astype(np.float32), ~missing & ~phone, devices)


def check_adapter(adapter: Adapter, model: Recognizer | ModelShape | None = None, progress: Progress = silent) -> None:
    """Raise `ContractError` unless an adapter keeps all that `Adapter` promises.

    `model` is the recognizer that it was built for, or the shape of its outputs; the shipped one unless given. It takes seconds,
    more for large models: `progress` is told of every law.
    """
    shape = model if isinstance(model, ModelShape) else ModelShape.of(model or Recognizer())
    case = Case(adapter, shape)
    run_laws(f"the adapter {adapter.name}", ADAPTER_LAWS, lambda: case, progress)


def starts_from_the_base(case: Case) -> None:
    """Without corrections the scores of samples of unknown size are the base's log-probabilities."""
    samples = case.samples_without_boxes(20, 3)
    scores, expected = case.adapter.scores(case.adapter.start(), samples), log_softmax(samples.logits)
    require(scores.values.shape == expected.shape, f"start() gives scores {scores.values.shape}, not {expected.shape}")
    near = np.allclose(scores.log_probabilities, expected, atol=1e-6, rtol=1e-6)
    require(near, "the scores of start() are not the base's; return its logits where nothing was learned")
    require(not np.any(scores.answerers), "the answerers of start() are not all 0, the base")


def scores_are_log_probabilities(case: Case) -> None:
    """Scores are [n, C + m], their probabilities sum to one, and answerers and proposals have a row for each sample."""
    for own, count in ((0, 40), (2, 40), (2, 1), (2, 0)):
        state = case.fold(case.corrections(80, 1, own))
        scores = case.adapter.scores(state, case.corrections(count, 2, own).samples)
        shape = (count, len(case.model.alphabet) + len(state.labels))
        require(scores.values.shape == shape, f"scores of {count} samples are {scores.values.shape}, not {shape} (C + m labels)")
        require(scores.values.dtype == np.float32, f"scores are {scores.values.dtype}; convert them to float32")
        require(scores.answerers.shape == (count,), f"answerers are {scores.answerers.shape}; give one for each sample")
        require(scores.answerers.dtype.kind in "iu", f"answerers are {scores.answerers.dtype}; give integers, 0 for the base")
        if scores.proposals is not None:
            rows = scores.proposals.ndim == 2 and len(scores.proposals) == count
            require(rows, f"proposals are {scores.proposals.shape}; give [n, answerers]")
        _require_probabilities(scores)
        taught = set(case.own_labels[:own])
        require(set(state.labels) <= taught, f"the state's labels are {state.labels}; beyond the alphabet {taught} were taught")


def offers_no_other_label(case: Case) -> None:
    """A label whose logit is −inf is not on offer: its score is −inf."""
    state, samples = case.fold(case.corrections(80, 1, 2)), case.corrections(40, 2).samples
    mask = np.arange(len(case.model.alphabet)) % 2 == 0
    limited = replace(samples, logits=np.where(mask, samples.logits, np.float32(-np.inf)))
    scores = case.adapter.scores(state, limited)
    _require_probabilities(scores)
    hidden = scores.values[:, : len(mask)][:, ~mask]
    require(np.isneginf(hidden).all(), "labels with a logit of −inf got a score; set it to −inf")


def any_finite_numbers_can_be_learned(case: Case) -> None:
    """Embeddings and logits may be all 0, constant, alike or random: scores stay probabilities, and states fold."""
    random = np.random.default_rng(0)
    for scale in (0.0, 1e-3, 1.0, 8.0):
        batch = case.corrections(12, 5, 2)
        embeddings = (scale * random.normal(size=batch.embeddings.shape)).astype(np.float32)
        features = None if batch.features is None else np.full_like(batch.features, scale)
        batch = replace(batch, embeddings=embeddings, logits=np.round(scale * batch.logits), features=features)
        for strange in (batch, replace(batch, embeddings=np.full_like(embeddings, scale))):
            _require_probabilities(case.adapter.scores(case.fold(strange), strange.samples))
            _require_probabilities(case.adapter.scores(case.fold(strange, case.corrections(9, 6)), strange.samples))


def learns_nothing_from_nothing(case: Case) -> None:
    """An empty batch changes nothing."""
    state = case.fold(case.corrections(30, 1, 2))
    require(case.adapter.learn(state, case.corrections(0, 2)) == state, "an empty batch changed the state; return it as it is")


def changes_nothing_in_place(case: Case) -> None:
    """`learn` returns a new state; neither it nor `scores` nor `explain` changes a state, a batch or samples."""
    state, batch, sample = case.fold(case.corrections(30, 1, 1)), case.corrections(12, 2, 2), case.corrections(1, 5).samples
    before = copy.deepcopy((state, batch, sample))
    for name, call in (
        ("learn", lambda: case.adapter.learn(state, batch)),
        ("scores", lambda: case.adapter.scores(state, batch.samples)),
        ("explain", lambda: case.adapter.explain(state, sample)),
    ):
        call()
        for what, one, other in zip(("the state", "the batch", "the sample"), before, (state, batch, sample), strict=True):
            require(one == other, f"{name} changed {what} in place; copy the arrays before writing to them")


def survives_bytes(case: Case) -> None:
    """A state that was stored and read back is equal, scores the same, and learns on the same."""
    state, samples = case.fold(case.corrections(40, 1, 2)), case.corrections(50, 2, 2).samples
    back = State.from_bytes(state.to_bytes(case.adapter), case.adapter)
    require(back == state, "a state read back from its bytes is another; keep all of it in State.labels and State.arrays")
    _require_same(case.adapter.scores(state, samples), case.adapter.scores(back, samples), "of a state read back")
    more = case.corrections(7, 9, 3)
    again = case.adapter.learn(back, more) == case.adapter.learn(state, more)
    require(again, "a state read back learns another state; keep nothing outside of it")


def is_deterministic(case: Case) -> None:
    """The same batches give the same state and scores, in this adapter and in a copy; so a batch is undone by folding without."""
    batches, samples = [case.corrections(6, seed, 2) for seed in range(4)], case.corrections(20, 9).samples
    state, scores = case.fold(*batches), case.adapter.scores(case.fold(*batches), samples)
    case.fold(*batches[:2], case.corrections(9, 77, 3))
    for adapter in (case.adapter, copy.deepcopy(case.adapter)):
        again = Case(adapter, case.model).fold(*batches)
        require(again == state, "the same batches gave another state; seed all that is random, and keep nothing in the adapter")
        _require_same(scores, adapter.scores(again, samples), "of the same state")


def keeps_writers_apart(case: Case) -> None:
    """What one writer teaches does not change another's scores."""
    ana, samples = case.fold(case.corrections(30, 1, 1)), case.corrections(40, 4).samples
    before = case.adapter.scores(ana, samples)
    case.adapter.scores(case.fold(case.corrections(50, 8, 3)), samples)
    _require_same(before, case.adapter.scores(ana, samples), "of one writer, after another had learned")


def scores_one_as_many(case: Case) -> None:
    """The scores of many samples are those of each alone."""
    state, samples = case.fold(case.corrections(60, 1, 2)), case.corrections(25, 2, 2).samples
    together = case.adapter.scores(state, samples)
    for i in range(25):
        alone = case.adapter.scores(state, samples.at(slice(i, i + 1)))
        near = np.allclose(alone.log_probabilities[0], together.log_probabilities[i], atol=TOLERANCE, rtol=1e-4)
        first, second = np.sort(together.log_probabilities[i])[:-3:-1] if together.values.shape[1] > 1 else (0.0, -1.0)
        near &= first - second < 2 * TOLERANCE or alone.answerers[0] == together.answerers[i]
        require(near, f"sample {i} scores otherwise alone than among 25; let no sample depend on the others of its call")


def fit_is_a_shortcut(case: Case) -> None:
    """What `fit` returns scores and explains as the adapter does with the state."""
    state, samples = case.fold(case.corrections(60, 1, 2)), case.corrections(25, 2, 2).samples
    model, sample = WriterModel(case.adapter, state), samples.at(slice(0, 1))
    for _ in range(2):
        _require_same(case.adapter.scores(state, samples), model.scores(samples), "of fit(state) and of the adapter")
    require(model.explain(sample) == case.adapter.explain(state, sample), "fit(state) explains a sample otherwise")


def replays_as_it_folds(case: Case) -> None:
    """`replay`, by the adapter's own way where it has one, gives the answers of learning and scoring sample by sample."""
    samples, random = case.corrections(60, 1), np.random.default_rng(0)
    trials = [Trial(*np.split(random.permutation(60), [size])) for size in (45, 20, 0, 60)]
    for reveal in (False, True):
        replays = list(replay(case.adapter, samples, trials, reveal))
        require(len(replays) == len(trials), f"replay answered {len(replays)} of {len(trials)} trials")
        for trial, answers in zip(trials, replays, strict=True):
            _require_replay(case, samples, trial, answers, reveal)


def _require_replay(case: Case, samples: Corrections, trial: Trial, answers: TrialAnswers, reveal: bool) -> None:
    """Compare the answers to one trial with a plain loop over its test samples."""
    state = case.adapter.learn(case.adapter.start(), samples.take(trial.adaptation))
    require(answers.answers.shape == trial.test.shape, f"{len(answers)} of {len(trial.test)} test samples have an answer")
    for turn, row in enumerate(trial.test.tolist()):
        scores = case.adapter.scores(state, samples.at(slice(row, row + 1)))
        logs = scores.log_probabilities[0]
        near = logs[answers.answers[turn]] >= logs.max() - TOLERANCE
        require(near, f"replay (reveal={reveal}) answers test sample {turn} otherwise than learn and scores in turn")
        if answers.probabilities is not None:
            sure = abs(float(answers.probabilities[turn]) - float(np.exp(logs.max()))) <= TOLERANCE
            require(sure, f"replay (reveal={reveal}) gives the answer to test sample {turn} another probability")
        if answers.proposals is not None and scores.proposals is not None:
            require(np.array_equal(answers.proposals[turn], scores.proposals[0]), f"replay proposes otherwise for sample {turn}")
        if reveal:
            state = case.adapter.learn(state, samples.take([row]))


def is_shared_by_threads(case: Case) -> None:
    """Threads that learn and score at once get what each alone would."""
    batches, samples = [case.corrections(20, seed, 2) for seed in range(4)], case.corrections(10, 9).samples
    expected = [(case.fold(batch), case.adapter.scores(case.fold(batch), samples)) for batch in batches]
    fresh, model = copy.deepcopy(case.adapter), WriterModel(case.adapter, expected[0][0])

    def work(i: int) -> tuple[State, Scores, Scores]:
        state = Case(fresh, case.model).fold(batches[i % 4])
        return state, fresh.scores(state, samples), model.scores(samples)

    with ThreadPoolExecutor(4) as pool:
        for i, (state, scores, of_model) in enumerate(pool.map(work, range(16))):
            require(state == expected[i % 4][0], "a state learned beside other threads is another; keep nothing in the adapter")
            _require_same(expected[i % 4][1], scores, "beside other threads")
            _require_same(expected[0][1], of_model, "of one model shared by threads")


def reads_without_boxes(case: Case) -> None:
    """Samples may have boxes or none, whatever was learned; no boxes at all are as many missing ones."""
    batch, samples = case.corrections(40, 1, 2), case.corrections(25, 2, 2).samples
    blind, missing = replace(batch, boxes=None), replace(batch, boxes=Boxes.none(40))
    require(case.fold(blind) == case.fold(missing), "missing boxes teach another state than none; leave out those that are NaN")
    for state in (case.fold(batch), case.fold(blind), case.fold(blind, batch), case.fold(batch, blind)):
        _require_probabilities(case.adapter.scores(state, samples))
        without = case.adapter.scores(state, replace(samples, boxes=None))
        of_missing = case.adapter.scores(state, replace(samples, boxes=Boxes.none(25)))
        near = np.allclose(without.log_probabilities, of_missing.log_probabilities, atol=TOLERANCE, rtol=1e-4)
        require(near, "samples with missing boxes score otherwise than samples without; a missing box says nothing")


def reads_beside_others(case: Case) -> None:
    """Samples beside others of the writer score alike alone and in one call, whatever the others' order; nothing is learned."""
    for state in (case.adapter.start(), case.fold(case.corrections(40, 1, 2))):
        model, context = WriterModel(case.adapter, state), case.corrections(12, 3, 2).samples
        samples, before = case.corrections(9, 2, 2).samples, copy.deepcopy((state, context))
        plain, together, beside = model.scores(samples), model.scores_together(samples), model.scores(samples, context)
        turned = model.scores(samples, context.at(np.arange(12)[::-1]))
        for i in range(9):
            row = samples.at(slice(i, i + 1))
            pairs = (
                (together, model.scores(row, others(samples, i)), "among others than beside them"),
                (beside, model.scores(row, context), "in a call of many than alone, beside the same context"),
            )
            for one, other, how in pairs:
                near = np.allclose(one.log_probabilities[i], other.log_probabilities[0], atol=TOLERANCE, rtol=1e-4)
                require(near, f"sample {i} scores otherwise {how}")
            answer, base = model.explain(row, context), case.model.alphabet[int(row.logits[0].argmax())]
            require(answer.base == base, f"explain says beside others that the base read {answer.base!r}; it read {base!r}")
        near = np.allclose(turned.log_probabilities, beside.log_probabilities, atol=TOLERANCE, rtol=1e-4)
        require(near, "the order of the context changes scores")
        _require_same(plain, model.scores(samples), "after samples were read beside others")
        require((state, context) == before, "reading beside others changed the state or the context in place")


def explains_its_answers(case: Case) -> None:
    """`explain` names who answered ('base' where the answerer is 0), what the base said, and evidence that is JSON."""
    for state in (case.adapter.start(), case.fold(case.corrections(40, 1, 2))):
        for seed in range(12):
            sample = case.corrections(1, seed, 2).samples
            why, scores = case.adapter.explain(state, sample), case.adapter.scores(state, sample)
            base = case.model.alphabet[int(sample.logits[0].argmax())]
            require(why.base == base, f"explain says that the base read {why.base!r}; it read {base!r}")
            by_base = not scores.answerers[0]
            require((why.answerer == "base") == by_base, f"explain names {why.answerer!r}; the answerer is {scores.answerers[0]}")
            require(why.answerer and why.text, "explain leaves the answerer or the text empty")
            require(_is_json(why.evidence), f"the evidence is not JSON (no arrays, no NaN, only strings as keys): {why.evidence}")


def tells_its_size(case: Case) -> None:
    """`WriterModel.size` is the memory that the process keeps for a writer's state, and for what was computed from it."""

    def build() -> WriterModel:
        model = WriterModel(case.adapter, case.adapter.start())
        for seed in range(6):
            model = WriterModel(case.adapter, case.adapter.learn(model.state, case.corrections(50, seed, 2)))
            model.scores(case.corrections(4, seed).samples)
        return model

    model, taken = measure_memory(build)
    size = model.size if isinstance(model, WriterModel) else 0
    near = 0.8 * taken - 4000 <= size <= 1.3 * taken + 4000
    require(near, f"the process keeps {taken} bytes for a model that says {size}; keep arrays in dataclasses, and nothing else")


def keeps_within_its_window(case: Case) -> None:
    """With a `window`, the memory that the process keeps for a writer stops growing, also where every batch has a new label."""
    adapter = _with_window(case.adapter)
    if adapter is None:
        return

    def build(batches: int) -> Callable[[], State]:
        def fold() -> State:
            state = adapter.start()
            for seed in range(batches):
                batch = case.corrections(10, seed)
                state = adapter.learn(state, replace(batch, labels=[f"new{seed}", *batch.labels[1:]]))
            adapter.scores(state, case.corrections(4, 1).samples)
            return state

        return fold

    (_, few), (state, many) = measure_memory(build(6)), measure_memory(build(24))
    require(many <= 1.25 * few + 4000, f"60 corrections keep {few} bytes, 240 keep {many}; drop what lies beyond the window")
    labels = len(state.labels) if isinstance(state, State) else 0
    require(labels <= adapter.window, f"{labels} labels are kept with a window of {adapter.window}; drop those without samples")


def _with_window(adapter: Any) -> Any:
    """The adapter with a small window, where it can have one; else None."""
    if is_dataclass(adapter) and "window" in {field.name for field in fields(adapter)}:
        return replace(adapter, window=WINDOW)  # type: ignore[type-var]
    window = getattr(adapter, "window", None)
    return adapter if isinstance(window, int) and window <= 2 * WINDOW else None


def _require_probabilities(scores: Scores) -> None:
    shares = np.exp(scores.log_probabilities)
    require(not np.isnan(scores.values).any(), "a score is NaN; leave out numbers that cannot be computed with")
    require(np.isfinite(scores.values.max(axis=1)).all(), "the highest score of a sample is not finite")
    require(np.allclose(shares.sum(axis=1), 1, rtol=1e-4), "the probabilities of a sample do not sum to one")


def _require_same(one: Scores, other: Scores, when: str) -> None:
    same = np.array_equal(one.values, other.values) and np.array_equal(one.answerers, other.answerers)
    require(same, f"scores {when} differ; let them depend on the state and the samples alone")


def _is_json(value: Any) -> bool:
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError):
        return False


ADAPTER_LAWS: Sequence[Callable[[Case], None]] = (
    starts_from_the_base,
    scores_are_log_probabilities,
    offers_no_other_label,
    any_finite_numbers_can_be_learned,
    learns_nothing_from_nothing,
    changes_nothing_in_place,
    survives_bytes,
    is_deterministic,
    keeps_writers_apart,
    scores_one_as_many,
    reads_without_boxes,
    reads_beside_others,
    explains_its_answers,
    fit_is_a_shortcut,
    replays_as_it_folds,
    is_shared_by_threads,
    tells_its_size,
    keeps_within_its_window,
)
"""Every law of an adapter."""
