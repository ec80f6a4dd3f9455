"""How likely labels are by a writer's own way with them: against the Gaussians themselves."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from allograph.adapters.logistic import residual
from allograph.adapters.population import Population
from allograph.adapters.shape import COMMON, ShapeStatistics, WriterShapes
from allograph.readings import Samples, log_softmax

Floats = NDArray[np.float64]
SHAPES = ShapeStatistics(np.array([[1.0], [-0.5], [0.0]], np.float32), 0.4, 0.9, np.full(3, 1 / 3, np.float32))
"""Two labels on a line, and one that no writer had."""


def gain(shapes: WriterShapes, points: Floats) -> Floats:
    """What labels' log-likelihoods [n, C + m] gain at points [n, r]."""
    squares = (points**2).sum(axis=1)
    found: Floats = points @ shapes.linear + squares[:, None] * shapes.square + shapes.constant
    return found


def by_gaussians(statistics: ShapeStatistics, points: Floats, labels: list[int], between: float, label: int, at: float) -> float:
    """The same of one label and number, by conditioning the joint Gaussian of all samples and one more."""
    way = statistics.between * between
    owners = np.array([*labels, label])
    joint = COMMON * way + way * (owners[:, None] == owners) + np.eye(len(owners))
    joint *= statistics.within
    means = statistics.means[owners, 0].astype(float)
    known, across = joint[:-1, :-1], joint[:-1, -1]
    weights = np.linalg.solve(known, across) if labels else across
    mean = means[-1] + weights @ (points - means[:-1])
    variance = joint[-1, -1] - weights @ across

    def log_density(mean: float, variance: float) -> float:
        return -0.5 * math.log(2 * math.pi * variance) - 0.5 * (at - mean) ** 2 / variance

    return log_density(mean, variance) - log_density(means[-1], joint[-1, -1])


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-3, 3), st.integers(0, 1)), min_size=1, max_size=7),
    st.floats(-3, 3),
    st.floats(0.1, 2),
    st.floats(0.1, 1),
)
def test_the_gain_is_the_log_ratio_of_what_is_expected_with_and_without_the_writers_samples(
    samples: list[tuple[float, int]], at: float, between: float, strength: float
) -> None:
    points, labels = np.array([number for number, _ in samples]), [label for _, label in samples]
    found = WriterShapes.of(SHAPES, points[:, None].astype(np.float32), np.array(labels), 2, between, strength)
    gains = gain(found, np.array([[at]]))[0]
    for label in (0, 1):
        assert gains[label] == pytest.approx(strength * by_gaussians(SHAPES, points, labels, between, label, at), abs=1e-4)
    assert gains[2:].tolist() == [0, 0, 0]  # a label of no training writer, and two of the writer's own


def test_one_sample_by_hand() -> None:
    # within 1, way 1, common 0.5: the writer's mean of label 0 lies at 1.5 / 2.5 of the way to the sample
    known = ShapeStatistics(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32), 1.0, 1.0, np.full(2, 0.5, np.float32))
    found = WriterShapes.of(known, np.array([[3.0, 0.0]], np.float32), np.array([0]), 0, 1.0, 1.0)
    after = 1.5 - 1.5**2 / 2.5 + 1
    assert found.linear[:, 0] == pytest.approx([(1 + 0.6 * 2) / after - 1 / 2.5, 0], rel=1e-5, abs=1e-7)
    assert found.square[0] == pytest.approx(0.5 * (1 / 2.5 - 1 / after), rel=1e-5)
    other = 1.5 - 0.5**2 / 2.5 + 1  # of label 1, by the common way alone
    assert found.linear[:, 1] == pytest.approx([0.2 * 2 / other, 1 / other - 1 / 2.5], rel=1e-5)


def test_samples_of_the_writers_own_labels_alone_teach_nothing_of_others() -> None:
    found = WriterShapes.of(SHAPES, np.ones((3, 1), np.float32), np.array([3, 3, 4]), 2, 1.0, 1.0)
    assert gain(found, np.array([[0.7], [-2.0]])) == pytest.approx(np.zeros((2, 5)), abs=1e-6)


def test_the_statistics_are_those_that_writers_were_drawn_from() -> None:
    random, people, size, width = np.random.default_rng(0), 60, 4, 5
    writers, labels = (part.ravel() for part in np.meshgrid(np.arange(people), np.tile(np.arange(size), 8), indexing="ij"))
    centres = 3 * random.normal(size=(size, width))
    own = 0.8 * random.normal(size=(people, size, width))
    points = (centres[labels] + own[writers, labels] + random.normal(size=(len(labels), width))).astype(np.float32)
    samples = Samples(points, np.zeros((len(labels), size), np.float32))
    population = Population.estimate(samples, labels.astype(np.int32), writers.astype(str))
    population = replace(population, space=np.concatenate([np.eye(width), np.zeros((1, width))]).astype(np.float32))
    found = ShapeStatistics.estimate(population, samples, labels.astype(np.int32), writers.astype(str))
    assert found is not None
    assert found.within == pytest.approx(1, rel=0.05)
    assert found.between == pytest.approx(0.64, rel=0.15)
    np.testing.assert_allclose(found.means, centres, atol=0.4)
    assert found.frequencies == pytest.approx(np.full(size, 0.25))
    back = ShapeStatistics.read(found.arrays())
    assert back is not None
    np.testing.assert_allclose(back.means, found.means, rtol=1e-3)
    assert [back.within, back.between] == pytest.approx([found.within, found.between])
    constant = replace(samples, embeddings=np.ones_like(points))
    assert ShapeStatistics.estimate(population, constant, labels.astype(np.int32), writers.astype(str)) is None
    assert ShapeStatistics.read({}) is None


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 20), st.integers(1, 8), st.integers(2, 5), st.integers(0, 10**6))
def test_a_change_sought_around_another_is_least_far_from_that(n: int, r: int, size: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    features, around = (random.normal(size=shape).astype(np.float32) for shape in ((n, r), (r, size)))
    logs = log_softmax(random.normal(size=(n, size)).astype(np.float32))
    truth = np.eye(size, dtype=np.float32)[random.integers(0, size, n)]
    moved = around + residual(features, logs + features @ around, truth, 300)
    for start in (None, np.zeros((r, size), np.float32), around):
        found = residual(features, logs, truth, 300, start, around)
        np.testing.assert_allclose(found, moved, atol=5e-3)
        slope = features.T @ (np.exp(log_softmax(logs + features @ found)) - truth) + found - around
        assert np.abs(slope).max() < 3e-3
