"""Products in one thread: they are what NumPy's are, and no thread of the BLAS wakes for them, whatever its settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from allograph.adapters.linear_algebra import inverse, product

sizes = st.integers(0, 400)


@settings(max_examples=60, deadline=None)
@given(sizes, sizes, sizes, st.booleans(), st.booleans(), st.sampled_from([np.float32, np.float64]))
def test_a_product_is_numpys(m: int, k: int, n: int, turn: bool, turn_other: bool, kind: type) -> None:
    random = np.random.default_rng(m + 7 * k + 13 * n)
    one: NDArray[Any] = random.normal(size=(k, m)).astype(kind).T if turn else random.normal(size=(m, k)).astype(kind)
    other: NDArray[Any] = random.normal(size=(n, k)).astype(kind).T if turn_other else random.normal(size=(k, n)).astype(kind)
    found = product(one, other)
    assert found.dtype == kind
    np.testing.assert_allclose(found, one @ other, atol=1e-3 if kind is np.float32 else 1e-9)


@pytest.mark.parametrize("shape", [(1, 5000, 1), (1, 300, 3000), (3000, 300, 1), (2, 9000, 2), (700, 3, 700)])
def test_long_and_narrow_ones_too(shape: tuple[int, int, int]) -> None:
    m, k, n = shape
    one, other = np.ones((m, k), np.float32), np.ones((k, n), np.float32)
    assert (product(one, other) == k).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 300), st.integers(0, 10**6))
def test_an_inverse_is_one(size: int, seed: int) -> None:
    spread = np.random.default_rng(seed).normal(size=(size, size))
    matrix = spread.T @ spread / 2 + np.eye(size)
    np.testing.assert_allclose(inverse(matrix) @ matrix, np.eye(size), atol=1e-8)


WATCH = """
import os, threading, time
import numpy as np
from allograph.adapters.allograph import Allograph
from allograph.adapters import OURS, replay
from allograph.adapters.population import Population
from allograph.alphabet.labels import Alphabet
from allograph.readings import Corrections, Samples

def woken():
    own = threading.get_native_id()
    others = [name for name in os.listdir("/proc/self/task") if int(name) != own]
    return sum(int(open(f"/proc/self/task/{name}/schedstat").read().split()[2]) for name in others), len(others)

random = np.random.default_rng(0)
alphabet = Alphabet([chr(0x21 + i) for i in range(94)])
samples = Samples(random.normal(size=(500, 256)).astype(np.float32), random.normal(size=(500, 94)).astype(np.float32))
true = random.integers(0, 94, 500).astype(np.int32)
statistics = Population.estimate(samples, true, np.repeat(["v", "w"], 250))
batch = Corrections(samples.embeddings, samples.logits, [alphabet[i] for i in true.tolist()])
for method in OURS:
    wanted = {"population": statistics} if "population" in method.__dataclass_fields__ else {}
    adapter = method(alphabet, None, **wanted)
    state = adapter.learn(adapter.start(), batch.take(range(20)))
    adapter.scores(state, samples.at(slice(0, 1)))  # what is computed once for all writers
    time.sleep(0.3)  # threads that were used wait a while for more
    before, threads = woken()
    state = adapter.learn(state, batch)
    state = adapter.learn(state, batch.take([3]))
    adapter.scores(state, samples.at(slice(0, 1)))
    adapter.scores(state, samples.at(slice(0, 64)))
    adapter.explain(state, samples.at(slice(0, 1)))
    assert woken()[0] == before, f"{method.name}: threads of the BLAS worked"
print(threads)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="there is no /proc that tells of threads")
def test_no_thread_of_the_blas_wakes_for_any_adapter() -> None:
    settings = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    source = str(Path(__file__).parent.parent / "src")
    environment = {**settings, "OPENBLAS_NUM_THREADS": "4", "PYTHONPATH": source}
    done = subprocess.run([sys.executable, "-c", WATCH], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
