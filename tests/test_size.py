"""How likely labels are by size and place: computed by hand, and what holds of every writer and every box."""

from __future__ import annotations

import math
import time
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from allograph.adapters import Adapter, State, WriterModel
from allograph.adapters.allograph import Allograph
from allograph.adapters.head import Head
from allograph.adapters.means import WriterMeans
from allograph.adapters.neighbours import NearestMemory
from allograph.adapters.protocol import others
from allograph.adapters.size import BELIEF, SHARE, USUAL, SizedSamples, WriterSizes, _factor, fit_device, log_student
from allograph.adapters.size_statistics import FEW_WRITERS, LENGTHS, OFFSET, TYPICAL, SizeStatistics, log_lengths
from allograph.adapters.with_size import WithSize
from allograph.readings import Corrections, Samples, Scores, log_softmax
from allograph.samples.box import Box, Boxes, scale_number
from allograph.samples.sample import Sample
from allograph.writers import Writer
from boxes import BOXES
from served import recognizer
from served import sample as image
from sized import ALPHABET, HEIGHTS, LABELS, boxes_of, one_after_the_other, statistics, without_boxes, written

Floats = NDArray[np.float64]
PAD, PHONE = scale_number("pad", True), scale_number("phone", True)
D, R, B, W = 0.04, 0.02, 0.09, 0.01
"""The variance of a writer's way with a label, its covariance with another label's, that of the scale of hands, that within."""
PAIR = SizeStatistics(
    means=np.array([[1.0, 1.6], [1.2, 1.9]]),
    scale=np.full(2, B),
    deviation=np.full(2, D),
    covariance=np.repeat(np.array([[[D, R], [R, D]]]), 2, axis=0),
    within=np.full((2, 2), W),
)
KNOWN = statistics()
assert KNOWN.sizes is not None
SIZES = KNOWN.sizes
ADAPTER = Allograph(ALPHABET, None, KNOWN.population, KNOWN.sizes, KNOWN.shapes)
BLIND = replace(ADAPTER, sizes=None)
SIZED: list[Adapter] = [
    ADAPTER,
    replace(ADAPTER, shapes=None),
    *(
        WithSize(method, SIZES)
        for method in (
            NearestMemory(ALPHABET, None, population=KNOWN.population),
            Head(ALPHABET, None, population=KNOWN.population),
            WriterMeans(ALPHABET, None, population=KNOWN.population),
        )
    ),
]
every = pytest.mark.parametrize("adapter", SIZED, ids=lambda adapter: adapter.name)


def sized(numbers: Floats, labels: list[int], scales: list[int]) -> SizedSamples:
    """Samples of which both logarithms of lengths are `numbers` [n, 2]."""
    height, diagonal = (np.exp(numbers) - OFFSET).T
    width = np.sqrt(np.maximum(diagonal**2 - height**2, 0))
    missing = np.full(len(labels), np.nan)
    sizes = np.stack([height, width, missing, missing], axis=1)
    return SizedSamples(sizes, np.array(scales, np.uint32), np.array(labels, np.int64), np.ones(len(labels)))


def fold(adapter: Adapter, *batches: Corrections) -> State:
    state = adapter.start()
    for batch in batches:
        state = adapter.learn(state, batch)
    return state


def right(scores: Scores, test: Corrections) -> float:
    """The share of right answers."""
    return float(np.mean([LABELS[i] == label for i, label in zip(scores.answers.tolist(), test.labels, strict=True)]))


def known_of(boxes: Boxes | None, places: NDArray[np.integer], known: SizeStatistics = SIZES) -> WriterSizes:
    """What samples with these labels say."""
    assert boxes is not None
    return WriterSizes.of(known, SizedSamples.of(boxes.sizes, boxes.scales, places))


def scaled(boxes: Boxes | None, times: float) -> Boxes:
    """The same in a unit so many times smaller."""
    assert boxes is not None
    return Boxes(boxes.edges * np.float32(times), boxes.baselines, boxes.millimetres, boxes.devices)


def likelihood(writer: WriterSizes, boxes: Boxes) -> NDArray[np.float32]:
    """Of boxes of which something is known."""
    found = writer.log_likelihood(boxes.sizes, boxes.scales)
    assert found is not None
    return found


def near(one: Scores, other: Scores, tolerance: float = 1e-3) -> None:
    """The same scores but for rounding."""
    np.testing.assert_allclose(one.log_probabilities, other.log_probabilities, atol=tolerance, rtol=tolerance)


def test_one_sample_tells_of_both_labels_as_two_gaussians_do() -> None:
    sample = np.array([[1.3, 1.5]])
    found = fit_device(PAIR, sized(sample, [0], [PAD]), PAD, 1)
    for k, m in enumerate(PAIR.means):
        gain, across = (D + B) / (D + B + W), (R + B) / (D + B + W)
        assert found.means[k] == pytest.approx([m[0] + gain * (sample[0, k] - m[0]), m[1] + across * (sample[0, k] - m[0])])
        neat = (USUAL + (sample[0, k] - m[0]) ** 2 / (D + B + W)) / (USUAL + 1)
        assert found.variances[k] == pytest.approx([neat * (D + B - gain * (D + B) + W), neat * (D + B - across * (R + B) + W)])
    assert found.factor == 1


def test_nothing_known_is_what_the_population_writes() -> None:
    found = fit_device(PAIR, sized(np.empty((0, 2)), [], []), PAD, 0)
    assert np.array_equal(found.means, PAIR.means)
    assert found.variances == pytest.approx(np.full((2, 2), D + B + W))
    assert found.log_odds == pytest.approx(BELIEF)


def test_two_devices_have_scales_of_their_own_and_share_the_labels_deviations() -> None:
    samples = sized(np.array([[1.3, 1.5], [0.7, 0.9]]), [0, 0], [PAD, PHONE])
    found = fit_device(PAIR, samples, PAD, 2)
    apart = np.array([1.3, 0.7]) - 1.0
    total = D + B + W
    determinant = total**2 - D**2
    weights = np.array([(D + B) * total - D * D, D * total - (D + B) * D]) / determinant  # across · inverse of 2 × 2
    assert found.means[0, 0] == pytest.approx(1.0 + weights @ apart)
    other = np.array([(R + B) * total - R * D, R * total - (R + B) * D]) / determinant
    assert found.means[0, 1] == pytest.approx(1.6 + other @ apart)
    phone = fit_device(PAIR, samples, PHONE, 2)
    assert phone.means[0, 0] == pytest.approx(1.0 + weights[::-1] @ apart)


def test_sizes_are_believed_by_what_each_sample_says_of_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allograph.adapters.size.USUAL", 1e12)  # as neat as anybody
    numbers = np.array([[1.1, 1.3], [1.0, 1.25], [1.7, 2.0], [1.75, 2.1], [1.2, 1.35]])
    labels = [0, 0, 1, 1, 0]
    samples = sized(numbers, labels, [PAD] * 5)
    found = fit_device(PAIR, samples, PAD, 5)
    evidence = np.array(BELIEF)
    for i, label in enumerate(labels):
        rest = [j for j in range(5) if j != i]
        left = fit_device(PAIR, sized(numbers[rest], [labels[j] for j in rest], [PAD] * 4), PAD, 4)
        evidence += log_student(numbers[i], left.means[:, label], left.variances[:, label])
        evidence -= log_student(numbers[i], found.flat_means, found.flat_variances)
    assert found.log_odds == pytest.approx(float(evidence))


def test_a_students_density_is_one() -> None:
    grid = np.linspace(-400, 400, 400_001)
    one = np.exp(log_student(grid[None], np.array([[0.3]]), np.array([[0.7]])) / SHARE)
    assert one.sum() * (grid[1] - grid[0]) == pytest.approx(1, abs=1e-4)
    place_unknown = log_student(np.array([1.0, 2.0, np.nan]), np.zeros(3), np.ones(3))
    assert place_unknown == pytest.approx(float(log_student(np.array([1.0, 2.0]), np.zeros(2), np.ones(2))))


def test_a_unit_is_the_weighted_median_of_what_samples_should_measure() -> None:
    usual = float(np.exp(PAIR.means[0, 0]) - OFFSET)
    sizes = np.full((3, 4), np.nan)
    sizes[:, :2] = (np.array([1, 4, 16]) * usual)[:, None]
    labels, scales = np.zeros(3, np.int64), np.full(3, 2, np.uint32)
    for weights, times in (([1, 1, 1], 4), ([5, 1, 1], 1), ([1, 1, 5], 16), ([0.3, 0.5, 0.3], 4)):
        assert _factor(PAIR, SizedSamples(sizes, scales, labels, np.array(weights, float)), 2) == pytest.approx(1 / times)
    assert _factor(PAIR, SizedSamples(sizes, scales + np.uint32(1), labels, np.ones(3)), 3) == 1


@settings(max_examples=25, deadline=None)
@given(st.floats(1e-3, 1e4), st.integers(1, 40), st.integers(0, 10**4))
def test_what_a_device_measures_in_changes_nothing_and_millimetres_do(times: float, count: int, seed: int) -> None:
    batch, test = written(count, 100 * seed, unit=1.0), written(20, 100 * seed + 1, unit=1.0)
    places = ALPHABET.indices(batch.labels)
    known, other = known_of(batch.boxes, places), known_of(scaled(batch.boxes, times), places)
    one, same = likelihood(known, scaled(test.boxes, 1)), likelihood(other, scaled(test.boxes, times))
    np.testing.assert_allclose(same, one, atol=1e-3)
    explained, again = known.explain(test.boxes, LABELS, (0, 1)), other.explain(scaled(test.boxes, times), LABELS, (0, 1))
    assert explained is not None
    assert again is not None
    assert again.evidence["heights"] == pytest.approx(explained.evidence["heights"], rel=1e-3)


def test_a_millimetre_is_a_millimetre() -> None:
    none = WriterSizes.of(SIZES, sized(np.empty((0, 2)), [], []))
    sizes = np.array([[0.4, 0.4, np.nan, np.nan], [5, 4, np.nan, np.nan]])
    found = none.log_likelihood(sizes, np.full(2, PAD, np.uint32))
    assert found is not None
    assert LABELS[found[0].argmax()] == "."
    assert LABELS[found[1].argmax()] in "COSV"
    times = none.log_likelihood(sizes * 3, np.full(2, PAD, np.uint32))
    assert times is not None
    assert not np.allclose(times, found, atol=0.5)
    assert none.log_likelihood(sizes, np.full(2, scale_number("pad", False), np.uint32)) is None  # alone, in a unit of its own


def test_place_tells_a_comma_from_an_apostrophe_and_without_a_baseline_height_alone_counts() -> None:
    known = statistics(place=True).sizes
    assert known is not None
    assert len(known) == 4
    truth = np.array([HEIGHTS + np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, -1.0, 4, 0])])
    assert np.corrcoef(known.means[2], truth[0])[0, 1] > 0.99
    assert np.abs(known.scale[2:]).max() == 0
    comma, apostrophe = LABELS.index(","), LABELS.index("'")
    seen = np.array([0, 1, 2, 3, 8, 11] * 2)
    writer = known_of(boxes_of(seen, 4200, place=True), seen, known)
    test = np.repeat([comma, apostrophe], 20)
    by_place, by_height = (likelihood(writer, boxes_of(test, 4201, place=place)) for place in (True, False))
    told, untold = (np.diff(found[:, [comma, apostrophe]])[:, 0] * np.repeat([-1, 1], 20) for found in (by_place, by_height))
    assert (told > 3).mean() > 0.9
    assert np.abs(untold).max() < 1.5

    lengths = SizeStatistics(*(getattr(known, name)[:2] for name in ("means", "scale", "deviation", "covariance", "within")))
    without, alone = (known_of(boxes_of(seen, 4200), seen, which) for which in (known, lengths))
    unplaced = boxes_of(test, 4201)
    np.testing.assert_allclose(likelihood(without, unplaced), likelihood(alone, unplaced), atol=1e-5)


def test_the_statistics_are_those_that_writers_were_drawn_from() -> None:
    random, size, people = np.random.default_rng(0), 6, 150
    means = np.linspace(0.5, 2, size)
    covariance = 0.02 * np.eye(size) + 0.03 * (np.arange(size)[:, None] // 2 == np.arange(size) // 2)
    scales = 0.3 * random.normal(size=people)
    own = random.multivariate_normal(np.zeros(size), covariance, people)
    writers, labels = (part.ravel() for part in np.meshgrid(np.arange(people), np.tile(np.arange(size), 6), indexing="ij"))
    numbers = means[labels] + scales[writers] + own[writers, labels] + 0.1 * random.normal(size=len(labels))
    heights = np.exp(numbers) - OFFSET
    boxes = Boxes(
        np.stack([0 * heights, 0 * heights, 0 * heights, np.maximum(heights, 0)], axis=1).astype(np.float32),
        np.full(len(labels), np.nan, np.float32),
        np.ones(len(labels), bool),
        np.full(len(labels), "pad"),
    )
    found = SizeStatistics.estimate(boxes, labels, writers.astype(str), size)
    assert found is not None
    assert (found.writers, found.samples) == (people, len(labels))
    np.testing.assert_allclose(found.means[0], means, atol=0.08)
    np.testing.assert_allclose(found.within[0], 0.01, rtol=0.1)
    total = found.covariance[0] + found.scale[0]
    np.testing.assert_allclose(total, covariance + 0.09, atol=0.03)
    assert found.scale[0] > 0.08
    back = SizeStatistics.read(found.arrays())
    assert back is not None
    np.testing.assert_allclose(back.covariance, found.covariance, atol=1e-3)
    assert (back.writers, back.samples) == (found.writers, found.samples)


def corpus(people: int, unit: float | None = None) -> tuple[Boxes, NDArray[np.int64], NDArray[np.str_]]:
    """Boxes, labels and writers of so many synthetic people, each with a device of their own."""
    parts = [
        written(60, 100 * one, f"device {one}", None if unit is None else unit * (1 + one)) for one in range(200, 200 + people)
    ]
    everything = one_after_the_other(parts)
    assert everything.boxes is not None
    return everything.boxes, ALPHABET.indices(everything.labels).astype(np.int64), np.repeat(np.arange(people), 60).astype(str)


def test_too_few_writers_or_boxes_that_are_all_alike_give_no_statistics() -> None:
    boxes, labels, writers = corpus(FEW_WRITERS)
    few = np.flatnonzero(writers != "0")
    assert SizeStatistics.estimate(boxes, labels, writers, len(LABELS)) is not None
    assert SizeStatistics.estimate(boxes.at(few), labels[few], writers[few], len(LABELS)) is None
    assert SizeStatistics.estimate(Boxes.none(len(labels)), labels, writers, len(LABELS)) is None
    alike = Boxes(np.zeros_like(boxes.edges) + np.float32(7), boxes.baselines, boxes.millimetres, boxes.devices)
    assert SizeStatistics.estimate(alike, labels, writers, len(LABELS)) is None


def test_a_writer_with_two_devices_is_one_writer_with_two_scales() -> None:
    boxes, labels, writers = corpus(20, unit=40.0)
    tablet = np.arange(len(labels)) % 2 == 0
    devices = np.where(tablet, "tablet", boxes.devices)
    both = Boxes(boxes.edges * np.where(tablet, 9, 1).astype(np.float32)[:, None], boxes.baselines, boxes.millimetres, devices)
    one, two = (SizeStatistics.estimate(which, labels, writers, len(LABELS)) for which in (boxes, both))
    assert one is not None
    assert two is not None
    assert one.writers == two.writers == 20
    np.testing.assert_allclose(two.means[0] - two.means[0].mean(), one.means[0] - one.means[0].mean(), atol=0.15)
    np.testing.assert_allclose(two.within[0].mean(), one.within[0].mean(), rtol=0.3)


def test_pixels_of_any_size_are_brought_to_the_typical_height() -> None:
    pixels = SizeStatistics.estimate(*corpus(30, unit=40.0), len(LABELS))
    millimetres = SizeStatistics.estimate(*corpus(30), len(LABELS))
    assert pixels is not None
    assert millimetres is not None
    heights = [np.exp(found.means[0]) - OFFSET for found in (pixels, millimetres)]
    assert np.corrcoef(np.log(heights[0] + 0.3), np.log(heights[1] + 0.3))[0, 1] > 0.98
    assert 0.5 * TYPICAL < np.median(heights[0]) < 2 * TYPICAL
    np.testing.assert_allclose(pixels.within[0].mean(), millimetres.within[0].mean(), rtol=0.5)


def test_many_labels_need_no_matrix_of_them_all() -> None:
    random, size, people = np.random.default_rng(0), 3000, 60
    writers = np.repeat(np.arange(people), 200)
    labels = random.integers(0, size, len(writers)) // random.integers(1, 40, len(writers))
    means, scales = random.uniform(0.5, 2, size), 0.3 * random.normal(size=people)
    own = 0.2 * random.normal(size=(people, size))
    numbers = means[labels] + scales[writers] + own[writers, labels] + 0.1 * random.normal(size=len(labels))
    heights = np.maximum(np.exp(numbers) - OFFSET, 0)
    edges = np.stack([0 * heights, 0 * heights, heights, heights], axis=1).astype(np.float32)
    boxes = Boxes(edges, np.full(len(labels), np.nan, np.float32), np.ones(len(labels), bool), np.full(len(labels), "pad"))
    tracemalloc.start()
    began = time.perf_counter()
    found = SizeStatistics.estimate(boxes, labels, writers.astype(str), size)
    taken, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found is not None
    assert found.covariance.size == 0
    assert taken < 5
    assert peak < size * size  # bytes: an eighth of one matrix of float64
    assert found.scale[0] == pytest.approx(0.09, rel=0.4)
    assert found.deviation[0] == pytest.approx(0.04, rel=0.25)
    assert found.within[0].mean() == pytest.approx(0.01, rel=0.5)
    seen = np.bincount(labels, minlength=size) > 30
    assert np.abs(found.means[0] - means)[seen].mean() < 0.1
    back = SizeStatistics.read(found.arrays())
    assert back is not None
    writer = known_of(boxes.at(slice(200)), labels[:200], back.with_own_labels(2))
    values = likelihood(writer, boxes.at(slice(5)))
    assert values.shape == (5, size + 2)
    assert np.isfinite(values).all()


def test_independent_deviations_are_a_diagonal_covariance() -> None:
    known = replace(PAIR, covariance=D * np.repeat(np.eye(2)[None], 2, axis=0))
    large = replace(PAIR, covariance=np.empty((2, 0, 0)))
    samples = sized(np.array([[1.3, 1.5], [0.7, 0.9], [1.5, 1.7]]), [0, 0, 1], [PAD, PHONE, PAD])
    one, other = (fit_device(which, samples, PAD, 3) for which in (known, large))
    np.testing.assert_allclose(one.means, other.means)
    np.testing.assert_allclose(one.variances, other.variances)


def test_size_tells_apart_what_looks_alike() -> None:
    for unit in (None, 37.0):
        batch, test = written(60, 100, unit=unit), written(300, 101, unit=unit)
        for adapter in SIZED:
            state = fold(adapter, batch)
            seen, unseen = adapter.scores(state, test.samples), adapter.scores(state, without_boxes(test).samples)
            assert right(seen, test) > right(unseen, test) + 0.15


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 80), st.integers(0, 80), st.integers(0, 10**4))
def test_without_boxes_nothing_changes(first: int, second: int, seed: int) -> None:
    batches = [without_boxes(written(count, 100 * seed + i)) for i, count in enumerate((first, second))]
    test = written(20, 100 * seed + 5)
    empty = replace(test, boxes=Boxes.none(20))
    blind = BLIND.scores(fold(BLIND, *batches), test.samples)
    state = fold(ADAPTER, *batches)
    near(ADAPTER.scores(state, without_boxes(test).samples), blind, 5e-3)
    near(ADAPTER.scores(state, empty.samples), blind, 5e-3)
    missing = [replace(batch, boxes=Boxes.none(len(batch))) for batch in batches]
    assert fold(ADAPTER, *missing) == state


@every
@pytest.mark.parametrize("unit", [None, 37.0])
@pytest.mark.parametrize("how", ["equal", "shuffled"])
def test_boxes_that_say_nothing_change_few_answers(adapter: Adapter, unit: float | None, how: str) -> None:
    found, without = [], []
    for writer in range(6):
        batch, test = (written(count, 100 * writer + i, unit=unit) for i, count in enumerate((60, 200)))
        random = np.random.default_rng(writer)

        def spoil(part: Corrections, random: np.random.Generator = random) -> Corrections:
            assert part.boxes is not None
            rows = np.zeros(len(part), int) if how == "equal" else random.permutation(len(part))
            return replace(part, boxes=part.boxes.at(rows))

        spoilt = spoil(test)
        found.append(right(adapter.scores(fold(adapter, spoil(batch)), spoilt.samples), test))
        without.append(right(adapter.scores(fold(adapter, without_boxes(batch)), without_boxes(test).samples), test))
    assert np.mean(found) > np.mean(without) - 0.01


@every
@settings(max_examples=12, deadline=None)
@given(
    st.lists(BOXES | st.none(), min_size=12, max_size=12), st.lists(st.sampled_from([*LABELS, "ß", "é"]), min_size=8, max_size=8)
)
def test_any_boxes_at_all_give_finite_scores(adapter: Adapter, some: list[Box | None], labels: list[str]) -> None:
    taught = replace(written(8, 300), boxes=Boxes.of(some[:8]), labels=labels)
    samples = replace(written(12, 301).samples, boxes=Boxes.of(some))
    for state in (adapter.start(), fold(adapter, taught), fold(adapter, taught.take([0, 1, 2]), taught.take([3, 4, 5, 6, 7]))):
        model = WriterModel(adapter, state)
        for scores in (model.scores(samples), model.scores(samples, samples), model.scores_together(samples)):
            assert np.isfinite(scores.log_probabilities.max(axis=1)).all()
            assert not np.isnan(scores.values).any()
        model.explain(samples.at(slice(0, 1)), samples)
        assert State.from_bytes(state.to_bytes(adapter), adapter) == state


HUGE = [Box(0, 0, 1e9, 1e9), Box(-1e9, -1e9, 1e9, 1e9), Box(5, 5, 5, 5), Box(0, 0, 1e9, 1e9, "millimetres"), None]


@every
def test_dots_and_worlds_are_no_obstacle(adapter: Adapter) -> None:
    for which in ([0], [1], [2], [3], [4], [0, 2], [2, 3, 4], [0, 1, 2, 3, 4]):
        rows = [HUGE[which[i % len(which)]] for i in range(30)]
        batch = replace(written(30, 400), boxes=Boxes.of(rows))
        state = fold(adapter, batch)
        with np.errstate(all="raise", under="ignore"):
            scores = WriterModel(adapter, state).scores_together(batch.samples)
        assert np.isfinite(scores.log_probabilities.max(axis=1)).all()


@every
def test_samples_that_are_read_together_are_read_beside_the_others(adapter: Adapter) -> None:
    for state in (adapter.start(), fold(adapter, written(20, 500, unit=9.0))):
        model = WriterModel(adapter, state)
        for count in range(10):
            samples, context = written(count, 501, unit=9.0).samples, written(5, 502, unit=9.0).samples
            for beside in (None, context):
                together = model.scores_together(samples, beside)
                assert len(together) == count
                for i in range(count):
                    one = model.scores(samples.at(slice(i, i + 1)), others(samples, i, beside))
                    np.testing.assert_allclose(together.values[i], one.values[0], atol=2e-3)


@every
@settings(max_examples=8, deadline=None)
@given(st.permutations(range(12)), st.integers(0, 20), st.booleans())
def test_the_order_of_what_is_beside_changes_nothing(adapter: Adapter, order: list[int], known: int, limited: bool) -> None:
    model = WriterModel(adapter, fold(adapter, written(known, 600, unit=9.0)))
    samples, context = written(6, 601, unit=9.0).samples, written(12, 602, unit=9.0).samples
    if limited:
        context = context.within(np.arange(len(LABELS)) % 2 == 0)
    one, other = model.scores(samples, context), model.scores(samples, context.at(np.array(order)))
    near(one, other)
    assert np.isfinite(one.values).all()


@every
def test_what_is_beside_tells_how_large_the_writer_writes(adapter: Adapter) -> None:
    model = WriterModel(adapter, adapter.start())
    alone = beside = 0.0
    for writer in range(6):
        test, context = written(100, 100 * writer + 1, unit=50.0), written(30, 100 * writer + 2, unit=50.0).samples
        alone += right(model.scores(test.samples), test) / 6
        beside += right(model.scores(test.samples, context), test) / 6
    assert beside > alone + 0.2


@every
def test_a_device_never_seen_is_judged_by_millimetres_and_by_nothing_else(adapter: Adapter) -> None:
    state = fold(adapter, written(60, 700, "pad"), written(30, 701, "phone", unit=80.0))
    test = written(200, 702, "board", unit=3.0)
    unseen = adapter.scores(state, without_boxes(test).samples)
    near(adapter.scores(state, test.samples), unseen)
    known = written(200, 702, "board")
    assert right(adapter.scores(state, known.samples), known) > right(unseen, test) + 0.15
    both = one_after_the_other([written(100, 703, "pad"), written(100, 704, "phone", unit=80.0)])
    assert (
        right(adapter.scores(state, both.samples), both) > right(adapter.scores(state, without_boxes(both).samples), both) + 0.15
    )


@every
def test_a_sample_of_unknown_size_reads_as_the_base_does_whatever_is_in_its_call(adapter: Adapter) -> None:
    batch = written(10, 1400)
    assert batch.boxes is not None
    some = replace(batch.samples, boxes=Boxes.of([batch.boxes.box(i) if i % 2 else None for i in range(10)]))
    near(adapter.scores(adapter.start(), some.at(slice(0, None, 2))), Scores(some.logits[::2], np.zeros(5, np.int8)))
    together = adapter.scores(adapter.start(), some)
    np.testing.assert_allclose(together.log_probabilities[::2], log_softmax(some.logits[::2]), atol=1e-5)


@pytest.mark.slow
def test_a_large_alphabet_of_which_a_base_has_no_opinion_keeps_the_unit() -> None:
    known = SizeStatistics(
        np.tile(np.linspace(0.5, 2, 2000), (2, 1)), np.full(2, B), np.full(2, D), np.empty((2, 0, 0)), np.full((2, 2000), W)
    )
    writer = WriterSizes.of(known, sized(np.empty((0, 2)), [], []))
    boxes = scaled(written(6, 1500, unit=1.0).boxes, 100)
    beside = writer.beside(boxes, np.full((6, 2000), -np.log(2000)))
    (device,) = beside.devices.values()
    assert TYPICAL / 4 < np.median(boxes.sizes[:, 0]) * device.factor < 4 * TYPICAL


@every
def test_boxes_of_some_corrections_are_enough(adapter: Adapter) -> None:
    batch, test = written(80, 800, unit=30.0), written(200, 801, unit=30.0)
    assert batch.boxes is not None
    some = [batch.boxes.box(i) if i % 3 == 0 else None for i in range(80)]
    state = fold(adapter, replace(batch, boxes=Boxes.of(some)))
    unseen = adapter.scores(state, without_boxes(test).samples)
    assert right(adapter.scores(state, test.samples), test) > right(unseen, test) + 0.1
    parts = fold(adapter, without_boxes(batch.take(range(40))), batch.take(range(40, 80)), without_boxes(batch.take(range(20))))
    assert (len(parts.arrays["sizes"]), len(parts.arrays["scales"])) == (100, 1)  # one device: its scale is kept once
    assert np.isnan(parts.arrays["sizes"][:, 0]).tolist() == [True] * 40 + [False] * 40 + [True] * 20


@every
def test_a_window_keeps_the_newest_sizes(adapter: Any) -> None:
    small = (
        replace(adapter, window=20)
        if isinstance(adapter, Allograph)
        else replace(adapter, method=replace(adapter.method, window=20))
    )
    state = fold(small, *(written(15, 900 + i, unit=30.0) for i in range(4)))
    assert len(state.arrays["labels"]) == len(state.arrays["sizes"]) == 20
    last = written(15, 903, unit=30.0).boxes
    assert last is not None
    np.testing.assert_allclose(np.sinh(state.arrays["sizes"][-15:].astype(float)), last.sizes[:, :2], rtol=1e-2)
    gone = fold(small, written(15, 900), *(without_boxes(written(15, 900 + i)) for i in (1, 2)))
    assert "sizes" not in gone.arrays


@every
def test_a_label_of_the_writers_own_has_a_size_too(adapter: Adapter) -> None:
    own = replace(written(12, 1001, unit=30.0), labels=["ß"] * 12)
    assert own.boxes is not None
    tall = Boxes(
        own.boxes.edges * 0 + np.array([0, 0, 200, 600], np.float32),
        own.boxes.baselines,
        own.boxes.millimetres,
        own.boxes.devices,
    )
    state = fold(adapter, written(60, 1000, unit=30.0), replace(own, boxes=tall))
    test = replace(written(60, 1002, unit=30.0).samples, boxes=tall.at(np.zeros(60, int)))
    share = np.exp(adapter.scores(state, test).log_probabilities[:, -1]).mean()
    without = np.exp(adapter.scores(state, written(60, 1002, unit=30.0).samples).log_probabilities[:, -1]).mean()
    assert share > 2 * without


@pytest.mark.parametrize("adapter", SIZED[:2])
def test_what_was_corrected_reads_as_corrected_beside_others_too(adapter: Adapter) -> None:
    for count in (1, 3, 20):
        batch = written(count, 1100, unit=20.0)
        wrong = [LABELS[(LABELS.index(label) + 4) % len(LABELS)] for label in batch.labels]
        model = WriterModel(adapter, fold(adapter, replace(batch, labels=wrong)))
        for context in (None, written(30, 1101, unit=20.0).samples):
            answers = model.scores(batch.samples, context).answers
            assert [LABELS[i] for i in answers.tolist()] == wrong


@every
def test_why_names_the_answer_and_how_high_it_is(adapter: Adapter) -> None:
    test = written(20, 1201)
    for state in (adapter.start(), fold(adapter, written(40, 1200))):
        model = WriterModel(adapter, state)
        for i in range(20):
            sample = test.samples.at(slice(i, i + 1))
            for context in (None, written(9, 1202).samples):
                why, scores = model.explain(sample, context), model.scores(sample, context)
                answer = LABELS[int(scores.answers[0])]
                assert why.evidence["answer"] == answer
                assert answer in why.evidence["size"]["heights"]
                assert 0 <= why.evidence["size"]["believed"] <= 1
                assert "as high as" in why.text


def test_undo_leaves_no_trace_of_a_size() -> None:
    ana = Writer("ana", recognizer=recognizer())
    samples = [Sample.from_image(image(i), Box(0, 0, 10 + i, 20 + 3 * i, device="pad")) for i in range(12)]
    kept = ana.correct(ana.read(samples[:6]), list("abcdef"))
    before = [reading._values for reading in ana.read(samples)]
    more = ana.correct(ana.read(samples[6:9]), list("xyz"))
    assert any(not np.array_equal(one, other._values) for one, other in zip(before, ana.read(samples), strict=True))
    for correction in more:
        ana.undo(correction.id)
    for one, other in zip(before, ana.read(samples), strict=True):
        np.testing.assert_allclose(one, other._values, atol=1e-5)
    assert len(kept) == 6


def test_lengths_are_logarithms_of_height_and_diagonal() -> None:
    found = log_lengths(np.array([[3.0, 4.0], [0.0, 0.0]]))
    assert found[:, 0] == pytest.approx([math.log(3.3), math.log(5.3)])
    assert found[:, 1] == pytest.approx([math.log(0.3)] * LENGTHS)


def test_readings_do_not_change_what_is_known() -> None:
    state = fold(ADAPTER, written(30, 1300))
    model = WriterModel(ADAPTER, state)
    samples = written(10, 1301).samples
    before = model.scores(samples)
    model.scores(samples, written(30, 1302).samples)
    model.scores_together(written(9, 1303).samples)
    assert np.array_equal(model.scores(samples).values, before.values)
    assert Samples.join([samples]) is samples
