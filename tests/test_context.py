"""Samples are read beside others of the same writer: by a method that looks at all of the context, and is read by every way."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from allograph.errors import ImageError, InputError, MismatchError
from allograph.profiles import open_store
from allograph.readings import Reading
from allograph.samples import Box, Sample
from allograph.server.reader import Reader
from allograph.writers import Request, Writer, Writers
from relative import RelativeAdapter
from served import recognizer, sample


def sized(place: int, height: float, device: str = "pad") -> Sample:
    """A sample of that height."""
    return Sample.from_image(sample(place), Box(0, 0, 5, height, device=device))


def some(count: int, seed: int = 0) -> list[Sample]:
    """Samples of different heights."""
    random = np.random.default_rng(seed)
    return [
        sized(int(place), float(height))
        for place, height in zip(random.integers(0, 400, count), random.uniform(1, 30, count), strict=True)
    ]


@pytest.fixture(scope="module")
def writers() -> Writers:
    return Writers(open_store("memory:"), recognizer(), RelativeAdapter())


@pytest.fixture(scope="module")
def ana(writers: Writers) -> Writer:
    return writers["ana"]


def first(reading: Reading) -> float:
    """The score that depends on the context."""
    return float(reading._values[0])


@pytest.fixture(scope="module")
def default() -> Writers:
    """Of the default method, which learned something of one writer, sizes too."""
    found = Writers(open_store("memory:"), recognizer())
    ana = found["ana"]
    readings = ana.read(some(30, seed=9))
    ana.correct(readings, [reading.label for reading in readings])
    return found


def same(found: list[Reading], expected: list[Reading], why: bool = True) -> None:
    """Each reads as the other, but for the last digits, which differ with the size of a call of the model."""
    assert [one.label for one in found] == [one.label for one in expected]
    np.testing.assert_allclose([one._values for one in found], [one._values for one in expected], rtol=1e-3, atol=2e-3)
    if why:
        assert [one.why() for one in found] == [one.why() for one in expected]


def test_one_sample_is_read_beside_what_is_given_and_alone_beside_nothing(ana: Writer) -> None:
    alone, twice = ana.read(sized(40, 10)), ana.read(sized(40, 20))
    assert first(alone) == 0
    assert first(twice) == pytest.approx(5 * np.log(2), abs=1e-5)
    context = [sized(3, 30), sized(4, 50)]
    beside = ana.read(sized(40, 20), context=context)
    say = float(recognizer().embed(np.stack([sample(3), sample(4)])).logits.mean())
    assert first(beside) == pytest.approx(5 * np.log(20 / 40) + say, abs=1e-3)
    assert ana.read([sized(40, 20)])[0].why() == twice.why()
    assert ana.read([sized(40, 20)], context=context)[0].why() == beside.why()
    assert ana.read(sized(40, 20), context=[]).why() == twice.why()


def test_why_is_told_with_the_context_that_it_was_read_beside(ana: Writer) -> None:
    assert ana.read(sized(40, 20), context=[sized(3, 30), sized(4, 50)]).why().text == "0.5000"
    together = ana.read([sized(1, 10), sized(2, 30)], context=[sized(3, 50)])
    assert [reading.why().evidence["mean"] for reading in together] == [40, 30]  # each beside the others


def test_readings_in_the_context_are_as_good_as_their_samples_and_are_not_read_again(ana: Writer) -> None:
    seen, new = some(9), some(4, seed=1)
    readings = ana.read(seen)
    mixed: list[Any] = [*readings[:3], *seen[3:6], *readings[6:]]
    expected = ana.read(new, context=seen)
    same(ana.read(new, context=readings), expected)
    same(ana.read(new, context=mixed), expected)
    request = Request("ana", new, context=mixed)
    assert (len(request), request.rows) == (4, 7)


def test_a_reading_keeps_the_alphabet_that_it_had_in_another_context(ana: Writer) -> None:
    (digit,) = ana.read([sized(3, 10)], alphabet="digits")
    other = sized(5, 10)
    assert first(ana.read(other, context=[digit])) != pytest.approx(first(ana.read(other, context=[sized(3, 10)])), abs=1e-3)


def test_arrays_may_be_the_context_and_have_no_size(recognizer_images: NDArray[np.uint8]) -> None:
    writer = Writer("ben", recognizer())
    alone = writer.read(recognizer_images[0])
    for context in (recognizer_images[:5], list(recognizer_images[:5]), [recognizer_images[1] / 255]):
        assert writer.read(recognizer_images[0], context=context).label == alone.label


@pytest.fixture
def recognizer_images() -> NDArray[np.uint8]:
    return np.stack([sample(i) for i in range(8)])


def test_what_can_be_no_context_is_refused(ana: Writer) -> None:
    new = sized(40, 10)
    assert len(ana.read(some(2), context=some(64))) == 2
    for number in (65, 200):
        with pytest.raises(InputError, match=f"at most 64 samples, and this one has {number}"):
            ana.read(new, context=some(number))
    for odd in (new, sample(3), ana.read(new), "abc", {1: new}, 7):
        with pytest.raises(InputError, match="a context is a list"):
            ana.read(new, context=odd)  # type: ignore[arg-type]
    with pytest.raises(ImageError, match="in the context, the sample at place 1 is empty"):
        ana.read(new, context=[sample(3), np.zeros((28, 28), np.uint8)])
    with pytest.raises(ImageError, match="in the context, "):
        ana.read(new, context=[np.zeros((3, 28), np.uint8)])
    foreign = ana.read(new)
    foreign.model_hash = "0" * 64
    with pytest.raises(MismatchError, match="made by another model"):
        ana.read(new, context=[foreign])


REQUESTS = [
    Request("ana", some(1)),
    Request("ana", some(1, 1), context=some(5, 2)),
    Request("ana", some(3, 3)),
    Request("ana", some(20, 4), context=some(64, 5)),
    Request("ben", some(40, 6), alphabet="digits"),
    Request("ben", some(1, 7)[0], context=some(9, 8)),
]


@pytest.mark.parametrize("method", ["writers", "default"])
@given(order=st.lists(st.sampled_from(range(len(REQUESTS))), min_size=1, max_size=8))
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_request_is_answered_alike_alone_with_any_others_and_by_the_service_however_it_is_parted(
    method: str, order: list[int], request: pytest.FixtureRequest
) -> None:
    writers: Writers = request.getfixturevalue(method)
    calls: list[int] = []

    async def ask() -> list[list[Reading]]:
        reader = Reader(writers, 4096, calls.append)
        try:
            return list(await asyncio.gather(*[reader.read(REQUESTS[i]) for i in order]))
        finally:
            await reader.close()

    alone = {i: writers.read_together([REQUESTS[i]])[0] for i in set(order)}
    together = writers.read_together([REQUESTS[i] for i in order])
    for i, found, served in zip(order, together, asyncio.run(ask()), strict=True):
        expected = alone[i]
        assert isinstance(expected, list)
        assert isinstance(found, list)
        same(found, expected, why=method == "writers")
        same(served, expected, why=method == "writers")
    assert sum(calls) == sum(REQUESTS[i].rows for i in order)
    assert max(calls) <= 32
