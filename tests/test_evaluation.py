"""The protocol, the figures and the tables, by hand-computed cases; the pooled paper's method against a literal version."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from allograph.adapters import Trial
from allograph.adapters.paper import PaperAdapter
from allograph.alphabet.labels import Alphabet
from allograph.corpora.text_column import TextColumn
from allograph.errors import FormatError, InputError
from allograph.evaluation.measures.figures import bootstrap, confusions, figures
from allograph.evaluation.protocols.answers import MethodAnswers, WriterAnswers
from allograph.evaluation.protocols.replay import replay_writers
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.writer_samples import WriterSamples
from allograph.evaluation.report.corpus_tables import corpus_facts, table_1, table_2
from allograph.evaluation.report.markdown import markdown
from allograph.evaluation.report.method_tables import table_3
from allograph.evaluation.report.results import read_results, results, run_as_dict, write_results
from allograph.evaluation.runs import Run
from allograph.readings import Corrections
from allograph.styles import z_scores

ABC = Alphabet("abc")


def trial_counts(protocol: Resample, labels: list[str]) -> list[tuple[dict[str, int], dict[str, int]]]:
    names = np.array(labels)
    return [
        tuple(  # type: ignore[misc]
            {label: int(np.count_nonzero(names[rows] == label)) for label in sorted(set(labels))}
            for rows in (trial.adaptation, trial.test)
        )
        for trial in protocol.trials("ana", names)
    ]


def test_of_every_full_ten_samples_one_is_tested_and_of_the_rest_one_by_chance() -> None:
    counts = trial_counts(Resample(resamples=400), ["a"] * 30 + ["b"] * 4)
    assert {test["a"] for _, test in counts} == {3}
    assert {test["b"] for _, test in counts} == {0, 1}
    assert np.mean([test["b"] for _, test in counts]) == pytest.approx(0.4, abs=0.1)
    assert all(adaptation["a"] + test["a"] == 30 for adaptation, test in counts)


def test_other_shares_round_up_by_chance() -> None:
    counts = trial_counts(Resample(adaptation=0.5, resamples=400), ["a"] * 7)
    assert {adaptation["a"] for adaptation, _ in counts} == {3, 4}
    assert np.mean([adaptation["a"] for adaptation, _ in counts]) == pytest.approx(3.5, abs=0.1)
    assert {adaptation["a"] for adaptation, _ in trial_counts(Resample(adaptation=0), ["a"] * 7)} == {0}


def test_per_label_takes_that_many_of_every_label_that_has_more() -> None:
    for adaptation, test in trial_counts(Resample(per_label=2), ["a"] * 5 + ["b"] * 2 + ["c"]):
        assert adaptation == {"a": 2, "b": 0, "c": 0}
        assert test == {"a": 3, "b": 2, "c": 1}


def test_samples_run_label_by_label_in_code_point_order_unless_shuffled() -> None:
    labels = np.array(list("bBaé") * 20)
    (trial,) = Resample(resamples=1).trials("ana", labels)
    assert "".join(dict.fromkeys(labels[trial.adaptation].tolist())) == "Babé"
    (mixed,) = Resample(resamples=1, shuffle=True).trials("ana", labels)
    assert sorted(mixed.adaptation.tolist()) == sorted(trial.adaptation.tolist())
    assert mixed.adaptation.tolist() != trial.adaptation.tolist()


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=40), st.sampled_from([0.0, 0.2, 0.5, 0.9]), st.integers(0, 3))
def test_every_sample_is_learned_or_tested_exactly_once_and_alike_on_every_call(
    labels: list[str], share: float, seed: int
) -> None:
    protocol = Resample(adaptation=share, resamples=2, seed=seed)
    for trial, again in zip(protocol.trials("ana", np.array(labels)), protocol.trials("ana", np.array(labels)), strict=True):
        assert sorted([*trial.adaptation.tolist(), *trial.test.tolist()]) == list(range(len(labels)))
        assert trial.test.tolist() == again.test.tolist()


def test_writers_and_resamples_have_seeds_of_their_own() -> None:
    labels = np.array(["a"] * 50)
    first, second = Resample(resamples=2).trials("ana", labels)
    (other, _) = Resample(resamples=2).trials("ben", labels)
    assert len({tuple(sorted(trial.test.tolist())) for trial in (first, second, other)}) == 3


@pytest.mark.parametrize(
    "wrong",
    [{"adaptation": 1.0}, {"adaptation": -0.1}, {"per_label": 0}, {"resamples": 0}, {"feedback": "some"}, {"alphabet": "runes"}],
)
def test_a_protocol_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Resample(**wrong)  # type: ignore[arg-type]


def replayed(writer: str, true: str, base: str, paper: str, any_right: str) -> WriterAnswers:
    """A writer's answers as text; `any_right` has 1 where any answerer was right."""
    found = MethodAnswers(ABC.indices(paper), np.array([flag == "1" for flag in any_right]), 0.5)
    return WriterAnswers(writer, np.arange(len(true)), ABC.indices(true), ABC.indices(base), {"paper": found})


WRITERS = [
    #              true     base     paper    any right
    replayed("ana", "aabbcc", "aabbaa", "aabbca", "111111"),  # base 4, paper 5
    replayed("ben", "abc", "abc", "abc", "111"),  # 3, 3
    replayed("cai", "ccc", "cca", "abc", "110"),  # 2, 1
]


def test_figures_pool_all_test_samples() -> None:
    found = figures(WRITERS)
    paper = found.methods["paper"]
    assert (found.samples, found.base) == (12, 9 / 12)
    assert (paper.accuracy, paper.gain, paper.error_cut) == (9 / 12, 0, 0)
    assert (paper.better, paper.equal, paper.worse) == (1, 1, 1)
    # right by the base or by the chosen answer: ana 5, ben 3, cai 3 (c, c and then the paper's c)
    assert paper.oracle == 11 / 12
    assert paper.oracle_any == 11 / 12
    assert paper.seconds == 1.5
    assert [(writer.id, writer.samples, writer.base, writer.methods["paper"]) for writer in found.writers] == [
        ("ana", 6, 4 / 6, 5 / 6),
        ("ben", 3, 1, 1),
        ("cai", 3, 2 / 3, 1 / 3),
    ]


def test_intervals_come_from_writers_drawn_with_replacement() -> None:
    samples, base, right = np.array([10, 10]), np.array([5, 5]), np.array([10, 5])
    gains, cuts = bootstrap(samples, base, right)
    values, counts = np.unique(gains, return_counts=True)
    assert values.tolist() == [0, 0.25, 0.5]  # twice the second, one of each, twice the first
    np.testing.assert_allclose(counts / len(gains), [0.25, 0.5, 0.25], atol=0.02)
    assert np.unique(cuts).tolist() == [0, 0.5, 1]
    assert np.array_equal(bootstrap(samples, base, right)[0], gains)


def test_without_errors_of_the_base_there_is_no_error_cut() -> None:
    paper = figures([replayed("ben", "abc", "abc", "abb", "111")]).methods["paper"]
    assert paper.error_cut is None
    assert paper.error_cut_ci95 is None
    assert paper.worse == 1


def test_a_writer_without_test_samples_counts_as_no_writer_tested() -> None:
    assert [writer.id for writer in figures([*WRITERS, replayed("dan", "", "", "", "")]).writers] == ["ana", "ben", "cai"]


def test_nothing_to_test_is_an_error() -> None:
    with pytest.raises(InputError, match="no test sample"):
        figures([replayed("dan", "", "", "", "")])


def test_confusions_count_wrong_answers_before_and_after() -> None:
    assert confusions(WRITERS, ABC) == {("c", "a"): 3}
    assert confusions(WRITERS, ABC, "paper") == {("c", "a"): 2, ("c", "b"): 1}


def task(name: str, samples: int, seed: int) -> WriterSamples:
    random = np.random.default_rng(seed)
    true = random.integers(0, 3, samples)
    embeddings = (np.eye(3, 8)[true] * 3 + random.normal(size=(samples, 8))).astype(np.float32)
    logits = random.normal(size=(samples, 3)).astype(np.float32)
    logits[np.arange(samples), np.where(random.random(samples) < 0.7, true, (true + 1) % 3)] += 6
    return WriterSamples(name, Corrections(embeddings, logits, [ABC[i] for i in true.tolist()]))


def paper_adapter() -> PaperAdapter:
    random = np.random.default_rng(0)
    return PaperAdapter(ABC, random.normal(size=(7, 8)).astype(np.float32), np.array([0, 0, 0, 1, 1, 2, 2], np.int32))


@pytest.mark.parametrize("feedback", ["none", "all"])
def test_the_number_of_processes_changes_nothing(feedback: str) -> None:
    tasks = [task(f"w{i}", 40 + i, i) for i in range(5)]
    runs = [
        replay_writers(tasks, ABC, {"paper": paper_adapter()}, Resample(resamples=2, feedback=feedback), jobs)  # type: ignore[arg-type]
        for jobs in (1, 2)
    ]
    for one, other in zip(*runs, strict=True):
        assert one.writer == other.writer
        assert np.array_equal(one.rows, other.rows)
        assert np.array_equal(one.methods["paper"].labels, other.methods["paper"].labels)


@pytest.mark.parametrize("seed", range(3))
def test_the_papers_method_equals_a_literal_version_with_scikit_learns_classifiers(seed: int) -> None:
    from literal_paper import LiteralPaper

    adapter, samples = paper_adapter(), task("ana", 90, seed).samples
    order = np.random.default_rng(seed).permutation(90)
    trial = Trial(order[:60], order[60:])
    (found,) = adapter.replay(samples, [trial], reveal=True)

    scored: Mapping[str, NDArray[np.float64]] = {
        label: z_scores(adapter.styles[adapter.style_labels == i]).astype(np.float64) for i, label in enumerate(ABC)
    }
    literal = LiteralPaper(dict(scored))
    predicted = [ABC[i] for i in samples.logits.argmax(axis=1).tolist()]

    def reveal(rows: NDArray[np.int64]) -> None:
        literal.learn(samples.embeddings[rows], [predicted[i] for i in rows], [samples.labels[i] for i in rows])

    reveal(trial.adaptation)
    for row, answer in zip(trial.test, found.answers.tolist(), strict=True):
        assert literal.read(samples.embeddings[row], predicted[row])[0] == ABC[answer]
        reveal(np.array([row]))


def test_results_are_written_and_read_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("results") / "results.json"
    value = results("c.parquet", "0" * 64, [run_as_dict(Run.of(Resample(), WRITERS, ABC))], {})
    write_results(path, value)
    assert read_results(path) == json.loads(path.read_text())
    run = read_results(path)["runs"][0]
    assert run["protocol"] == {
        "name": "resample", "adaptation": 0.9, "resamples": 10, "seed": 0, "feedback": "none", "shuffle": False,
        "in_order": False, "alphabet": None, "split": None,
    }  # fmt: skip
    assert run["base"].items() >= {"accuracy": 0.75, "samples": 12, "writers": 3}.items()
    assert run["writers"][0] == {"id": "ana", "samples": 6, "base": 4 / 6, "paper": 5 / 6}
    path.write_text(json.dumps({**value, "format": 99}))
    with pytest.raises(FormatError, match="format 99"):
        read_results(path)


def test_table_3_shows_the_authors_figures_beside_ours() -> None:
    shown = {row[0]: row[1:] for row in table_3(figures(WRITERS), "nist", "all").rows}
    assert shown["Accuracy"] == ("75.00 %", "89.60 %")
    assert shown["Gain, points"] == ("+0.00", "+2.36")
    assert shown["Largest gain, points"] == ("+16.67", "+4.18")
    assert shown["Better / equal / worse"] == ("1 / 1 / 1", "167 / 9 / 24")
    assert "the authors (feedback all)" in table_3(figures(WRITERS), "deepwriting", "none").head
    assert table_3(figures(WRITERS), "npz", "all").head == ("", "paper")


def test_tables_1_and_2_count_the_corpus() -> None:
    facts = corpus_facts(
        TextColumn.of(list("aabbb")), TextColumn.of(["w", "w", "w", "v", "v"]), TextColumn.of(["train"] * 3 + ["application"] * 2)
    )
    assert [row[1] for row in table_1(facts, "").rows] == ["2", "5", "2", "2.50", "1.25"]
    assert table_2(facts, "").rows == (("train", "1", "3"), ("validation", "0", "0"), ("application", "1", "2"))
    assert [row[2] for row in table_1(facts, "nist").rows] == ["3,596", "814,255", "62", "226.43", "3.65"]
    assert table_2(facts, "deepwriting").rows[2] == ("application", "1", "2", "25", "37,658")


def test_every_label_survives_markdown() -> None:
    from allograph.evaluation.report.table import Table

    labels = [chr(point) for point in range(33, 127)]
    text = markdown(Table("T", ("label",), tuple((label,) for label in labels)))
    cells = [line[2:-2] for line in text.splitlines()[4:]]
    assert [cell.removeprefix("\\") if len(cell) > 1 else cell for cell in cells] == labels
