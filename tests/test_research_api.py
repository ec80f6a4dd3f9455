"""`evaluate` and `tune` as a researcher calls them: with adapters of their own, and results as rows."""

from __future__ import annotations

from pathlib import Path

import pytest

import allograph.evaluation
from allograph.adapters import build
from allograph.adapters.lookup import Lookup
from allograph.embedding import EmbeddedCorpus, embed
from allograph.errors import InputError
from allograph.evaluation import Resample, Sequential, evaluate
from allograph.recognizer import Recognizer
from allograph.tuning import tune
from small import digits_corpus, digits_split, tiny_bundle


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedCorpus:
    folder = tmp_path_factory.mktemp("embedded")
    corpus = digits_corpus(folder / "digits.parquet", digits_split(folder / "split.csv"))
    return embed(corpus, Recognizer(tiny_bundle(folder / "bundle"), threads=1), folder / "embedded.parquet")


def bundle_of(embedded: EmbeddedCorpus) -> Path:
    return embedded.path.parent / "bundle"


def test_an_adapter_of_ones_own_is_judged_as_the_same_by_its_name(embedded: EmbeddedCorpus) -> None:
    bundle = bundle_of(embedded)
    by_name = evaluate(embedded, "memory", Resample(resamples=1), model=bundle)
    memory = build("memory", by_name.bundle)
    for jobs in (1, 2):
        by_object = evaluate(embedded.path, memory, Resample(resamples=1), model=by_name.bundle, jobs=jobs)
        (one,), (other,) = by_name.rows(), by_object.rows()
        assert one | {"seconds": 0} == other | {"seconds": 0}


def test_adapters_of_one_name_need_names_of_their_own(embedded: EmbeddedCorpus) -> None:
    bundle = bundle_of(embedded)
    timid, bold = (Lookup(embedded.alphabet, belief=belief) for belief in (0.5, 100.0))
    with pytest.raises(InputError, match="two methods have the name 'lookup'"):
        evaluate(embedded, [timid, bold], model=bundle)
    evaluation = evaluate(embedded, {"timid": timid, "bold": bold}, Resample(resamples=1), model=bundle)
    assert [row["method"] for row in evaluation.rows()] == ["timid", "bold"]
    assert evaluate(embedded, [timid, timid], Resample(resamples=1), model=bundle).figures.methods.keys() == {"lookup"}


def test_rows_are_flat_and_hold_the_figures(embedded: EmbeddedCorpus) -> None:
    evaluation = evaluate(embedded, ["memory", "lookup"], Sequential(), model=bundle_of(embedded))
    rows = evaluation.rows()
    assert [(row["run"], row["feedback"], row["method"]) for row in rows] == [
        (number, mode, method) for number, mode in enumerate(("silence", "mistakes", "all")) for method in ("memory", "lookup")
    ]
    for row in rows:
        assert not any(isinstance(value, list | tuple | dict) for value in row.values())
        figures = evaluation.runs[row["run"]].figures
        method = figures.methods[row["method"]]
        assert (row["protocol"], row["base"], row["samples"]) == ("sequential", figures.base, figures.samples)
        assert (row["accuracy"], row["gain_ci95_low"], row["gain_ci95_high"]) == (method.accuracy, *method.gain_ci95)
    writers = evaluation.writer_rows()
    assert len(writers) == 3 * 2 * len(evaluation.figures.writers)
    for row in rows:
        own = [one for one in writers if (one["run"], one["method"]) == (row["run"], row["method"])]
        assert sum(one["samples"] * one["accuracy"] for one in own) == pytest.approx(row["samples"] * row["accuracy"])


def test_tune_takes_paths_and_gives_a_row_for_each_method_and_protocol(embedded: EmbeddedCorpus) -> None:
    tuning = tune(embedded.path, bundle_of(embedded), ["prior", "lookup"])
    rows = tuning.rows()
    assert [(row["method"], row.get("adaptation")) for row in rows] == [
        (method, share) for method in ("prior", "lookup") for share in (0.9, 0.5, 0.2, None)
    ]
    assert rows[4]["belief"] == tuning.methods["lookup"].parameters["belief"]
    assert rows[4]["error_cut"] == tuning.methods["lookup"].error_cuts[0]
    shares = [share for _, share in tuning.learning_curve]
    assert shares == sorted(shares, reverse=True)
    assert [corrections for corrections, _ in tuning.learning_curve] == [0, 1, 2, 3, 5, 10, 30]


def test_a_room_has_what_it_exports() -> None:
    for name in allograph.evaluation.__all__:
        assert getattr(allograph.evaluation, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        allograph.evaluation.nothing  # noqa: B018
