"""Tuning: parameters from the validation writers, statistics from the training writers, nothing from anyone else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from allograph.adapters import OURS, best, build
from allograph.adapters.population import Population
from allograph.adapters.statistics import Statistics
from allograph.adapters.tunable_adapter import TunableAdapter
from allograph.bundle import Bundle
from allograph.embedding import EmbeddedCorpus, embed
from allograph.errors import InputError, MismatchError
from allograph.evaluation.measures.figures import figures
from allograph.evaluation.measures.quality import calibration_error, reliability
from allograph.evaluation.protocols.replay import replay_writers
from allograph.evaluation.protocols.writer_samples import WriterSamples, samples_by_writer
from allograph.readings import Samples
from allograph.recognizer import Recognizer
from allograph.tuning import tune
from allograph.tuning.checkpoint import HARM
from allograph.tuning.search import PROTOCOLS, unfinished
from small import COMMAND, allograph, digits_corpus, digits_split, environment, some_styles, tiny_bundle

CHEAP = ("prior", "lookup")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny_bundle(tmp_path / "bundle", some_styles())


@pytest.fixture
def embedded(tmp_path: Path, bundle: Bundle) -> EmbeddedCorpus:
    corpus = digits_corpus(tmp_path / "digits.parquet", digits_split(tmp_path / "split.csv"))
    return embed(corpus, Recognizer(bundle), tmp_path / "embedded.parquet")


def test_parameters_and_statistics_are_kept_in_the_bundle(bundle: Bundle, embedded: EmbeddedCorpus) -> None:
    (bundle.path / "MODEL_CARD.md").write_text("mine")
    assert best(bundle) == "paper"
    with pytest.raises(InputError, match="allograph tune"):
        build("allograph", bundle)
    tuned = tune(embedded, bundle, CHEAP)
    after = Bundle.open(bundle.path)
    assert best(after) == "allograph"
    assert after.config.adapters == {name: dict(found.parameters) for name, found in tuned.methods.items()}
    assert after.config.tuning["error_cuts"] == {name: list(found.error_cuts) for name, found in tuned.methods.items()}
    assert after.config.learning_curve == tuned.learning_curve
    assert (bundle.path / "MODEL_CARD.md").read_text() == "mine"
    assert after.model_hash == bundle.model_hash
    for method in OURS:
        adapter = build(method.name, after)
        assert adapter.name == method.name
    assert build("prior", after).smooth == tuned.methods["prior"].parameters["smooth"]  # type: ignore[attr-defined]


def test_tuning_one_method_leaves_what_was_chosen_for_the_others(bundle: Bundle, embedded: EmbeddedCorpus) -> None:
    tune(embedded, bundle, CHEAP)
    first = Bundle.open(bundle.path).config
    tune(embedded, Bundle.open(bundle.path), ["lookup"])
    assert Bundle.open(bundle.path).config == first


def test_application_writers_change_nothing(bundle: Bundle, embedded: EmbeddedCorpus, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    chosen = tune(embedded, bundle, CHEAP)
    statistics = Bundle.open(bundle.path).statistics
    table = pq.read_table(embedded.path)
    parts = zip(table["label"].to_pylist(), table["split"].to_pylist(), strict=True)
    wrong = pa.array(["0" if part == "application" else label for label, part in parts])
    record = pq.ParquetFile(embedded.path).metadata.metadata[b"allograph"]
    changed = table.set_column(2, "label", wrong).replace_schema_metadata({b"allograph": record})
    pq.write_table(changed, tmp_path / "spoilt.parquet")
    spoilt = EmbeddedCorpus.open(tmp_path / "spoilt.parquet")
    assert (spoilt.columns[0] != embedded.columns[0]).any()
    assert tune(spoilt, bundle, CHEAP) == chosen
    for name, array in Bundle.open(bundle.path).statistics.items():
        assert np.array_equal(array, statistics[name])


def test_what_cannot_be_tuned_is_refused(bundle: Bundle, embedded: EmbeddedCorpus, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no method 'paper' to tune"):
        tune(embedded, bundle, ["paper"])
    everyone = embed(digits_corpus(tmp_path / "all.parquet"), Recognizer(bundle), tmp_path / "all.embedded.parquet")
    with pytest.raises(InputError, match="no train or no validation"):
        tune(everyone, bundle)
    with pytest.raises(MismatchError, match="another model"):
        tune(embedded, Bundle.open())


@pytest.mark.slow
def test_the_command_says_what_was_chosen(bundle: Bundle, embedded: EmbeddedCorpus, tmp_path: Path) -> None:
    done = allograph("tune", "embedded.parquet", "--model", "bundle", "--method", "lookup", "--json", cwd=tmp_path)
    found = json.loads(done.stdout)["lookup"]
    assert found["parameters"] == Bundle.open(bundle.path).config.adapters["lookup"]
    shown = allograph("tune", "embedded.parquet", "--model", "bundle", "--method", "lookup", cwd=tmp_path).stdout
    assert "belief" in shown


def judged_alone(
    method: type[TunableAdapter], chosen: Mapping[str, float], embedded: EmbeddedCorpus
) -> tuple[list[float], list[float], list[float]]:
    """Error cuts, harm and calibration errors by the long way: what `evaluate` would say of these parameters alone."""
    train, others = embedded.samples(split="train"), embedded.samples(split="validation")
    samples = Samples(train.embeddings, train.logits, train.features, train.boxes)
    known = Statistics.estimate(samples, embedded.alphabet.indices(train.labels), train.writers).rounded
    given = known.parameters({field.name for field in fields(method)})
    adapter = method(embedded.alphabet, **(given | dict(chosen)))
    writers: list[WriterSamples] = samples_by_writer(others)
    cuts, harmed, errors = [], [], []
    for protocol in PROTOCOLS:
        replayed = replay_writers(writers, embedded.alphabet, {"it": adapter}, protocol)
        found = figures(replayed).methods["it"]
        right = np.concatenate([writer.methods["it"].labels == writer.true for writer in replayed])
        sure = np.concatenate([writer.methods["it"].probabilities for writer in replayed])
        cuts.append(found.error_cut or 0.0)
        harmed.append(found.worse / len(writers))
        errors.append(calibration_error(reliability(right, sure)))
    return cuts, harmed, errors


@pytest.mark.parametrize(
    "name", ["prior", *(pytest.param(name, marks=pytest.mark.slow) for name in ("memory", "means", "allograph"))]
)
def test_the_search_finds_what_trying_one_choice_after_the_other_finds(
    name: str, bundle: Bundle, embedded: EmbeddedCorpus
) -> None:
    (method,) = [method for method in OURS if method.name == name]
    found = tune(embedded, bundle, [name]).methods[name]
    best: dict[str, float] = {parameter: getattr(method, parameter) for parameter in method.grid}
    reached: dict[tuple[float, ...], tuple[list[float], list[float], list[float]]] = {}
    for parameter, values in method.grid.items():
        merits = []
        line = [best, *({**best, parameter: value} for value in values if value != best[parameter])]
        for chosen in line:
            key = tuple(chosen.values())
            reached[key] = reached.get(key) or judged_alone(method, chosen, embedded)
            cuts, harmed, errors = reached[key]
            merits.append(sum(cuts) - sum(errors) - HARM * sum(harmed))
        best = line[int(np.argmax(merits))]
    assert found.parameters == best
    cuts, harmed, errors = reached[tuple(best.values())]
    assert found.error_cuts == tuple(cuts)
    assert found.harmed == tuple(harmed)
    np.testing.assert_allclose(found.calibration_errors, errors, atol=1e-6)


@pytest.mark.slow
def test_how_many_processes_changes_nothing(bundle: Bundle, embedded: EmbeddedCorpus) -> None:
    assert tune(embedded, bundle, [*CHEAP, "cache"], jobs=2) == tune(embedded, bundle, [*CHEAP, "cache"], jobs=1)


def stopped(folder: Path, at: str, number: int) -> subprocess.Popen[str]:
    """A tuning that was sent this signal as soon as it said that it is at this method."""
    command = [*COMMAND, "tune", "embedded.parquet", "--model", "bundle", "--jobs", "2"]
    process = subprocess.Popen(command, cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(f"tuning {at}"):
            os.kill(process.pid, number)
            break
    return process


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_tuning_that_was_stopped_keeps_what_is_finished_and_goes_on(
    number: int, bundle: Bundle, embedded: EmbeddedCorpus, tmp_path: Path
) -> None:
    process = stopped(tmp_path, "cache", number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == (-number if number == signal.SIGKILL else 130)
    assert "Traceback" not in said
    assert ("the same command goes on" in said) == (number != signal.SIGKILL)
    assert unfinished(bundle.path).exists()
    half = Bundle.open(bundle.path).config
    assert set(half.adapters) >= {"prior", "lookup"}
    assert "allograph" not in half.adapters

    methods = [option for name in (*CHEAP, "memory", "cache") for option in ("--method", name)]
    again = allograph("tune", "embedded.parquet", "--model", "bundle", *methods, cwd=tmp_path).stderr
    assert "going on with" in again
    assert "tuning prior" not in again
    assert "tuning lookup" not in again
    assert "tuning cache" in again
    assert not unfinished(bundle.path).exists()
    after = Bundle.open(bundle.path)

    fresh = tiny_bundle(tmp_path / "fresh", some_styles())
    tune(embedded, fresh, [*CHEAP, "memory", "cache"])
    assert Bundle.open(fresh.path).config == after.config
    assert [file.name for file in tmp_path.glob(".*")] == [] or number == signal.SIGKILL


@pytest.mark.slow
def test_what_was_judged_on_another_corpus_is_not_gone_on_with(bundle: Bundle, embedded: EmbeddedCorpus, tmp_path: Path) -> None:
    said: list[str] = []
    stopped(tmp_path, "memory", signal.SIGKILL).wait(60)
    other = embed(
        digits_corpus(tmp_path / "other.parquet", digits_split(tmp_path / "other.csv", validation=3)),
        Recognizer(bundle),
        tmp_path / "other.embedded.parquet",
    )
    found = tune(other, Bundle.open(bundle.path), CHEAP, progress=lambda what, done, total: said.append(what))
    assert "it is of other corpora" in said[0]
    assert any(what.startswith("tuning prior") for what in said)
    fresh = tiny_bundle(tmp_path / "fresh", some_styles())
    assert tune(other, fresh, CHEAP) == found


def test_a_damaged_record_is_named_and_replaced(bundle: Bundle, embedded: EmbeddedCorpus) -> None:
    said: list[str] = []
    unfinished(bundle.path).write_text("{")
    tune(embedded, bundle, CHEAP, progress=lambda what, done, total: said.append(what))
    assert "cannot be read" in said[0]
    assert not unfinished(bundle.path).exists()


def test_progress_says_where_it_is_and_what_is_left(bundle: Bundle, embedded: EmbeddedCorpus) -> None:
    said: list[tuple[str, int, int]] = []
    tune(embedded, bundle, CHEAP, progress=lambda *where: said.append(where))
    words = [what for what, _, _ in said]
    assert "tuning prior: smooth (method 1 of 2, parameter 1 of 2)" in words
    assert any(what.startswith("tuning lookup: belief (method 2 of 2, parameter 1 of 1, about ") for what in words)
    assert ("tuning prior: smooth (method 1 of 2, parameter 1 of 2)", 0, 2) in said  # two validation writers
    assert ("tuning prior: smooth (method 1 of 2, parameter 1 of 2)", 2, 2) in said


def test_the_statistics_are_those_of_a_hand_computed_case() -> None:
    # Two writers, one label: at 5 and 7, and at 15 and 17. Within: each strays by ±1, 4 samples, 2 cells: (1 + 1 + 1 + 1) / 2.
    embeddings = np.array([[5], [7], [15], [17]], np.float32)
    found = Population.estimate(Samples(embeddings, 3 * embeddings + 1), np.zeros(4, np.int32), np.array(["v", "v", "w", "w"]))
    assert found.within.tolist() == [[2]]
    assert found.means.tolist() == [[11]]
    # Between: the cells' means stray by ±5: 25; less what means of two samples stray by themselves: 2 / 2.
    assert found.between.tolist() == [[24]]
    np.testing.assert_allclose(found.head, [[3], [1]], atol=1e-3)


def test_statistics_survive_half_precision_and_whiten() -> None:
    random = np.random.default_rng(0)
    embeddings = (random.normal(size=(600, 5)) * [1, 2, 3, 4, 5]).astype(np.float32)
    labels = random.integers(0, 3, 600).astype(np.int32)
    known = Population.estimate(
        Samples(embeddings, random.normal(size=(600, 3)).astype(np.float32)), labels, np.array([f"w{i % 9}" for i in range(600)])
    )
    again = Population(*(array.astype(np.float32) for array in known.arrays().values()))
    np.testing.assert_allclose(again.within, known.within, rtol=1e-3, atol=1e-2)
    space = again.whitening()
    white = space.T @ known.within @ space
    spread = np.sqrt(np.linalg.eigvalsh(white))
    assert spread.max() / spread.min() < 2  # of five at first; a tenth of the mean variance is added to each
    placed = again.place(embeddings)
    np.testing.assert_allclose((placed**2).sum(axis=1).mean(), 1, rtol=1e-2)
    spread = np.linalg.eigvalsh(again.space[:-1].T @ known.within @ again.space[:-1])
    assert spread.max() / spread.min() < 4
    assert np.allclose(again.whitening(0.0) @ again.whitening(0.0).T, np.eye(5), atol=1e-5)
