"""Styles: cases small enough to be clustered by hand, and the digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from allograph.errors import InputError, MismatchError, UnknownLabel
from allograph.recognizer import Recognizer
from allograph.styles import NOBODY, Styles, find_styles, quality, style_count, z_scores
from allograph.training.survey import survey
from small import DIGITS, digits_corpus, digits_split, noise_corpus, tiny_bundle


def blobs(centres: NDArray[np.float64], each: int, seed: int = 0) -> NDArray[np.float32]:
    """`each` points close around every centre, one centre after the other."""
    random = np.random.default_rng(seed)
    return np.concatenate([random.normal(centre, 0.1, (each, len(centre))) for centre in centres]).astype(np.float32)


def test_five_heaps_are_five_styles_of_their_label() -> None:
    centres = np.array([[0, 0], [10, 0], [0, 10], [10, 10], [5, 5]], float)
    points = np.concatenate([blobs(centres, 30), blobs(centres + 100, 20, 1)])
    labels = np.array([3] * 150 + [7] * 100, np.int32)
    found = find_styles(points, labels)
    assert found.labels.tolist() == [3] * 5 + [7] * 5
    for owner, expected in ((3, centres), (7, centres + 100)):
        mine = found.centroids[found.labels == owner]
        assert {tuple(centroid) for centroid in mine.round().tolist()} == {tuple(centre) for centre in expected.tolist()}
    heaps = points[:150].reshape(5, 30, 2).mean(axis=1)
    np.testing.assert_allclose(sorted(found.centroids[:5].tolist()), sorted(heaps.tolist()), atol=1e-4)


def test_a_medoid_is_the_member_of_its_cluster_that_lies_nearest_to_the_centroid() -> None:
    random = np.random.default_rng(2)
    labels = random.integers(0, 4, 400).astype(np.int32)
    points = random.normal(size=(400, 6)).astype(np.float32)
    found = find_styles(points, labels)
    for owner in range(4):
        rows = np.flatnonzero(labels == owner)
        own = np.flatnonzero(found.labels == owner)
        assert len(own) == 5
        distances = ((points[rows, None] - found.centroids[None, own]) ** 2).sum(axis=2)
        cluster = distances.argmin(axis=1)
        for number, style in enumerate(own.tolist()):
            members = rows[cluster == number]
            nearest = members[((points[members] - found.centroids[style]) ** 2).sum(axis=1).argmin()]
            assert found.medoid_rows[style] == nearest


@pytest.mark.parametrize(
    ("samples", "styles"), [(1, 1), (2, 2), (5, 5), (6, 5), (4999, 5), (5000, 6), (28_999, 29), (29_000, 30)]
)
def test_how_many_styles_a_label_gets(samples: int, styles: int) -> None:
    assert style_count(samples) == styles


def test_never_more_styles_than_samples_or_than_different_samples() -> None:
    labels = np.array([0, 1, 1, 2, 2, 2, 2, 2, 2, 2], np.int32)
    points = np.array([[1, 1], [2, 2], [3, 3], [4, 4], [4, 4], [4, 4], [5, 5], [5, 5], [5, 5], [5, 5]], np.float32)
    found = find_styles(points, labels)
    assert found.labels.tolist() == [0, 1, 1, 2, 2]
    assert sorted(map(tuple, found.centroids.tolist())) == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]
    np.testing.assert_array_equal(points[found.medoid_rows], found.centroids)


def test_the_seed_decides_and_nobodys_embeddings_do_not_count() -> None:
    random = np.random.default_rng(3)
    points, labels = random.normal(size=(300, 4)).astype(np.float32), random.integers(0, 3, 300).astype(np.int32)
    first, again, other = (find_styles(points, labels, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.centroids, again.centroids)
    assert not np.array_equal(first.centroids, other.centroids)
    hidden = np.where(np.arange(300) < 200, labels, NOBODY).astype(np.int32)
    some, alone = find_styles(points, hidden), find_styles(points[:200], labels[:200])
    np.testing.assert_array_equal(some.centroids, alone.centroids)
    np.testing.assert_array_equal(some.medoid_rows, alone.medoid_rows)


def test_z_scores_have_mean_0_and_deviation_1_within_each_vector() -> None:
    vectors = np.random.default_rng(4).normal(3, 7, (20, 256)).astype(np.float32)
    scored = z_scores(vectors)
    np.testing.assert_allclose(scored.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(scored.std(axis=1), 1, atol=1e-5)
    assert z_scores(np.full((1, 4), 5, np.float32)).tolist() == [[0, 0, 0, 0]]


def test_quality_takes_the_best_number_of_neighbours() -> None:
    # Two styles of 0, both (-1, 1) when standardised, and one of 1, (1, -1). One neighbour tells them apart; of two at (1, -1)
    # one is a 0, which wins the tie.
    styles = Styles(
        np.array([[0, 2], [0, 4], [9, 1]], np.float32), np.array([0, 0, 1], np.int32), np.zeros((3, 28, 28), np.uint8)
    )
    points = np.array([[-1, 1], [-2, 1], [1, -1], [2, -1]], np.float32)
    assert quality(styles, points, np.array([0, 0, 1, 1], np.int32)) == (1.0, 1)
    assert quality(styles, points, np.array([0, 0, 1, 0], np.int32)) == (0.75, 1)
    assert quality(styles, points, np.array([0, 0, 0, 0], np.int32)) == (1.0, 2)


def test_the_population_of_the_digits(tmp_path: Path) -> None:
    corpus = digits_corpus(tmp_path / "digits.parquet", digits_split(tmp_path / "split.csv"))
    recognizer = Recognizer(tiny_bundle(tmp_path / "bundle"))
    before = sorted(path.name for path in tmp_path.iterdir())
    styles, record = survey(recognizer, corpus, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert len(styles) == record["styles"]["count"] == 10 * 5
    assert styles.labels.tolist() == [digit for digit in range(10) for _ in range(5)]
    learned = corpus.splits != "application"
    images = np.concatenate([batch.images for batch in corpus.batches()])
    known = {(image.tobytes(), label) for image, label in zip(images[learned], corpus.labels[learned].tolist(), strict=True)}
    assert {(image.tobytes(), DIGITS[label]) for image, label in zip(styles.medoids, styles.labels, strict=True)} <= known
    embedded = recognizer.embed(styles.medoids).embeddings
    assert ((embedded - styles.centroids) ** 2).sum(axis=1).max() < ((embedded - embedded.mean(axis=0)) ** 2).sum(axis=1).max()
    read = recognizer.embed(images).logits.argmax(axis=1) == DIGITS.indices(corpus.labels)
    assert record["accuracy"] == {
        part: pytest.approx(read[corpus.splits == part].mean()) for part in ("train", "validation", "application")
    }
    assert record["corpus"]["licence"] == "CC BY 4.0"
    assert record["styles"]["application_accuracy"] > 0.7


def test_a_population_needs_learned_writers_known_labels_and_the_models_frame(tmp_path: Path) -> None:
    recognizer = Recognizer(tiny_bundle(tmp_path / "bundle"))
    with pytest.raises(InputError, match=r"all\.parquet has no train or validation samples to find styles on; prepare it with"):
        survey(recognizer, noise_corpus(tmp_path / "all.parquet", ["1", "2"], ["a", "b"]), tmp_path)
    with pytest.raises(UnknownLabel, match=r"odd\.parquet holds the label 'x', which the model's alphabet does not"):
        survey(recognizer, noise_corpus(tmp_path / "odd.parquet", ["1", "x"], ["a", "b"]), tmp_path)
    other = Recognizer(tiny_bundle(tmp_path / "other", frame="paper"))
    with pytest.raises(MismatchError, match=r"all\.parquet is in the mnist frame .* allograph prepare … --frame paper"):
        survey(other, noise_corpus(tmp_path / "all.parquet", ["1", "2"], ["a", "b"]), tmp_path)
