"""What an evaluation shows of size: calls without corrections, errors by kind, first samples, wrong corrections."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allograph.adapters import Adapter, State, WriterModel
from allograph.adapters.lookup import Lookup
from allograph.adapters.protocol import others as read_beside
from allograph.alphabet.labels import Alphabet
from allograph.bundle import Bundle
from allograph.embedding import EmbeddedCorpus, embed
from allograph.errors import InputError
from allograph.evaluation import Evaluation, Resample, Sequential, Unlabelled, evaluate
from allograph.evaluation.measures.error_kinds import ERROR_KINDS, error_kind, error_kinds
from allograph.evaluation.measures.figures import confusions, figures
from allograph.evaluation.measures.first_samples import first_samples
from allograph.evaluation.measures.slips import slip_figures
from allograph.evaluation.methods import SIZES, add_sizes, build_methods
from allograph.evaluation.protocols.answers import Doubts, MethodAnswers, WriterAnswers
from allograph.evaluation.protocols.replay import replay_writers
from allograph.evaluation.protocols.unlabelled import OTHERS, UnlabelledPoint
from allograph.evaluation.protocols.writer_samples import WriterSamples
from allograph.evaluation.protocols.wrong_labels import doubt_in_turn, replace_labels
from allograph.evaluation.report.answer_tables import writers_table
from allograph.evaluation.report.kind_tables import error_kinds_table
from allograph.evaluation.report.method_tables import table_3
from allograph.evaluation.report.results import run_as_dict
from allograph.evaluation.report.table_files import csv_text
from allograph.evaluation.report.wording import method_in_words, run_in_words
from allograph.evaluation.runs import Run
from allograph.readings import SLIPS, Corrections, Explanation, Samples, Scores
from allograph.recognizer import Recognizer
from allograph.samples.box import Boxes
from allograph.samples.equality import equal
from small import allograph, noise_archive, tiny_bundle

CASE = Alphabet("cC")
MIXED = Alphabet("0oOc1lI|.aC")


def answered(true: str, base: str, method: str, alphabet: Alphabet = MIXED, writer: str = "ana") -> WriterAnswers:
    """One writer's answers as text."""
    found = MethodAnswers(alphabet.indices(method), None, 0.0)
    return WriterAnswers(writer, np.arange(len(true)), alphabet.indices(true), alphabet.indices(base), {"it": found})


@dataclass(frozen=True)
class BySize:
    """Reads C where a sample is taller than the mean of its context, c elsewhere; without a context what the base reads."""

    name: str = "by-size"
    version: int = 1

    def start(self) -> State:
        return State()

    def learn(self, state: State, batch: Corrections) -> State:
        return state

    def scores(self, state: State, samples: Samples) -> Scores:
        return self.fit(state).scores(samples)

    def explain(self, state: State, sample: Samples) -> Explanation:
        return self.fit(state).explain(sample)

    def fit(self, state: State) -> BySizeModel:
        return BySizeModel(None)


@dataclass(frozen=True)
class BySizeModel:
    height: float | None

    def with_context(self, context: Samples) -> BySizeModel:
        assert context.boxes is not None
        return BySizeModel(float(context.boxes.sizes[:, 0].mean()))

    def scores(self, samples: Samples) -> Scores:
        values = samples.logits.copy()
        if self.height is not None:
            assert samples.boxes is not None
            tall = samples.boxes.sizes[:, 0] > self.height
            values = np.where(tall[:, None], np.array([0, 1], np.float32), np.array([1, 0], np.float32))
        return Scores(values, np.zeros(len(samples), np.int8))

    def explain(self, sample: Samples) -> Explanation:
        return Explanation("base", "c", "")


def boxes(heights: Sequence[float]) -> Boxes:
    edges = np.array([(0, 0, 1, height) for height in heights], np.float32).reshape(-1, 4)
    return replace(Boxes.none(len(edges)), edges=edges)


def writer(name: str, samples: int, seed: int = 0) -> WriterSamples:
    """A base that knows nothing of case; a hand whose C is twice as tall as its c."""
    random = np.random.default_rng(seed)
    true = random.integers(0, 2, samples)
    logits = random.normal(size=(samples, 2)).astype(np.float32)
    sized = boxes((10 * (1 + true)).tolist())
    return WriterSamples(name, Corrections(logits, logits, [CASE[i] for i in true.tolist()], boxes=sized))


# Calls without corrections


@given(st.integers(1, 120), st.sampled_from(OTHERS), st.integers(0, 3), st.integers(1, 3))
def test_every_sample_is_read_once_in_a_call_with_so_many_others(samples: int, others: int, seed: int, resamples: int) -> None:
    point = UnlabelledPoint(Unlabelled(resamples=resamples, seed=seed), others)
    calls = point.calls("ana", samples)
    assert len(calls) == (resamples if samples > others else 0)
    for one in calls:
        assert sorted(np.concatenate([call.test for call in one]).tolist()) == list(range(samples))
        for call in one:
            assert len({*call.test.tolist(), *call.others.tolist()}) == len(call.test) + len(call.others) == others + 1
    again = point.calls("ana", samples)
    assert [[call.test.tolist() for call in one] for one in calls] == [[call.test.tolist() for call in one] for one in again]
    trials = point.trials("ana", np.full(samples, "c"))
    assert [trial.test.tolist() for trial in trials] == [np.concatenate([call.test for call in one]).tolist() for one in calls]
    assert not any(len(trial.adaptation) for trial in trials)


@pytest.mark.parametrize("others", [0, 1, 3, 10])
def test_each_answer_is_what_its_own_call_gives(others: int) -> None:
    one = writer("ana", 60)
    point = UnlabelledPoint(Unlabelled(resamples=2), others)
    (found,) = replay_writers([one], CASE, {"it": BySize()}, point)
    model = WriterModel(BySize(), BySize().start())
    turn = 0
    for call in [call for calls in point.calls("ana", 60) for call in calls]:
        filler = one.samples.at(call.others) if len(call.others) else None
        for place, row in enumerate(call.test.tolist()):
            context = read_beside(one.samples.at(call.test), place, filler)
            expected = model.scores(one.samples.at(np.array([row])), context)
            assert found.rows[turn] == row
            assert found.methods["it"].labels[turn] == expected.answers[0]
            turn += 1
    assert turn == len(found) == 120
    if others:
        right, sure = found.right("it"), found.right()
        assert right.sum() > sure.sum()
    else:
        assert np.array_equal(found.methods["it"].labels, found.base)


def test_writers_with_too_few_samples_are_left_out_and_processes_change_nothing() -> None:
    point = UnlabelledPoint(Unlabelled(resamples=1), 30)
    tasks = [writer("few", 30), writer("many", 31, 1), writer("more", 80, 2)]
    found = replay_writers(tasks, CASE, {"it": BySize()}, point)
    assert [len(one) for one in found] == [0, 31, 80]
    assert [one.id for one in Run.of(point, found, CASE).figures.writers] == ["many", "more"]
    for one, other in zip(found, replay_writers(tasks, CASE, {"it": BySize()}, point, jobs=2), strict=True):
        assert np.array_equal(one.methods["it"].labels, other.methods["it"].labels)


def test_calls_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InputError, match="at least once"):
        Unlabelled(resamples=0)
    with pytest.raises(InputError):
        Unlabelled(alphabet="runes")


# Errors by kind


@pytest.mark.parametrize(
    ("written", "read", "kind"),
    [
        ("c", "C", "case"), ("o", "O", "case"), ("0", "o", "zero"), ("O", "0", "zero"), ("1", "l", "one"), ("I", "|", "one"),
        ("|", ".", "punctuation"), ("a", ",", "punctuation"), ("+", "t", "punctuation"), ("0", "1", "rest"), ("l", "0", "rest"),
        ("é", "É", "case"), ("i", "I", "case"), ("ä", "a", "rest"),
    ],
)  # fmt: skip
def test_the_kind_of_an_error(written: str, read: str, kind: str) -> None:
    assert error_kind(written, read) == error_kind(read, written) == kind


def test_errors_by_kind_by_hand() -> None:
    one = answered("cCoO0l1.aa", "CcO00|1aaC", "cCoOol1.aC")
    kinds = error_kinds([one], MIXED)
    assert kinds["base"] == {"case": 3, "zero": 1, "one": 1, "punctuation": 1, "rest": 1}
    assert kinds["it"] == {"case": 0, "zero": 1, "one": 0, "punctuation": 0, "rest": 1}
    table = error_kinds_table(Run.of(Resample(), [one], MIXED))
    assert table.rows[:4] == (
        ("c/C", "3", "0"), ("  cut", "–", "100.0 %"), ("0/o/O", "1", "1"), ("  cut", "–", "0.0 %"),
    )  # fmt: skip
    assert table.rows[-2:] == (("All errors", "7", "2"), ("  cut", "–", "71.4 %"))
    assert csv_text(table).splitlines()[0].startswith("method,c/C,")


@given(st.lists(st.tuples(*[st.sampled_from(MIXED.labels)] * 3), min_size=1, max_size=60))
def test_the_kinds_together_are_all_errors(triples: list[tuple[str, str, str]]) -> None:
    true, base, adapted = ("".join(part) for part in zip(*triples, strict=True))
    one = answered(true, base, adapted)
    counts = error_kinds([one], MIXED)
    for name, kinds in counts.items():
        method = None if name == "base" else name
        assert tuple(kinds) == ERROR_KINDS
        assert sum(kinds.values()) == sum(confusions([one], MIXED, method).values()) == (~one.right(method)).sum()


# First samples


def test_the_first_samples_by_hand() -> None:
    true = "cC" * 15
    base = "c" * 30  # right at every other sample
    method = "c" + true[1:20] + "c" * 10  # at all but the second half of the last ten
    one = answered(true, base, method, CASE)
    found = first_samples([one, answered("cc", "CC", "cc", CASE, "ben")], revealed=True)["it"]
    shares = {(span.first, span.last): (span.samples, span.writers, span.base, span.accuracy) for span in found.spans}
    assert shares == {
        (1, 10): (12, 2, 5 / 12, 12 / 12),
        (1, 20): (22, 2, 10 / 22, 22 / 22),
        (21, 40): (10, 1, 5 / 10, 5 / 10),
        (1, 60): (32, 2, 15 / 32, 27 / 32),
    }
    assert found.unseen is not None
    assert (found.unseen.samples, found.unseen.base, found.unseen.accuracy) == (3, 1 / 3, 1)  # c, C; ben's first c
    assert first_samples([one], revealed=False)["it"].unseen is None
    low, high = found.spans[0].gain_ci95
    assert low == pytest.approx(0.5)  # ana alone
    assert high == pytest.approx(1.0)  # ben alone


def test_every_pass_through_a_writers_samples_begins_anew() -> None:
    twice = WriterAnswers(
        "ana", np.array([*range(12), *range(12)]), CASE.indices("c" * 24), CASE.indices("c" * 24),
        {"it": MethodAnswers(CASE.indices("C" * 10 + "c" * 2 + "c" * 12), None, 0.0)},
    )  # fmt: skip
    found = first_samples([twice], revealed=True)["it"]
    assert (found.spans[0].samples, found.spans[0].accuracy) == (20, 10 / 20)
    assert found.unseen is not None
    assert (found.unseen.samples, found.unseen.accuracy) == (2, 1 / 2)


# Wrong corrections


def hand(labels: str, seed: int = 0, alphabet: Alphabet = MIXED) -> Corrections:
    random = np.random.default_rng(seed)
    logits = random.normal(size=(len(labels), len(alphabet))).astype(np.float32)
    return Corrections(logits, logits, list(labels))


@given(st.integers(0, 60), st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.9]), st.integers(0, 5))
def test_so_many_labels_are_wrong_and_nothing_else_changes(count: int, share: float, seed: int) -> None:
    samples = hand("c" * 30 + "." * 40)
    rows = np.random.default_rng(seed).permutation(70)[:count].astype(np.int64)
    taught, wrong = replace_labels(samples, rows, share, MIXED, np.random.default_rng(seed))
    assert int(count * share) <= wrong.sum() <= int(round(count * share, 9)) + 1
    changed = {row for row in range(70) if taught.labels[row] != samples.labels[row]}
    assert changed == set(rows[wrong].tolist())
    assert np.array_equal(taught.logits, samples.logits)
    again, _ = replace_labels(samples, rows, share, MIXED, np.random.default_rng(seed))
    assert list(again.labels) == list(taught.labels)


def test_half_of_the_wrong_labels_are_the_likeliest_besides_the_true_one() -> None:
    samples = hand("c" * 200)
    samples.logits[:, MIXED.index("a")] += 20
    samples.logits[:, MIXED.index("c")] += 30
    samples.logits[:, MIXED.index("|")] = -np.inf  # not on offer
    taught, wrong = replace_labels(samples, np.arange(200), 0.5, MIXED, np.random.default_rng(0))
    given_labels = Counter(label for label, here in zip(taught.labels, wrong.tolist(), strict=True) if here)
    assert 50 <= given_labels["a"] <= 70  # fifty, and some of the other fifty
    assert not {"c", "|"} & set(given_labels)
    assert len(given_labels) == 9


def test_where_nothing_else_is_on_offer_no_label_is_wrong() -> None:
    samples = hand("cc")
    samples.logits[:, [i for i, label in enumerate(MIXED) if label != "c"]] = -np.inf
    taught, wrong = replace_labels(samples, np.arange(2), 0.9, MIXED, np.random.default_rng(0))
    assert not wrong.any()
    assert list(taught.labels) == ["c", "c"]


def test_doubt_is_that_of_a_reading_before_the_correction_is_learned() -> None:
    samples, lookup = hand("caC.a"), Lookup(MIXED)
    rows, wrong = np.array([3, 0, 4]), np.array([True, False, False])
    found = doubt_in_turn(lookup, samples, rows, wrong, MIXED)
    state = lookup.start()
    for turn, row in enumerate(rows.tolist()):
        logs = lookup.scores(state, samples.at(np.array([row]))).log_probabilities[0]
        slip = SLIPS / len(MIXED)
        meant = (1 - SLIPS) * float(np.exp(logs[MIXED.index(samples.labels[row])]))
        assert found.values[turn] == pytest.approx(slip / (slip + meant), rel=1e-5)
        state = lookup.learn(state, samples.take([row]))
    assert found.wrong.tolist() == wrong.tolist()


def test_precision_and_recall_by_hand() -> None:
    def doubting(values: Sequence[float], wrong: str) -> WriterAnswers:
        one = answered("cc", "cc", "cc")
        doubts = Doubts(np.array(values), np.array([flag == "1" for flag in wrong]))
        return replace(one, methods={"it": replace(one.methods["it"], doubts=doubts)})

    found = slip_figures([doubting([0.9, 0.6, 0.4, 0.5], "1011"), doubting([0.7], "1")])["it"]
    assert (found.corrections, found.wrong, found.doubted, found.precision, found.recall) == (5, 4, 3, 2 / 3, 2 / 4)
    none = slip_figures([doubting([0.1, 0.2], "00")])["it"]
    assert (none.precision, none.recall) == (None, None)
    assert slip_figures([answered("c", "c", "c")]) == {}


def test_wrong_labels_are_learned_in_the_second_of_two_runs_and_tested_in_none() -> None:
    labels = "c" * 40 + "C" * 40
    one = WriterSamples("ana", hand(labels, alphabet=CASE))
    protocol = Resample(adaptation=0.5, resamples=3, wrong_labels=0.5)
    right, wrong = protocol.runs()
    assert (right.wrong_labels, wrong.wrong_labels) == (0, 0.5)
    assert "wrong_labels" not in right.as_dict()
    assert wrong.as_dict()["wrong_labels"] == 0.5
    assert "--wrong-labels 0.5" in protocol.options()
    careful, careless = (replay_writers([one], CASE, {"it": Lookup(CASE)}, run)[0] for run in (right, wrong))
    assert np.array_equal(careful.rows, careless.rows)
    assert np.array_equal(careful.true, careless.true)
    assert not equal(careful.methods["it"].probabilities, careless.methods["it"].probabilities)
    doubts = careless.methods["it"].doubts
    assert doubts is not None
    assert (len(doubts), int(doubts.wrong.sum())) == (40, 20)
    assert careful.methods["it"].doubts is None
    lookup = Lookup(CASE)  # the third resample, by hand
    trial = wrong.trials("ana", np.array(list(labels)))[2]
    taught, _ = replace_labels(one.samples, trial.adaptation, 0.5, CASE, wrong.random_slips("ana", 2))
    state = lookup.learn(lookup.start(), taught.take(trial.adaptation))
    answers = lookup.scores(state, one.samples.at(trial.test)).answers
    assert careless.methods["it"].labels[-len(trial.test) :].tolist() == answers.tolist()
    for share in (-0.1, 1.0):
        with pytest.raises(InputError, match="share of wrong labels"):
            Resample(wrong_labels=share)


# Methods with and without size


def test_methods_are_judged_with_and_without_size_where_all_or_none_are_asked_for() -> None:
    bundle = Bundle.open()
    for methods, more in (((), True), ([], True), ("all", True), (["paper", "all"], True), ("lookup", False), (["paper"], False)):
        adapters, left_out = build_methods(methods, bundle)
        before = set(adapters) | set(left_out)
        add_sizes(adapters, left_out, methods, bundle)
        assert set(adapters) | set(left_out) == before | (set(SIZES) if more else set())
    mine: dict[str, Adapter] = {"mine": Lookup(bundle.alphabet)}
    add_sizes(mine, {}, mine, bundle)
    assert list(mine) == ["mine"]


def test_sized_methods_are_explained_by_what_they_are_made_of() -> None:
    plain = method_in_words("memory")
    assert plain is not None
    for name in ("memory+size", "memory-size"):
        words = method_in_words(name)
        assert words is not None
        assert words.startswith(plain)
        assert len(words) > len(plain)
    assert method_in_words("mine+size") is method_in_words("mine") is None


@pytest.fixture(scope="module")
def sized(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedCorpus:
    """Noise with boxes for two of three samples, and the tiny model's opinion of it."""
    folder = tmp_path_factory.mktemp("sized")
    labels = [str(i % 10) for i in range(240)]
    box = np.array([(0, 0, 5 + i / 10, 9 + i / 10) for i in range(240)], np.float32)
    box[::3] = np.nan
    noise_archive(folder / "noise.npz", labels, [f"w{i // 60}" for i in range(240)], box=box)
    tiny_bundle(folder / "bundle")
    allograph("prepare", "npz", "noise.npz", "--split", "all", "-o", "noise.parquet", cwd=folder)
    return embed(folder / "noise.parquet", Recognizer(folder / "bundle", threads=1), folder / "noise.embedded.parquet")


def judged(corpus: EmbeddedCorpus, protocol: Resample | Sequential | Unlabelled) -> Evaluation:
    methods = {"memory+size": Lookup(corpus.alphabet), "allograph-size": Lookup(corpus.alphabet, belief=9.0)}
    return evaluate(corpus, methods, protocol, model=corpus.path.parent / "bundle")


def test_samples_with_a_box_are_counted(sized: EmbeddedCorpus) -> None:
    done = judged(sized, Unlabelled(resamples=1))
    assert [run.protocol.as_dict()["others"] for run in done.runs] == [0, 1, 3, 10, 30]  # nobody has a hundred and one
    assert done.figures.boxed == done.results["runs"][-1]["base"]["boxes"] == 160
    rows = {row[0]: row[1:] for row in table_3(done.figures, "nist", "none").rows}
    assert rows["  with a box"] == ("160", "160", "–")
    assert "with a box" not in str(table_3(replace(done.figures, boxed=None), "nist", "none").rows)
    assert run_in_words(done.runs[1]) == "nothing corrected, 1 other in the call"
    bare = figures([answered("cc", "cc", "cc")])
    assert bare.boxed is None


@pytest.mark.parametrize(
    "protocol",
    [Resample(resamples=2, wrong_labels=0.1), Sequential(resamples=2), Unlabelled(resamples=1)],
    ids=["wrong-labels", "sequential", "unlabelled"],
)
def test_reports_tables_and_predictions_take_names_with_plus_and_minus(
    sized: EmbeddedCorpus, tmp_path: Path, protocol: Resample | Sequential | Unlabelled
) -> None:
    done = judged(sized, protocol)
    page = done.write_report(tmp_path / "report").read_text(encoding="utf-8")
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    for name in ("memory+size", "allograph-size"):
        assert f'<th scope="col">{name}</th>' in page
        assert name.replace("+", "\\+") in text
        assert f"“{name}”" in page
    assert f"--method memory+size --method allograph-size {protocol.options()[0]}" in text
    saved = json.loads((tmp_path / "report" / "results.json").read_text(encoding="utf-8"))
    for run in saved["runs"]:
        for one in (run["base"], *run["methods"].values()):
            assert sum(one["error_kinds"].values()) == pytest.approx(1 - one["accuracy"])
    method = saved["runs"][-1]["methods"]["memory+size"]
    assert ("first_samples" in method) == isinstance(protocol, Sequential)
    assert ("slips" in method) == isinstance(protocol, Resample)
    done.write_tables(tmp_path / "tables")
    names = {path.stem for path in (tmp_path / "tables").iterdir()}
    wanted = {Resample: "wrong-labels", Sequential: "first-samples", Unlabelled: "unlabelled"}[type(protocol)]
    assert {"kinds", wanted} <= names
    for name in ("kinds", wanted, "table-3"):
        lines = (tmp_path / "tables" / f"{name}.csv").read_text(encoding="utf-8").splitlines()
        assert any("memory+size" in line for line in lines)
        assert "%" not in "".join(lines[1:])
    done.write_predictions(tmp_path / "answers.parquet")
    assert writers_table(done.figures).head[-2:] == ("memory+size", "allograph-size")


def test_first_samples_end_with_those_of_a_whole_run(sized: EmbeddedCorpus) -> None:
    run = judged(sized, Sequential(feedback="all")).runs[0]
    assert run.first_samples is not None
    for name, found in run.first_samples.items():
        assert found.spans[-1].last == 60
        assert found.spans[-1].samples == run.figures.samples  # every writer has sixty
        assert found.spans[-1].accuracy == pytest.approx(run.figures.methods[name].accuracy)
        thirds = [span for span in found.spans if (span.first, span.last) in ((1, 20), (21, 40), (41, 60))]
        assert sum(span.samples * span.accuracy for span in thirds) == pytest.approx(
            found.spans[-1].samples * found.spans[-1].accuracy
        )
    assert run_as_dict(run)["methods"]["memory+size"]["first_samples"]["spans"][0]["last"] == 10


@pytest.mark.slow
def test_the_command_judges_calls_and_wrong_labels(sized: EmbeddedCorpus) -> None:
    folder = sized.path.parent
    command = ["evaluate", "noise.embedded.parquet", "--model", "bundle", "--method", "lookup", "--resamples", "1", "--jobs", "1"]
    calls = allograph(*command, "--protocol", "unlabelled", cwd=folder).stdout
    assert "Nothing corrected" in calls
    assert "Table 3. Accuracy of the methods, nothing corrected, 30 others in the call" in calls
    slips = json.loads(allograph(*command, "--wrong-labels", "0.1", "--json", cwd=folder).stdout)["runs"]
    assert [run["protocol"].get("wrong_labels") for run in slips] == [None, 0.1]
    assert slips[1]["methods"]["lookup"]["slips"]["wrong"] > 0
    foreign = allograph(*command, "--protocol", "unlabelled", "--wrong-labels", "0.1", cwd=folder, status=2).stderr
    assert "--wrong-labels is not for the protocol unlabelled" in foreign
