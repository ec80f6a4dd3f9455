"""Samples that are read together were written at one time, and may all be larger or smaller than the writer's others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from allograph.adapters import WriterModel
from allograph.adapters.allograph import Allograph
from allograph.adapters.size import KNOWN, TIMES, SizedSamples, WriterSizes
from allograph.readings import Corrections
from allograph.samples.box import Boxes
from sized import ALPHABET, LABELS, SHAPES, boxes_of, statistics, written

STATISTICS = statistics()
assert STATISTICS.sizes is not None
SIZES = STATISTICS.sizes
ADAPTER = Allograph(ALPHABET, None, STATISTICS.population, SIZES, STATISTICS.shapes)
WRITER = 4200
"""The seed of the writer; those after it are other samples of theirs."""


def scaled(boxes: Boxes | None, times: float) -> Boxes:
    assert boxes is not None
    return replace(boxes, edges=boxes.edges * np.float32(times))


def places(batch: Corrections) -> NDArray[np.int64]:
    return np.array([LABELS.index(label) for label in batch.labels])


def known(count: int = KNOWN + 20) -> tuple[WriterSizes, Corrections]:
    """What so many corrections tell, and these."""
    batch = written(count, WRITER)
    assert batch.boxes is not None
    return WriterSizes.of(SIZES, SizedSamples.of(batch.boxes.sizes, batch.boxes.scales, places(batch))), batch


def by_shape(labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """[n, C] log-probabilities of a base that tells shapes apart and not sizes."""
    same = (SHAPES[labels][:, None] == SHAPES[None]).astype(np.float64) + 1e-3
    return np.log(same / same.sum(axis=1, keepdims=True))


def right(writer: WriterSizes, boxes: Boxes, labels: NDArray[np.integer]) -> float:
    judged = writer.log_likelihood(boxes.sizes, boxes.scales)
    assert judged is not None
    return float(((by_shape(labels) + judged).argmax(axis=1) == labels).mean())


@pytest.mark.parametrize("times", [0.75, 0.85, 1.0, 1.15, 1.3])
@pytest.mark.parametrize("unit", [None, 37.0])
def test_a_page_is_read_by_its_own_scale(times: float, unit: float | None) -> None:
    labels = np.random.default_rng(5).integers(0, 8, 40)  # c or C, o or O, s or S, v or V
    batch = written(KNOWN + 20, WRITER, unit=unit)
    assert batch.boxes is not None
    writer = WriterSizes.of(SIZES, SizedSamples.of(batch.boxes.sizes, batch.boxes.scales, places(batch)))
    page = scaled(boxes_of(labels, WRITER + 1, unit=unit), times)
    beside = writer.beside(page, by_shape(labels))
    (occasion,) = beside.occasions.values()
    assert occasion == pytest.approx(1 / times, rel=0.08)
    assert right(beside, page, labels) > 0.97
    assert right(beside, page, labels) >= right(writer, page, labels)
    if abs(times - 1) > 0.2:
        assert right(writer, page, labels) < 0.97
    assert beside.devices == writer.devices  # of the hand itself nothing is learned
    assert beside.at_all_times.occasions == {}


def test_few_corrections_tell_no_occasion() -> None:
    writer, _ = known(KNOWN - 1)
    labels = np.arange(8)
    assert writer.beside(boxes_of(labels, WRITER + 1), by_shape(labels)).occasions == {}


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.floats(0.3, 3), st.integers(0, 99))
def test_an_occasion_stays_within_what_is_tried_and_in_any_order(count: int, times: float, seed: int) -> None:
    writer, _ = known()
    labels = np.random.default_rng(seed).integers(0, len(LABELS), count)
    page, logs = scaled(boxes_of(labels, WRITER + seed), times), by_shape(labels)
    (occasion,) = writer.beside(page, logs).occasions.values()
    assert np.exp(TIMES.min()) - 1e-9 <= occasion <= np.exp(TIMES.max()) + 1e-9
    order = np.random.default_rng(seed).permutation(count)
    assert writer.beside(page.at(order), logs[order]).occasions == writer.beside(page, logs).occasions


def test_one_sample_of_usual_size_says_little_of_its_occasion() -> None:
    writer, _ = known()
    labels = np.array([0])
    usual = boxes_of(labels, WRITER)
    (occasion,) = writer.beside(usual, by_shape(labels)).occasions.values()
    assert occasion == pytest.approx(1.0, abs=0.15)


def test_why_speaks_of_the_size_as_it_was_judged() -> None:
    writer, _ = known()
    labels = np.random.default_rng(5).integers(0, 8, 40)
    page = scaled(boxes_of(labels, WRITER + 1), 0.75)
    beside = writer.beside(page, by_shape(labels))
    one = page.at(slice(0, 1))
    label = int(labels[0])
    here, always = beside.explain(one, LABELS, [label]), writer.explain(one, LABELS, [label])
    assert here is not None
    assert always is not None
    (occasion,) = beside.occasions.values()
    assert here.evidence["heights"][LABELS[label]] == pytest.approx(always.evidence["heights"][LABELS[label]] * occasion)
    assert abs(np.log(here.evidence["heights"][LABELS[label]])) < 0.25


@pytest.mark.parametrize("times", [0.85, 1.0, 1.15])
def test_what_was_corrected_is_known_again_beside_a_page_of_any_size(times: float) -> None:
    batch, page = written(KNOWN + 60, WRITER), written(24, WRITER + 1)
    model = WriterModel(ADAPTER, ADAPTER.learn(ADAPTER.start(), batch))
    beside = replace(page.samples, boxes=scaled(page.boxes, times))
    together = model.scores_together(beside).answers == places(page)
    assert together.mean() >= (model.scores(beside).answers == places(page)).mean() - 0.05
    for size in (1.0, times):
        again = replace(batch.samples, boxes=scaled(batch.boxes, size))
        assert (model.scores(again, beside).answers == places(batch)).mean() > 0.95
    wrong = [LABELS[(LABELS.index(label) + 4) % len(LABELS)] for label in batch.labels]
    taught = WriterModel(ADAPTER, ADAPTER.learn(ADAPTER.start(), replace(batch, labels=wrong)))
    found = [LABELS[i] for i in taught.scores(batch.samples, beside).answers.tolist()]
    assert np.mean([one == other for one, other in zip(found, wrong, strict=True)]) > 0.9
