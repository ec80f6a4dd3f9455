"""Folds: train writers held out, each once, and never an application writer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from allograph.bundle import Bundle
from allograph.corpora.corpus import Corpus
from allograph.corpora.folds import fold
from allograph.embedding import EmbeddedCorpus, embed
from allograph.errors import InputError
from allograph.recognizer import Recognizer
from allograph.tuning import tune
from small import allograph, digits_corpus, digits_split, some_styles, tiny_bundle


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return digits_corpus(tmp_path / "digits.parquet", digits_split(tmp_path / "split.csv"))


def writers(corpus: Corpus, split: str) -> set[str]:
    found: list[str] = corpus.writers[corpus.splits == split].tolist()
    return set(found)


def test_every_train_writer_is_held_out_once_and_no_application_writer_is_there(corpus: Corpus, tmp_path: Path) -> None:
    train, validation = writers(corpus, "train"), writers(corpus, "validation")
    held = []
    for part in (1, 2):
        found = fold(corpus, part, 2, tmp_path / f"{part}.parquet")
        assert writers(found, "train") | writers(found, "application") == train
        assert writers(found, "validation") == validation
        assert len(found) == corpus.count("train") + corpus.count("validation")
        assert found.record.split_writers["application"] == len(writers(found, "application"))
        assert found.record.fold == f"{part}/2"
        assert found.frame == corpus.frame
        held.append(writers(found, "application"))
    assert held[0]
    assert held[1]
    assert not held[0] & held[1]
    assert held[0] | held[1] == train


def test_samples_stay_as_they_were(corpus: Corpus, tmp_path: Path) -> None:
    found = fold(corpus, 1, 2, tmp_path / "fold.parquet")
    kept = corpus.splits != "application"
    assert found.labels.tolist() == corpus.labels[kept].tolist()
    assert found.writers.tolist() == corpus.writers[kept].tolist()
    before = np.concatenate([samples.images for samples in corpus.batches()])[kept]
    assert np.array_equal(np.concatenate([samples.images for samples in found.batches()]), before)


@pytest.mark.parametrize(("part", "parts"), [(0, 3), (4, 3), (1, 1), (1, 10_000)])
def test_a_part_that_cannot_be_is_refused(corpus: Corpus, tmp_path: Path, part: int, parts: int) -> None:
    with pytest.raises(InputError, match="cannot be held out"):
        fold(corpus, part, parts, tmp_path / "fold.parquet")
    assert not (tmp_path / "fold.parquet").exists()


def test_the_command_says_what_was_held_out(corpus: Corpus, tmp_path: Path) -> None:
    shown = allograph("fold", "digits.parquet", "--part", "1/2", "-o", "fold.parquet", cwd=tmp_path).stdout
    assert "1/2" in shown
    assert (tmp_path / "fold.parquet").exists()
    refused = allograph("fold", "digits.parquet", "--part", "half", "-o", "other.parquet", cwd=tmp_path, status=2)
    assert "1/3" in refused.stderr


class TestTuning:
    """Writers that were held out choose parameters too."""

    @pytest.fixture
    def bundle(self, tmp_path: Path) -> Bundle:
        return tiny_bundle(tmp_path / "bundle", some_styles())

    @pytest.fixture
    def embedded(self, corpus: Corpus, bundle: Bundle, tmp_path: Path) -> EmbeddedCorpus:
        return embed(corpus, Recognizer(bundle), tmp_path / "embedded.parquet")

    def test_those_held_out_count(self, corpus: Corpus, bundle: Bundle, embedded: EmbeddedCorpus, tmp_path: Path) -> None:
        held = fold(corpus, 1, 2, tmp_path / "fold.parquet")
        with_fold = embed(held, Recognizer(bundle), tmp_path / "fold.embedded.parquet")
        alone = tune(embedded, bundle, ["lookup"]).methods["lookup"]
        together = tune(embedded, bundle, ["lookup"], folds=[with_fold]).methods["lookup"]
        assert alone.error_cuts != together.error_cuts
        count = len(writers(corpus, "validation")) + len(writers(held, "application"))
        assert all(abs(share * count - round(share * count)) < 1e-9 for share in together.harmed)
        record = Bundle.open(bundle.path).config.tuning
        assert record["harmed"]["lookup"] == list(together.harmed)
        assert record["calibration_errors"]["lookup"] == list(together.calibration_errors)
        assert together.merit == pytest.approx(
            sum(together.error_cuts) - sum(together.calibration_errors) - 0.25 * sum(together.harmed)
        )

    def test_a_fold_with_application_writers_is_refused(self, bundle: Bundle, embedded: EmbeddedCorpus) -> None:
        with pytest.raises(InputError, match="application writers of"):
            tune(embedded, bundle, ["lookup"], folds=[embedded])

    def test_a_fold_whose_base_learned_from_application_writers_is_refused(
        self, bundle: Bundle, embedded: EmbeddedCorpus, tmp_path: Path
    ) -> None:
        _, names, splits = embedded.columns
        parts = dict(zip(names.tolist(), splits.tolist(), strict=True))
        swapped = {"application": "train", "train": "application", "validation": "validation"}
        rows = "".join(f"{name},{swapped[part]}\n" for name, part in parts.items())
        (tmp_path / "swapped.csv").write_text("writer,split\n" + rows)
        other = digits_corpus(tmp_path / "swapped.parquet", tmp_path / "swapped.csv")
        leaky = embed(other, Recognizer(bundle), tmp_path / "swapped.embedded.parquet")
        with pytest.raises(InputError, match="application writers of"):
            tune(embedded, bundle, ["lookup"], folds=[leaky])
