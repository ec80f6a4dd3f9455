"""The fingerprint of a method: the same for the same content, in every process; another where anything is another."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from allograph.adapters import OURS, build
from allograph.adapters.fingerprint import fingerprint
from allograph.adapters.paper import PaperAdapter
from allograph.adapters.population import Population
from allograph.alphabet.labels import Alphabet
from allograph.writers.pipeline import Pipeline, shipped_recognizer

ALPHABET = Alphabet("abc")


class Theirs:
    """An adapter of another package, no dataclass."""

    name = "theirs"
    version = 1

    def __init__(self, weights: Any, **settings: Any) -> None:
        self.weights, self.settings = weights, settings

    @cached_property
    def doubled(self) -> Any:
        return 2 * self.weights


class Slotted:
    __slots__ = ("weights",)

    def __init__(self, weights: Any) -> None:
        self.weights = weights


@dataclass(frozen=True)
class Nested:
    inner: Any
    hidden: Any = field(default=None, compare=False, repr=False)


CONTENT: list[Callable[[Any], object]] = [
    Theirs,
    Slotted,
    Nested,
    lambda value: Nested(None, value),
    lambda value: Theirs(1, strength=value),
    lambda value: [value],
    lambda value: ({"a": value}, 3),
    lambda value: Nested(Theirs(Slotted(value))),
    lambda value: partial(Theirs, value),
    lambda value: lambda: value,
    lambda value: {1: [Nested(value)]},
]


@pytest.mark.parametrize("make", CONTENT)
@settings(deadline=None)
@given(first=st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none(), st.binary()), second=st.integers())
def test_same_content_same_fingerprint_other_content_another(make: Callable[[Any], object], first: object, second: int) -> None:
    assert fingerprint(make(first)) == fingerprint(make(first))
    if repr(first) != repr(second):
        assert fingerprint(make(first)) != fingerprint(make(second))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(["f2", "f4", "f8", "i4", "u1", "?"]), st.data())
def test_any_element_of_any_array_counts(seed: int, kind: str, data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    array = np.random.default_rng(seed).integers(0, 2, shape).astype(kind)
    place = tuple(data.draw(st.integers(0, size - 1)) for size in shape)
    other = array.copy()
    other[place] = not other[place]
    for make in CONTENT:
        assert fingerprint(make(array)) == fingerprint(make(array.copy()))
        assert fingerprint(make(array)) == fingerprint(make(np.asfortranarray(array)))
        assert fingerprint(make(array)) != fingerprint(make(other))
        assert fingerprint(make(array)) != fingerprint(make(array.astype("f16" if kind != "f16" else "f8")))
        assert fingerprint(make(array)) != fingerprint(make(array[None]))


def every_adapter(population: Population, styles: NDArray[np.float32]) -> list[Any]:
    places: list[Any] = [method for method in OURS if "population" in {field.name for field in fields(method)}]
    return [
        PaperAdapter(ALPHABET, styles, np.arange(3, dtype=np.int32)),
        *(method(ALPHABET, None, population) for method in places),
    ]


@settings(deadline=None)
@given(st.sampled_from(list(Population.__annotations__)), st.integers(0, 8))
def test_every_statistic_of_our_adapters_counts(name: str, place: int) -> None:
    random = np.random.default_rng(0)
    arrays = {name: random.normal(size=(3, 3)).astype(np.float32) for name in Population.__annotations__}
    changed = {key: array.copy() for key, array in arrays.items()}
    changed[name].flat[place] += 1
    styles = random.normal(size=(3, 3)).astype(np.float32)
    other = styles.copy()
    other.flat[place] += 1
    for one, another in zip(
        every_adapter(Population(**arrays), styles), every_adapter(Population(**changed), other), strict=True
    ):
        assert fingerprint(one) != fingerprint(another)
    for adapter in every_adapter(Population(**arrays), styles):
        for parameter in fields(adapter):
            value = getattr(adapter, parameter.name)
            if isinstance(value, int | float):
                assert fingerprint(replace(adapter, **{parameter.name: value + 1})) != fingerprint(adapter)


def test_what_is_only_kept_to_be_quick_does_not_count() -> None:
    adapter = Theirs(np.ones(3))
    before = fingerprint(adapter)
    assert adapter.doubled.tolist() == [2, 2, 2]
    assert fingerprint(adapter) == before
    ours = build("head", shipped_recognizer().bundle)
    before = fingerprint(ours)
    assert ours._space is not None  # type: ignore[attr-defined]
    assert fingerprint(ours) == before


def test_what_cannot_be_looked_into_is_equal_to_itself_alone() -> None:
    lock = threading.Lock()
    assert fingerprint(Theirs(lock)) == fingerprint(Theirs(lock))
    assert fingerprint(Theirs(lock)) != fingerprint(Theirs(threading.Lock()))
    assert fingerprint(Theirs(i for i in range(3))) != fingerprint(Theirs(i for i in range(3)))


def test_functions_count_by_what_they_do() -> None:
    def times(factor: float) -> Callable[[float], float]:
        return lambda value: value * factor

    assert fingerprint(times(2)) == fingerprint(times(2))
    assert fingerprint(times(2)) != fingerprint(times(3))
    assert fingerprint(lambda x: x + 1) != fingerprint(lambda x: x + 2)
    assert fingerprint(np.exp) != fingerprint(np.log)
    assert fingerprint(Theirs(0).__init__) != fingerprint(Theirs(1).__init__)  # type: ignore[misc]


def test_circles_and_great_depth_end() -> None:
    circle: list[Any] = []
    circle.append(circle)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert fingerprint(circle) != fingerprint([[]])
    assert len(fingerprint(deep)) == 64


def test_classes_of_one_name_differ_by_their_values() -> None:
    def made(strength: float) -> type:
        return type("Made", (), {"strength": strength, "name": "made", "version": 1})

    assert fingerprint(made(1)()) == fingerprint(made(1)())
    assert fingerprint(made(1)()) != fingerprint(made(2)())


PROCESS = """
import numpy as np
from allograph.writers.pipeline import Pipeline
from test_fingerprint import Nested, Theirs
print(Pipeline.of(None, None).fingerprint)
print(Pipeline.of(None, Theirs(np.arange(5), labels={"a", "b", "c"}, inner=Nested({"x": 1.5}))).fingerprint)
"""


@pytest.mark.slow
def test_another_process_finds_the_same() -> None:
    tests = Path(__file__).parent
    path = os.pathsep.join(map(str, (tests, tests.parent / "src")))
    found = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", PROCESS], env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        found.add(done.stdout)
    theirs = Theirs(np.arange(5), labels={"a", "b", "c"}, inner=Nested({"x": 1.5}))
    here = [Pipeline.of(None, adapter).fingerprint for adapter in (None, theirs)]  # type: ignore[arg-type]
    assert found == {"\n".join(here) + "\n"}


def test_an_adapter_may_answer_for_itself() -> None:
    one, other = Theirs(threading.Lock()), Theirs(threading.Lock())
    assert Pipeline.of(None, one).fingerprint != Pipeline.of(None, other).fingerprint  # type: ignore[arg-type]
    one.fingerprint = other.fingerprint = "release 7"  # type: ignore[attr-defined]
    assert Pipeline.of(None, one).fingerprint == Pipeline.of(None, other).fingerprint  # type: ignore[arg-type]
    other.fingerprint = "release 8"  # type: ignore[attr-defined]
    assert Pipeline.of(None, one).fingerprint != Pipeline.of(None, other).fingerprint  # type: ignore[arg-type]
