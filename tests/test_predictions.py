"""Every answer, sample by sample; a subset of the labels; methods of other packages that fail; numbers that are none."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allograph.adapters import Trial
from allograph.corpora.corpus import Corpus
from allograph.embedding import EmbeddedCorpus, embed
from allograph.errors import FormatError, InputError, MethodError, MismatchError, UnknownLabel
from allograph.evaluation import Evaluation, evaluate
from allograph.evaluation.protocols.curve import Curve
from allograph.evaluation.protocols.labels import labels_as_text, parse_labels
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.sequential import Sequential
from allograph.evaluation.report.predictions import check_methods
from allograph.evaluation.report.results import results
from allograph.files.json_files import parse_json
from allograph.recognizer import Recognizer
from small import COMMAND, allograph, digits_corpus, digits_split, environment, noise_corpus, tiny_bundle


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus, a bundle and an embedded corpus, which no test changes."""
    folder = tmp_path_factory.mktemp("made")
    corpus = digits_corpus(folder / "digits.parquet", digits_split(folder / "split.csv"))
    embed(corpus, Recognizer(tiny_bundle(folder / "bundle"), threads=1), folder / "embedded.parquet")
    return folder


def judge(folder: Path, protocol: Any = None, methods: tuple[str, ...] = ("memory", "lookup")) -> Evaluation:
    return evaluate(folder / "embedded.parquet", methods, protocol, model=folder / "bundle")


def predictions(done: Evaluation, path: Path) -> list[dict[str, Any]]:
    done.write_predictions(path)
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


# Predictions


@pytest.mark.parametrize(
    "protocol",
    [Resample(resamples=2), Resample(adaptation=0.5, in_order=True), Sequential(resamples=2), Curve(resamples=2)],
    ids=["resample", "in-order", "sequential", "curve"],
)
def test_predictions_hold_what_the_figures_are_made_of(made: Path, tmp_path: Path, protocol: Any) -> None:
    done = judge(made, protocol)
    rows = predictions(done, tmp_path / "p.parquet")
    corpus = Corpus.open(made / "digits.parquet")
    for number, run in enumerate(done.results["runs"]):
        here = [row for row in rows if row["run"] == number]
        assert len(here) == run["base"]["samples"]
        assert np.mean([row["base"] == row["label"] for row in here]) == pytest.approx(run["base"]["accuracy"])
        for name, method in run["methods"].items():
            assert np.mean([row[name] == row["label"] for row in here]) == pytest.approx(method["accuracy"])
        counts = Counter(row["writer"] for row in here)
        assert counts == {writer["id"]: writer["samples"] for writer in run["writers"]}
        for row in here:
            assert (row["writer"], row["label"]) == (corpus.writers[row["row"]], corpus.labels[row["row"]])
            assert 0 <= row["base_probability"] <= 1
            assert 0 <= row["memory_probability"] <= 1
        once = Counter((row["resample"], row["row"]) for row in here)
        assert set(once.values()) == {1}
    assert [name for name in rows[0] if not name.endswith("probability")] == [
        "run", "writer", "resample", "row", "label", "base", "memory", "lookup",
    ]  # fmt: skip


def test_the_resample_of_a_row_is_that_of_its_trial(made: Path, tmp_path: Path) -> None:
    protocol = Resample(resamples=3)
    done = judge(made, protocol)
    rows = predictions(done, tmp_path / "p.parquet")
    samples = EmbeddedCorpus.open(made / "embedded.parquet").samples()
    for writer in np.unique(samples.writers).tolist():
        own = np.flatnonzero(samples.writers == writer)
        for number, trial in enumerate(protocol.trials(writer, samples.labels[own])):
            assert isinstance(trial, Trial)
            found = [row["row"] for row in rows if row["writer"] == writer and row["resample"] == number]
            assert found == samples.rows[own][trial.test].tolist()


def test_the_file_says_what_it_is(made: Path, tmp_path: Path) -> None:
    done = judge(made)
    done.write_predictions(tmp_path / "p.parquet")
    record = json.loads(pq.ParquetFile(tmp_path / "p.parquet").metadata.metadata[b"allograph"])
    assert (record["kind"], record["format"], record["corpus"]) == ("predictions", 1, "embedded.parquet")
    assert record["model"] == done.bundle.model_hash
    assert record["runs"] == [run["protocol"] for run in done.results["runs"]]
    found = json.loads(allograph("info", "p.parquet", "--json", cwd=tmp_path).stdout)
    assert found["answers"] == done.results["runs"][0]["base"]["samples"]
    with open(tmp_path / "p.parquet", "rb+") as file:
        file.truncate(2000)
    allograph("info", "p.parquet", cwd=tmp_path, status=2)


def test_a_method_that_would_take_a_columns_name_is_refused() -> None:
    for names in (["base"], ["row", "paper"], ["paper", "paper_probability"]):
        with pytest.raises(InputError, match="two columns"):
            check_methods(names)
    check_methods(["paper", "allograph"])


# Labels


def test_a_subset_of_the_labels_is_a_corpus_of_its_own(made: Path, tmp_path: Path) -> None:
    done = judge(made, Resample(resamples=2, labels=tuple("013")))
    rows = predictions(done, tmp_path / "p.parquet")
    assert {row["label"] for row in rows} == set("013")
    assert {row[name] for row in rows for name in ("base", "memory", "lookup")} <= set("013")
    labels = Corpus.open(made / "digits.parquet").labels
    assert done.results["tables"]["corpus"]["images"] == np.isin(labels, list("013")).sum()
    assert done.results["runs"][0]["protocol"]["labels"] == ["0", "1", "3"]
    whole = judge(made, Resample(resamples=2, labels=tuple("013"), alphabet="digits"))
    assert {row["base"] for row in predictions(whole, tmp_path / "w.parquet")} - set("013")
    for plan in (Sequential("all", labels=("0", "1")), Curve(resamples=1, labels=("0", "1"))):
        assert all(run["protocol"]["labels"] == ["0", "1"] for run in judge(made, plan).results["runs"])


def test_labels_that_are_not_there_are_named(made: Path) -> None:
    with pytest.raises(InputError, match="holds no sample of these labels: x y"):
        judge(made, Resample(labels=("x", "y")))
    with pytest.raises(UnknownLabel, match="'x'"):
        judge(made, Resample(labels=("0", "x")))
    with pytest.raises(InputError, match="'0'"):
        judge(made, Resample(labels=("1", "0"), alphabet="letters"))
    with pytest.raises(InputError, match="at least one label"):
        Resample(labels=())


@pytest.mark.slow
def test_labels_at_the_command_line(made: Path, tmp_path: Path) -> None:
    (tmp_path / "some labels.txt").write_text("0\n1\n3\n")
    options = [
        str(made / "embedded.parquet"),
        "--model",
        str(made / "bundle"),
        "--method",
        "lookup",
        "--resamples",
        "2",
        "--json",
    ]
    found = [
        json.loads(allograph("evaluate", *options, *labels, cwd=tmp_path).stdout)["runs"][0]["protocol"]["labels"]
        for labels in (["--labels", "013"], ["--labels", "some labels.txt"], ["--labels", "0,1", "--labels", "3 0"])
    ]
    assert found == [["0", "1", "3"]] * 3
    assert (
        "nowhere.txt does not exist" in allograph("evaluate", *options, "--labels", "nowhere.txt", cwd=tmp_path, status=2).stderr
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z", "M"]), min_size=1, max_size=3), min_size=1, max_size=9))
def test_labels_are_read_as_they_are_written(labels: list[str]) -> None:
    wanted = tuple(parse_labels([labels_as_text(list(dict.fromkeys(labels)))]))
    assert wanted == tuple(dict.fromkeys(unicodedata.normalize("NFC", label) for label in labels))


# What goes wrong


def with_column(made: Path, path: Path, name: str, column: pa.Array) -> Path:
    """The embedded corpus again with another column in place of its own."""
    source = pq.ParquetFile(made / "embedded.parquet")
    table = source.read()
    table = table.set_column(table.schema.get_field_index(name), name, column)
    pq.write_table(table.replace_schema_metadata({b"allograph": source.metadata.metadata[b"allograph"]}), path)
    return path


def lists(values: list[list[float] | None]) -> pa.Array:
    return pa.array(values, pa.list_(pa.float32(), len(values[0] or [])))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["embedding", "logits"])
def test_embeddings_that_are_no_numbers_are_refused(made: Path, tmp_path: Path, name: str, value: float) -> None:
    width = {"embedding": 8, "logits": 10}[name]
    bad = with_column(made, tmp_path / "bad.parquet", name, lists([[value] * width] * 1797))
    with pytest.raises(FormatError, match=r"bad\.parquet holds embeddings or logits that are not finite"):
        evaluate(bad, ["lookup"], model=made / "bundle")


@pytest.mark.slow
def test_an_embedded_corpus_that_does_not_fit_is_refused(made: Path, tmp_path: Path) -> None:
    for name, column, words in (
        ("embedding", lists([[0.5] * 7] * 1797), "has embeddings of 7 numbers"),
        ("embedding", lists([*[[0.5] * 8] * 1796, None]), "do not fit together"),
        ("label", pa.array([*["1"] * 1796, None], pa.string()), "1 samples lack their label, writer or split"),
        ("writer", pa.array([None] * 1797, pa.string()), "1797 samples lack"),
    ):
        bad = with_column(made, tmp_path / "bad.parquet", name, column)
        done = allograph("evaluate", bad, "--model", made / "bundle", "--jobs", "1", cwd=tmp_path, status=2)
        assert words in done.stderr, (name, done.stderr)
    tiny_bundle(tmp_path / "turned", alphabet="9876543210")
    with pytest.raises(MismatchError, match="other labels"):
        evaluate(made / "embedded.parquet", ["lookup"], model=tmp_path / "turned")


def test_a_writer_of_one_sample_and_one_label(made: Path, tmp_path: Path) -> None:
    noise_corpus(tmp_path / "noise.parquet", ["1"] + ["2"] * 12, ["one"] + ["many"] * 12)
    for protocol in (Resample(resamples=2, adaptation=0.5), Sequential(), Curve(adaptation=0.5, resamples=2)):
        done = evaluate(tmp_path / "noise.parquet", ["all"], protocol, model=made / "bundle")
        json.dumps(done.results, allow_nan=False)
        done.write_report(tmp_path / "report")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.recursive(st.floats() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_results_are_always_json(value: Any) -> None:
    found = results("c", "m", [{"value": value}], {"value": value})
    assert parse_json(json.dumps(found, allow_nan=False)) == found


PLUGIN = '''
import sys
from importlib import metadata
from allograph.adapters.lookup import Lookup
from allograph.readings import Scores
import numpy as np


class Odd(Lookup):
    """Fails as it is told to."""

    def learn(self, state, batch):
        if MODE == "learn":
            raise KeyError("their own fault")
        return super().learn(state, batch)

    def scores(self, state, samples):
        found = super().scores(state, samples)
        if MODE == "nan":
            return replace(found, values=np.full_like(found.values, np.nan))
        if MODE == "short":
            return Scores(found.values[:-1], *found[1:])
        return found

    replay = None


def built(bundle):
    if MODE == "build":
        raise ZeroDivisionError("their own fault")
    return Odd.of(bundle)


MODE = sys.argv.pop(1)
entry = metadata.EntryPoint("odd", "__main__:built", "allograph.adapters")
import allograph.adapters as adapters
adapters.entry_points = lambda group, name=None: [entry] if name in (None, "odd") else []
from allograph.cli.main import main
main()
'''


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("build", "the method odd could not be built: ZeroDivisionError: their own fault"),
        ("learn", "the method odd failed on the writer run-12: KeyError: 'their own fault'"),
        ("nan", "the method odd "),
        ("short", "the method odd "),
    ],
)
def test_a_method_of_another_package_that_fails_is_named(made: Path, tmp_path: Path, mode: str, words: str) -> None:
    (tmp_path / "plugin.py").write_text(PLUGIN)
    options = ["evaluate", "embedded.parquet", "--model", "bundle", "--method", "odd", "--resamples", "1", "--jobs", "1"]
    done = subprocess.run(
        [COMMAND[0], tmp_path / "plugin.py", mode, *options], cwd=made, env=environment(), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert f"allograph: {words}" in done.stderr
    assert "Traceback" not in done.stderr


def test_of_all_methods_one_that_cannot_be_built_is_left_out(made: Path, tmp_path: Path) -> None:
    (tmp_path / "plugin.py").write_text(PLUGIN)
    options = ["evaluate", "embedded.parquet", "--model", "bundle", "--method", "all", "--resamples", "1", "--jobs", "1"]
    done = subprocess.run(
        [sys.executable, tmp_path / "plugin.py", "build", *options], cwd=made, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "left out: odd: the method odd could not be built: ZeroDivisionError" in done.stderr


def test_a_method_that_cannot_be_sent_is_named(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from allograph.adapters import ADAPTERS

    monkeypatch.setitem(ADAPTERS, "lambda", lambda bundle: lambda: bundle)
    with pytest.raises(MethodError, match="the method lambda cannot be sent to another process"):
        evaluate(made / "embedded.parquet", ["lambda"], model=made / "bundle", jobs=2)
