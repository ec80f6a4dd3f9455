"""What `benchmarks/label_noise.py` takes for noise, and the corpus that it writes without it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("pyarrow")

from allograph.corpora import prepare
from allograph.embedding import EmbeddedSamples
from allograph.samples.box import Box, Boxes
from label_noise import HeldOut, foreign, is_noise, write

NAMES = [f"writer-{i}" for i in range(6)]


def embedded(points: NDArray[np.float32], labels: list[str], writers: list[str]) -> EmbeddedSamples:
    """Samples whose embeddings are points of a plane."""
    n = len(labels)
    logits, images = np.zeros((n, 3), np.float32), np.zeros((n, 28, 28), np.uint8)
    return EmbeddedSamples(points, logits, np.array(labels), np.array(writers), None, np.arange(n), images)


def test_a_form_that_nobody_else_writes_is_foreign_unless_its_writer_repeats_it() -> None:
    places = {"a": (0, 0), "b": (100, 0)}
    everybody = [(name, label) for name in NAMES for label in "ab" for _ in range(10)]
    odd = [("writer-0", "a", (100, 0)), ("writer-1", "c", (50, 90)), ("writer-1", "c", (50, 91)), ("writer-2", "c", (0, 1))]
    points = np.array([places[label] for _, label in everybody] + [place for _, _, place in odd], np.float32)
    points[: len(everybody)] += np.random.default_rng(0).normal(size=(len(everybody), 2)).astype(np.float32)
    labels = [label for _, label in everybody] + [label for _, label, _ in odd]
    writers = [name for name, _ in everybody] + [name for name, _, _ in odd]
    found = np.concatenate(list(foreign(embedded(points, labels, writers))))
    assert found[-4:].tolist() == [True, False, False, True]
    assert not found[:-4].any()


def test_noise_is_what_is_misread_and_foreign_or_of_an_impossible_size() -> None:
    heights = [10.0, 10.5, 11.0, 9.5, 9.0, 10.0, 10.0, 10.0, 0.5, 80.0, 80.0]
    chances = [0.9, 0.9, 0.9, 0.9, 0.9, 0.005, 0.005, 0.5, 0.005, 0.05, 0.9]
    strange = [False, False, False, False, False, True, False, True, True, False, False]
    labels = ["a"] * 8 + ["."] + ["a"] * 2
    boxes = Boxes.of([Box(0, 0, 1, height) for height in heights])
    n = len(heights)
    samples = HeldOut(np.arange(n), np.array(labels), np.full(n, "writer-0"), np.array(chances), np.array(strange), boxes)
    assert np.flatnonzero(is_noise(samples)).tolist() == [5, 9]


def test_a_sample_without_a_box_is_judged_by_its_shape() -> None:
    samples = HeldOut(
        np.arange(2), np.array(["a", "a"]), np.array(["w", "w"]), np.array([0.001, 0.9]), np.array([True, True]), Boxes.none(2)
    )
    assert is_noise(samples).tolist() == [True, False]


def test_the_corpus_written_lacks_the_noise_alone(tmp_path: Path) -> None:
    corpus = prepare("digits", tmp_path / "digits.parquet", split="all")
    keep = np.random.default_rng(0).random(len(corpus)) < 0.9
    left = write(corpus, keep, tmp_path / "left.parquet")
    assert left.labels.tolist() == corpus.labels[keep].tolist()
    assert left.record.samples == left.record.split_samples["application"] == keep.sum()
    assert np.array_equal(left.images("application"), corpus.images("application")[keep])
    assert f"{np.count_nonzero(~keep)} samples" in left.record.notes[-1]
