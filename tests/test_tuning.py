"""Tuning: parameters from the validation writers, statistics from the training writers, nothing from anyone else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from allograph.adapters import OURS, best, build
from allograph.adapters.population import Population, population
from allograph.bundle import Bundle
from allograph.embedding import EmbeddedCorpus, embed
from allograph.errors import InputError, MismatchError
from allograph.readings import Samples
from allograph.recognizer import Recognizer
from allograph.tuning import tune
from small import allograph, digits_corpus, digits_split, some_styles, tiny_bundle

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
    assert after.config["adapters"] == {name: dict(found.parameters) for name, found in tuned.items()}
    assert after.config["tuning"]["error_cuts"] == {name: list(found.error_cuts) for name, found in tuned.items()}
    assert (bundle.path / "MODEL_CARD.md").read_text() == "mine"
    assert after.model_hash == bundle.model_hash
    for method in OURS:
        adapter = build(method.name, after)
        assert adapter.name == method.name
    assert build("prior", after).smooth == tuned["prior"].parameters["smooth"]  # type: ignore[attr-defined]


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


def test_the_command_says_what_was_chosen(bundle: Bundle, embedded: EmbeddedCorpus, tmp_path: Path) -> None:
    done = allograph("tune", "embedded.parquet", "--model", "bundle", "--method", "lookup", "--json", cwd=tmp_path)
    found = json.loads(done.stdout)["lookup"]
    assert found["parameters"] == Bundle.open(bundle.path).config["adapters"]["lookup"]
    shown = allograph("tune", "embedded.parquet", "--model", "bundle", "--method", "lookup", cwd=tmp_path).stdout
    assert "belief" in shown


def test_the_statistics_are_those_of_a_hand_computed_case() -> None:
    # Two writers, one label: at 0 and 2, and at 10 and 12. Within: each strays by ±1, 4 samples, 2 cells: (1 + 1 + 1 + 1) / 2.
    embeddings = np.array([[0], [2], [10], [12]], np.float32)
    found = population(Samples(embeddings, 3 * embeddings + 1), np.zeros(4, np.int32), np.array(["v", "v", "w", "w"]))
    assert found.within.tolist() == [[2]]
    assert found.means.tolist() == [[6]]
    # Between: the cells' means stray by ±5: 25; less what means of two samples stray by themselves: 2 / 2.
    assert found.between.tolist() == [[24]]
    np.testing.assert_allclose(found.head, [[3], [1]], atol=1e-3)


def test_statistics_survive_half_precision_and_whiten() -> None:
    random = np.random.default_rng(0)
    embeddings = (random.normal(size=(600, 5)) * [1, 2, 3, 4, 5]).astype(np.float32)
    labels = random.integers(0, 3, 600).astype(np.int32)
    known = population(
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
