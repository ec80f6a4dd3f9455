"""What the page's own adapter is compared with is what the package answers today."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import make_vectors
from allograph.adapters.state import State
from allograph.images.rasterizer import rasterize
from allograph.ink import ink_path
from allograph.readings import Samples, log_softmax
from conftest import lacking

VECTORS = json.loads(make_vectors.FILE.read_text(encoding="utf-8"))
MODULES = Path(__file__).parent.parent / "src" / "allograph" / "page" / "js" / "allograph"
LEAST = np.log(1e-4)


def numbers(text: str, kind: type = np.float32) -> NDArray[Any]:
    """What `make_vectors.pack` packed."""
    return np.frombuffer(make_vectors.unpack(text), kind)


@pytest.fixture(scope="module")
def samples() -> Samples:
    """The samples of the file, as the model said of them when it was written."""
    inks = VECTORS["inks"]
    logits, features = (np.stack([numbers(one[name]) for one in inks]) for name in ("logits", "features"))
    _, now = make_vectors.samples_of(inks)
    return Samples(now.embeddings, logits, features, now.boxes)


def difference(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """How far log-probabilities lie apart, at most, where one of two gives a label more than 1e-4."""
    one, other = log_softmax(ours), log_softmax(theirs)
    likely = np.maximum(one, other) > LEAST
    return float(np.abs(one[likely] - other[likely]).max())


def state_of(name: str) -> State:
    """A state of the file."""
    return State.from_bytes(make_vectors.unpack(VECTORS["states"][name]), make_vectors.adapter)


def test_the_file_holds_what_its_command_writes_and_is_small() -> None:
    inks = [make_vectors.ink(number) for number in range(make_vectors.STORED)]
    assert [{key: one[key] for key in inks[0]} for one in VECTORS["inks"]] == json.loads(json.dumps(inks))
    tasks = [task for place, name in enumerate(VECTORS["states"]) for task in make_vectors.tasks(name, place)]
    assert [{key: task[key] for key in tasks[0]} for task in VECTORS["scores"]] == tasks
    assert make_vectors.FILE.stat().st_size < 400_000


def test_images_sizes_and_outputs_are_those_of_today() -> None:
    images, now = make_vectors.samples_of(VECTORS["inks"])
    assert now.boxes is not None
    assert now.features is not None
    for i, one in enumerate(VECTORS["inks"]):
        assert (numbers(one["image"], np.uint8) == images[i].ravel()).all()
        size = np.array([np.nan if number is None else number for number in one["size"]], np.float32)
        np.testing.assert_array_equal(size, now.boxes.sizes[i])
        assert one["scale"] == now.boxes.scales[i]
        np.testing.assert_allclose(numbers(one["logits"]), now.logits[i], atol=1e-3)
        np.testing.assert_allclose(numbers(one["features"]), now.features[i], atol=1e-3)


def test_scores_are_those_of_today(samples: Samples) -> None:
    for task in VECTORS["scores"]:
        now = make_vectors.scores(state_of(task["state"]), task, samples)
        assert difference(numbers(task["values"]).reshape(now.shape), now) < 1e-4, task["state"]


def test_lessons_teach_what_they_teach_today(samples: Samples) -> None:
    for lesson in VECTORS["learned"]:
        now = make_vectors.learned(state_of(lesson["state"]), lesson, lesson["labels"], samples)
        assert difference(numbers(lesson["values"]).reshape(now.shape), now) < 2e-3, lesson["state"]


def test_states_are_those_of_today(samples: Samples) -> None:
    now, asked = make_vectors.states(), {"samples": [3, 21, 33, 47], "sized": True, "alphabet": None, "context": []}
    assert list(now) == list(VECTORS["states"])
    for name, state in now.items():
        known = state_of(name)
        assert (known.labels, list(known.arrays)) == (state.labels, sorted(state.arrays, key=list(known.arrays).index))
        assert (known.arrays["labels"] == state.arrays["labels"]).all()
        values = [make_vectors.scores(one, asked, samples) for one in (known, state)]
        assert difference(*values) < 5e-3, name


@pytest.mark.slow
def test_ink_of_application_writers_gives_the_same_images_and_labels_in_node(shared: Path) -> None:
    node = shutil.which("node")
    if node is None:
        lacking("node", "there is no node on this machine (on Debian: apt-get install nodejs)")
        return
    with np.load(shared / "data" / "unipen.npz") as data:
        points, lifts, starts, writers = (data[name] for name in ("points", "pen_lift", "point_start", "writers"))
    with (shared / "data" / "unipen_split.csv").open(encoding="utf-8") as lines:
        application = [row["writer"] for row in csv.DictReader(lines) if row["split"] == "application"]
    rows = np.random.default_rng(0).choice(np.flatnonzero(np.isin(writers, application)), 1000, replace=False)
    inks = []
    for row in rows.tolist():
        here = slice(starts[row], starts[row + 1])
        inks.append([path.tolist() for path in np.split(points[here].astype(float), np.flatnonzero(lifts[here])[1:])])
    script = f"""
        import {{ rasterize }} from "{(MODULES / "rasterizer.js").as_uri()}";
        let text = "";
        for await (const part of process.stdin) text += part;
        for (const ink of JSON.parse(text)) process.stdout.write(rasterize(ink));
    """
    command = [node, "--input-type=module", "-e", script]
    done = subprocess.run(command, input=json.dumps(inks).encode(), capture_output=True, check=True, timeout=120)
    theirs = np.frombuffer(done.stdout, np.uint8).reshape(-1, 28, 28)
    ours = np.concatenate([rasterize([ink_path(ink)]) for ink in inks])
    assert np.abs(ours.astype(int) - theirs).max() <= 2
    labels = [make_vectors.recognizer.embed(images).logits.argmax(axis=1) for images in (ours, theirs)]
    assert np.count_nonzero(labels[0] != labels[1]) <= 1
