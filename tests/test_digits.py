from __future__ import annotations

import pickle
import sys
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from allograph.corpora.digits import FORM, DigitsSource, align
from allograph.corpora.source import Listing
from allograph.errors import FormatError, MissingExtraError

datasets = pytest.importorskip("sklearn.datasets")


@pytest.fixture(scope="module")
def digits() -> NDArray[np.intp]:
    target: NDArray[np.intp] = datasets.load_digits().target
    return target


@pytest.fixture(scope="module")
def listing() -> Listing:
    return DigitsSource().listing()


def numbers(text: str) -> NDArray[np.intp]:
    return np.array([int(digit) for digit in text])


def test_the_form_is_what_the_data_repeat(digits: NDArray[np.intp]) -> None:
    agreement = {lag: float(np.mean(digits[lag:] == digits[:-lag])) for lag in range(50, 300)}
    assert max(agreement, key=agreement.__getitem__) == len(FORM) == 130
    text = "".join(map(str, digits.tolist()))
    copies = Counter(text[i : i + len(FORM)] for i in range(len(text) - len(FORM) + 1))
    assert copies.most_common(1) == [(FORM, 8)]  # 8 runs are complete and without a slip
    assert text.startswith(FORM)


def test_fourteen_runs_and_few_gaps(listing: Listing, digits: NDArray[np.intp]) -> None:
    runs = Counter(listing.writers.tolist())
    assert list(runs) == [f"run-{i:02d}" for i in range(14)]
    assert all(122 <= count <= 130 for count in runs.values())
    assert "".join(listing.labels) == "".join(map(str, digits.tolist()))
    assert listing.order is not None
    slips = numbers(FORM)[listing.order] != digits
    assert np.flatnonzero(slips).tolist() == [385]  # a 3 where the form has an 8
    for run in runs:
        assert (np.diff(listing.order[listing.writers == run]) > 0).all()
    assert any("13 writers" in note and "one person" in note for note in listing.notes)
    assert any(note.startswith("23 digits") for note in listing.notes)


def test_the_runs_are_hands(listing: Listing) -> None:
    """Of all samples of the same digit the most similar one is mostly of the same run, and not so for other boundaries."""
    pictures = datasets.load_digits().data
    squares = (pictures**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * pictures @ pictures.T
    distances[listing.labels[:, None] != listing.labels] = np.inf
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argmin(axis=1)

    def share(writers: NDArray[np.str_]) -> float:
        return float(np.mean(writers[nearest] == writers))

    assert share(listing.writers) > 0.5  # 0.54; by chance 1/14
    for shift in range(10, 121, 10):  # boundaries anywhere else part hands, and join others
        assert share(np.roll(listing.writers, shift)) < share(listing.writers) - 0.04
    for run in np.unique(listing.writers):  # each run by itself is far above chance
        mine = listing.writers == run
        assert np.mean(listing.writers[nearest[mine]] == run) > 0.35


def test_the_listing_is_quick_and_always_the_same(listing: Listing, digits: NDArray[np.intp]) -> None:
    begin = time.perf_counter()
    runs, places = align(digits)
    assert time.perf_counter() - begin < 2
    again = align(digits)
    np.testing.assert_array_equal((runs, places), again)


def test_alignment_by_hand() -> None:
    # the form 0123, copied as 0123, 023 (no 1), 12 (neither 0 nor 3), 0193 (9 for 2)
    runs, places = align(numbers("0123023120193"), "0123")
    assert runs.tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 3]
    assert places.tolist() == [0, 1, 2, 3, 0, 2, 3, 1, 2, 0, 1, 2, 3]


def test_a_form_that_begins_late_or_ends_early() -> None:
    runs, places = align(numbers("23401234567012345"), "01234567")
    assert runs.tolist() == [0] * 3 + [1] * 8 + [2] * 6
    assert places.tolist() == [2, 3, 4, *range(8), *range(6)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sets(st.integers(0, 129), max_size=4), min_size=1, max_size=6))
def test_runs_with_a_few_gaps_are_found_again(gaps: list[set[int]]) -> None:
    text = ["".join(digit for i, digit in enumerate(FORM) if i not in gap) for gap in gaps]
    runs, places = align(numbers("".join(text)))
    assert np.bincount(runs).tolist() == [len(run) for run in text]
    assert "".join(FORM[place] for place in places) == "".join(text)


def test_digits_in_another_order_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = datasets.load_digits()
    digits.target = digits.target[::-1]
    monkeypatch.setattr(datasets, "load_digits", lambda: digits)
    with pytest.raises(FormatError, match="runs through the form and not 14"):
        DigitsSource().listing()


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingExtraError, match=r"allograph\[research\]"):
        DigitsSource().listing()


@pytest.mark.parametrize("frame", ["mnist", "paper"])
def test_the_digits_are_upright_and_clean(frame, listing: Listing) -> None:  # type: ignore[no-untyped-def]
    source = DigitsSource()
    rows = range(0, 1797, 3)
    images = np.concatenate([source.render(range(row, row + 1), frame).images for row in rows])
    assert images.shape == (599, 28, 28)
    assert images.max(axis=(1, 2)).min() > 230
    assert not images[:, [0, 0, -1, -1], [0, -1, 0, -1]].any()
    assert np.mean(images == 0) > (0.6 if frame == "mnist" else 0.4)
    extents = np.array([np.count_nonzero(image.max(axis=1) > 127) for image in images])
    assert np.median(extents) == pytest.approx(20 if frame == "mnist" else 28, abs=1)
    means = {digit: images[listing.labels[:1797:3] == digit].mean(axis=0) for digit in "067"}
    assert means["0"][13:15, 13:15].mean() < 60  # a ring
    assert means["6"][:14, 14:].sum() < means["6"][14:, 14:].sum()  # its bowl is below, to the right
    assert means["7"][:9].sum() > means["7"][19:].sum()  # its bar is above


def test_rendering_counts_its_polarity_and_can_go_to_another_process() -> None:
    source = DigitsSource()
    here = source.render(range(3, 9), "mnist")
    assert here.polarity == {"light": 6}
    assert len(pickle.dumps(source)) < 2000
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).render(range(3, 9), "mnist").images, here.images)
