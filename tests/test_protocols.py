"""The protocols that follow a writer: answered and learned in turn, and tested after more and more corrections."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from allograph.adapters import Adapter, Trial, replay
from allograph.adapters.paper import PaperAdapter
from allograph.alphabet.labels import Alphabet
from allograph.errors import InputError
from allograph.evaluation.measures.course import ahead_after, courses, last_quarter
from allograph.evaluation.protocols.answers import MethodAnswers, WriterAnswers
from allograph.evaluation.protocols.curve import Curve, CurvePoint
from allograph.evaluation.protocols.kinds import RunProtocol
from allograph.evaluation.protocols.replay import replay_writers
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.sequential import MODES, Mode, Sequential
from allograph.evaluation.protocols.writer_samples import WriterSamples
from allograph.evaluation.runs import Run
from allograph.readings import Corrections

ABC = Alphabet("abc")


def task(name: str, samples: int = 60, seed: int = 0, ordered: bool = False) -> WriterSamples:
    """A writer whose embeddings gather by label, read by a base that is right two times in three."""
    random = np.random.default_rng(seed)
    true = random.integers(0, 3, samples)
    embeddings = (np.eye(3, 8)[true] * 3 + random.normal(size=(samples, 8))).astype(np.float32)
    logits = random.normal(size=(samples, 3)).astype(np.float32)
    logits[np.arange(samples), np.where(random.random(samples) < 0.67, true, (true + 1) % 3)] += 6
    order = random.permutation(samples).astype(np.int32) if ordered else None
    return WriterSamples(name, Corrections(embeddings, logits, [ABC[i] for i in true.tolist()]), order)


def adapter() -> Adapter:
    random = np.random.default_rng(0)
    return PaperAdapter(ABC, random.normal(size=(7, 8)).astype(np.float32), np.array([0, 0, 0, 1, 1, 2, 2], np.int32))


def replayed(protocol: RunProtocol, *tasks: WriterSamples, jobs: int = 1) -> list[WriterAnswers]:
    return replay_writers(tasks, ABC, {"paper": adapter()}, protocol, jobs)


@pytest.mark.parametrize("mode", MODES)
def test_in_turn_every_sample_is_answered_by_what_was_learned_before_it(mode: Mode) -> None:
    """Folded by hand: the answer to each sample, from the state that the feedback so far makes."""
    one, method = task("ana"), adapter()
    protocol = Sequential(feedback=mode, missed=0.4)
    (trial,) = protocol.trials("ana", np.array(one.samples.labels))
    missed = protocol.missed_turns("ana", 1, 60)
    (found,) = replayed(protocol, one)
    told: list[tuple[int, str]] = []
    for turn, row in enumerate(trial.test.tolist()):
        batches = [replace(one.samples.take([seen]), labels=[label]) for seen, label in told]
        state = method.start()
        for batch in batches:
            state = method.learn(state, batch)
        answer = ABC[int(method.scores(state, one.samples.at(np.array([row]))).answers[0])]
        assert answer == ABC[int(found.methods["paper"].labels[turn])]
        assert found.methods["paper"].corrections is not None
        assert found.methods["paper"].corrections[turn] == len(told)
        true = one.samples.labels[row]
        if mode == "all" or (mode == "mistakes" and answer != true):
            told.append((row, true))
        elif mode == "silence":
            assert missed is not None
            told.append((row, answer if missed[0, turn] else true))
    assert {"all": 60, "silence": 60}.get(mode, sum(found.base != found.true) / 2) <= len(told) <= 60
    assert found.rows.tolist() == trial.test.tolist()


def test_with_every_label_revealed_it_is_the_adapters_own_replay_from_nothing() -> None:
    one = task("ana")
    protocol = Sequential(feedback="all")
    (trial,) = protocol.trials("ana", np.array(one.samples.labels))
    (loop,) = replay(adapter(), one.samples, [Trial(np.empty(0, np.int64), trial.test)], True)
    (found,) = replayed(protocol, one)
    assert np.array_equal(loop.answers, found.methods["paper"].labels)


def test_silence_that_misses_nothing_reveals_every_label_and_one_that_misses_all_corrects_none() -> None:
    tasks = [task(f"w{i}", seed=i) for i in range(3)]
    revealed = replayed(Sequential(feedback="all"), *tasks)
    careful = replayed(Sequential(feedback="silence", missed=0), *tasks)
    for one, other in zip(revealed, careful, strict=True):
        assert np.array_equal(one.methods["paper"].labels, other.methods["paper"].labels)
    careless = replayed(Sequential(feedback="silence", missed=1), *tasks)
    assert all(np.array_equal(one.methods["paper"].labels, one.base) for one in careless)  # taught to say what it says


def test_samples_run_in_order_of_time_where_it_is_known() -> None:
    one = task("ana", ordered=True)
    assert one.order is not None
    (trial,) = Sequential(resamples=5).trials("ana", np.array(one.samples.labels), one.order)
    assert one.order[trial.test].tolist() == list(range(60))
    trials = Sequential(resamples=2).trials("ana", np.array(one.samples.labels))
    assert [sorted(trial.test.tolist()) for trial in trials] == [list(range(60))] * 2
    assert trials[0].test.tolist() != trials[1].test.tolist()


def test_in_order_the_first_part_is_learned_and_the_last_tested() -> None:
    one = task("ana", ordered=True)
    assert one.order is not None
    (trial,) = Resample(0.7, in_order=True).trials("ana", np.array(one.samples.labels), one.order)
    assert one.order[trial.adaptation].tolist() == list(range(42))
    assert one.order[trial.test].tolist() == list(range(42, 60))
    with pytest.raises(InputError, match="in which order"):
        Resample(in_order=True).trials("ana", np.array(one.samples.labels))
    with pytest.raises(InputError, match="in order of time"):
        Resample(in_order=True, per_label=1)


@pytest.mark.parametrize(
    "protocol", [*Sequential(resamples=2).runs(), Curve(resamples=2).runs()[-3]], ids=lambda run: str(run.as_dict())
)
def test_the_number_of_processes_changes_nothing(protocol: RunProtocol) -> None:
    tasks = [task(f"w{i}", 40 + i, i) for i in range(3)]
    for one, other in zip(replayed(protocol, *tasks), replayed(protocol, *tasks, jobs=2), strict=True):
        assert np.array_equal(one.rows, other.rows)
        for field in ("labels", "probabilities", "corrections"):
            assert np.array_equal(getattr(one.methods["paper"], field), getattr(other.methods["paper"], field))


def counts(labels: NDArray[np.str_], rows: NDArray[np.int64]) -> Counter[str]:
    return Counter(labels[rows].tolist())


def test_a_curve_tests_the_same_samples_after_more_and_more_of_the_rest() -> None:
    labels = np.array(list("aaaaaaaaaaaaaaaaaaaabbbbbbbbbbc"))
    runs = Curve(adaptation=0.8, resamples=3).runs()
    trials = {(point.corrections, point.per_label): point.trials("ana", labels) for point in runs}
    assert not trials[30, None]  # not so many to learn from
    assert not trials[300, None]
    whole = [trial.test.tolist() for trial in trials[0, None]]
    assert all([trial.test.tolist() for trial in some] == whole for some in trials.values() if some)
    for number in range(3):
        none, ten = trials[0, None][number].adaptation, trials[10, None][number].adaptation
        assert (len(none), len(ten)) == (0, 10)
        assert not set(ten.tolist()) & set(whole[number])
        few, more = trials[None, 2][number].adaptation, trials[None, 4][number].adaptation
        assert (counts(labels, few)["a"], counts(labels, few)["b"]) == (2, 2)
        assert set(few.tolist()) < set(more.tolist())
        assert counts(labels, more)["c"] <= 1


def test_with_nothing_learned_a_curve_begins_at_the_base() -> None:
    tasks = [task(f"w{i}", seed=i) for i in range(3)]
    runs = [run for run in Curve(resamples=2).runs() if run.corrections in (0, 30)]
    none, some = ([*replayed(run, *tasks)] for run in runs)
    for one, other in zip(none, some, strict=True):
        assert np.array_equal(one.methods["paper"].labels, one.base)
        assert np.array_equal(one.base, other.base)
    assert Run.of(runs[0], none, ABC).figures.methods["paper"].gain == 0
    seen = some[0].methods["paper"].corrections
    assert seen is not None
    assert set(seen.tolist()) == {30}


def test_a_writer_with_too_few_samples_is_left_out_of_a_point() -> None:
    found = replayed(CurvePoint(Resample(shuffle=True), corrections=100), task("few", 60), task("many", 200))
    assert [len(writer.rows) > 0 for writer in found] == [False, True]
    assert [writer.id for writer in Run.of(Curve().runs()[0], found, ABC).figures.writers] == ["many"]


def in_turn(true: str, base: str, method: str, seen: list[int]) -> WriterAnswers:
    answers = MethodAnswers(ABC.indices(method), None, 0.0, None, np.array(seen))
    return WriterAnswers("ana", np.arange(len(true)), ABC.indices(true), ABC.indices(base), {"paper": answers})


def test_ahead_after_is_when_the_answers_so_far_overtake_the_base_for_good() -> None:
    def after(gains: list[int], seen: list[int] | None = None) -> int | None:
        base, right = np.array([gain < 0 for gain in gains]), np.array([gain > 0 for gain in gains])
        return ahead_after(np.array(seen or range(len(gains))), base, right)

    assert after([0, 0, 1, 0, 0]) == 2
    assert after([0, 1, -1, 1, 0]) == 3  # level again after two corrections
    assert after([0, 1, -1, 1, -1]) is None
    assert after([0, 0]) is None
    assert after([0, 1, -1, 1, 1], [0, 1, 1, 1, 1]) == 1  # of all answers after one correction
    assert after([0, 0, 1, 1, 1], [0, 0, 5, 7, 0]) == 0  # two writers: one is better off before it corrects


def test_the_course_by_hand() -> None:
    one = in_turn("aaaaaaaa", "abbabbaa", "aabaaaab", [0, 1, 2, 3, 3, 4, 11, 12])
    assert last_quarter(one).tolist() == [False] * 6 + [True] * 2
    (course,) = courses([one]).values()
    assert [(part.corrections, part.samples, part.base, part.accuracy) for part in course.stretches] == [
        (0, 1, 1, 1), (1, 2, 0, 1 / 2), (3, 3, 1 / 3, 1), (10, 2, 1, 1 / 2),
    ]  # fmt: skip
    assert course.ahead_after == 1
    assert (course.base_last_quarter, course.last_quarter) == (1, 1 / 2)


def test_the_last_quarter_of_every_pass_counts() -> None:
    twice = WriterAnswers("ana", np.array([0, 1, 2, 3, 4, 4, 3, 2, 1, 0]), *(np.zeros(10, np.int32),) * 2, {})
    assert np.flatnonzero(last_quarter(twice)).tolist() == [3, 4, 8, 9]


@pytest.mark.parametrize("wrong", [{"feedback": "none"}, {"missed": 1.5}, {"resamples": 0}, {"alphabet": "runes"}])
def test_a_sequence_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Sequential(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"adaptation": 0}, {"adaptation": 1}, {"resamples": 0}, {"alphabet": "runes"}])
def test_a_curve_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Curve(**wrong)  # type: ignore[arg-type]
