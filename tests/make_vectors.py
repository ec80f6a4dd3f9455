"""Writes tests/page/vectors.json: what the package answers, for the page's own adapter to answer alike. Run it with: make vectors

Characters of `tests/ink.json` in many sizes and slants, on two devices; what the shipped bundle's model says of them; states of
writers after so many corrections; and the scores that the default adapter gives, to 32 bits.
"""

from __future__ import annotations

import json
import sys
import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import WriterModel, build
from allograph.adapters.state import State
from allograph.readings import Corrections, Samples
from allograph.recognizer import Recognizer
from allograph.samples.box import Boxes
from allograph.samples.sample import Sample, to_images_and_boxes

FILE = Path(__file__).parent / "page" / "vectors.json"
INK = Path(__file__).parent / "ink.json"
CHARACTERS = json.loads(INK.read_text(encoding="utf-8"))
ODD = [
    {"label": ".", "ink": [[[12.5, 40.0]]]},
    {"label": ".", "ink": [[[3.0, 3.0], [3.0, 3.0], [3.0, 3.0]]]},
    {"label": "-", "ink": [[[0.0, 5.0], [30.0, 5.0]], []]},
    {"label": "|", "ink": [[[7.0, 0.0], [7.0, 0.4], [7.0, 61.0]]]},
]
"""Dots and lines: ink without extent, or with extent along one side."""
STORED = 60
"""Inks that are written to the file; what else a state is learned from is in the state alone."""
OWN = {"f": "ﬁ", "&": "étc", "?": "¿"}
"""Labels of the writer's own, for the shapes that they are taught with."""

recognizer = Recognizer(threads=1)
adapter = build("allograph", recognizer.bundle)


def ink(number: int) -> dict[str, Any]:
    """The ink of this number: a character, written anew; every fifth is of unknown size."""
    if number < len(ODD):
        return ODD[number] | {"unit": "device", "device": "tablet", "baseline": 44.0}
    random = np.random.default_rng(number)
    character = CHARACTERS[number % len(CHARACTERS)]
    in_millimetres = number % 3 == 0
    size = np.exp(0.15 * random.normal()) * (0.06 if in_millimetres else 1.0)
    slant, squeeze = 0.15 * random.normal(), np.exp(0.1 * random.normal())
    turn = np.array([[squeeze, 0.0], [slant, 1.0]]) * size
    strokes = [
        np.round((np.array(stroke[::2] + stroke[-1:]) + random.normal(size=2)) @ turn, 2 if in_millimetres else 1).tolist()
        for stroke in character["ink"]
    ]
    return {
        "label": character["label"],
        "ink": strokes,
        "unit": "millimetres" if in_millimetres else "device",
        "device": "paper" if in_millimetres else "tablet",
        "baseline": None if number % 4 == 0 else round(86.0 * size, 2),
    }


def samples_of(inks: Sequence[dict[str, Any]]) -> tuple[NDArray[np.uint8], Samples]:
    """The images of inks, and what the model says of them, with their boxes."""
    samples = [Sample.from_ink(one["ink"], unit=one["unit"], device=one["device"], baseline=one["baseline"]) for one in inks]
    images, boxes = to_images_and_boxes(samples, recognizer.frame)
    assert boxes is not None
    return images, replace(recognizer.embed(images), boxes=Boxes.of(boxes))


def corrections(numbers: Sequence[int], sized: bool = True, own: bool = False) -> Corrections:
    """Corrections of the inks of these numbers to what they are, or to labels of the writer's own."""
    inks = [ink(number) for number in numbers]
    samples = samples_of(inks)[1]
    labels = [OWN.get(one["label"], one["label"]) if own else one["label"] for one in inks]
    return Corrections(
        samples.embeddings, samples.logits, labels, features=samples.features, boxes=samples.boxes if sized else None
    )


def learn(numbers: Sequence[int], batch: int, sized: bool = True, own: bool = False) -> State:
    """The state after corrections in batches."""
    state = adapter.start()
    for first in range(0, len(numbers), batch):
        state = adapter.learn(state, corrections(numbers[first : first + batch], sized, own))
    return state


def states() -> dict[str, State]:
    """Writers' states, by name."""
    later = np.random.default_rng(1).permutation(np.arange(STORED, 900)).tolist()
    return {
        "nothing": adapter.start(),
        "one without size": learn([20], 1, sized=False),
        "ten, three own labels": learn([4, 15, 43, 45, *later[:6]], 1, own=True),
        "sixty": learn([*range(4, 60, 6), *later[20:70]], 1, own=True),
        "two hundred": learn([*range(5, 60, 3), *later[100:280]], 20),
    }


def scores(state: State, task: dict[str, Any], samples: Samples) -> NDArray[np.float32]:
    """What the adapter answers to a task: samples by their places, with their sizes or not, beside others, of an alphabet."""
    asked = samples.at(np.array(task["samples"]))
    if not task["sized"]:
        asked = replace(asked, boxes=None)
    if task["alphabet"] is not None:
        asked = asked.within(recognizer.alphabet.mask(task["alphabet"]))
    context = samples.at(np.array(task["context"])) if task["context"] else None
    return WriterModel(adapter, state).scores(asked, context).values


def tasks(name: str, place: int) -> list[dict[str, Any]]:
    """What is asked of the state of this name."""
    own = [(7 * place + step) % STORED for step in range(0, 45, 9)]
    few = own[:2]
    return [
        {"state": name, "samples": [0, 1, 2, *own], "sized": True, "alphabet": None, "context": []},
        {"state": name, "samples": own[:3], "sized": False, "alphabet": None, "context": []},
        {"state": name, "samples": few, "sized": True, "alphabet": None, "context": [*range(30 + place, 36 + place)]},
        {"state": name, "samples": few, "sized": True, "alphabet": None, "context": [*range(10, 60)]},
        {"state": name, "samples": few, "sized": True, "alphabet": list("0123456789"), "context": []},
    ]


def lessons() -> list[dict[str, Any]]:
    """Batches that states learn, and what is asked afterwards: places of inks."""
    asked = [3, 21, 33, 47]
    return [
        {"state": "nothing", "batch": [21], "labels": ["o"], "sized": True, "samples": asked},
        {"state": "nothing", "batch": [*range(4, 50)], "labels": None, "sized": False, "samples": asked},
        {"state": "one without size", "batch": [33], "labels": ["x"], "sized": False, "samples": asked},
        {"state": "ten, three own labels", "batch": [50], "labels": ["neu"], "sized": True, "samples": asked},
        {"state": "one without size", "batch": [40, 41], "labels": None, "sized": True, "samples": asked},
        {"state": "sixty", "batch": [52, 0], "labels": None, "sized": True, "samples": asked},
        {"state": "two hundred", "batch": [59], "labels": None, "sized": True, "samples": asked},
        {"state": "two hundred", "batch": [*range(4, 60)], "labels": None, "sized": True, "samples": asked},
    ]


def learned(state: State, lesson: dict[str, Any], labels: Sequence[str], samples: Samples) -> NDArray[np.float32]:
    """The scores after a lesson, of samples with their sizes."""
    batch = samples.at(np.array(lesson["batch"]))
    boxes = batch.boxes if lesson["sized"] else None
    taught = Corrections(batch.embeddings, batch.logits, labels, features=batch.features, boxes=boxes)
    return scores(adapter.learn(state, taught), lesson | {"sized": True, "alphabet": None, "context": []}, samples)


def pack(array: NDArray[Any]) -> str:
    """The bytes of an array, compressed, as base64."""
    return pack_bytes(np.ascontiguousarray(array).tobytes())


def pack_bytes(data: bytes) -> str:
    """Bytes, compressed, as base64."""
    return b64encode(zlib.compress(data, 9)).decode()


def unpack(text: str) -> bytes:
    """The bytes that were packed."""
    return zlib.decompress(b64decode(text))


def vectors() -> dict[str, Any]:
    """All that the file holds."""
    inks = [ink(number) for number in range(STORED)]
    images, samples = samples_of(inks)
    assert samples.boxes is not None
    assert samples.features is not None
    for i, one in enumerate(inks):
        one |= {
            "image": pack(images[i]),
            "size": [None if np.isnan(number) else number for number in samples.boxes.sizes[i].tolist()],
            "scale": int(samples.boxes.scales[i]),
            "logits": pack(samples.logits[i]),
            "features": pack(samples.features[i]),
        }
    known, answered, taught = states(), [], []
    for place, (name, state) in enumerate(known.items()):
        answered += [task | {"values": pack(scores(state, task, samples))} for task in tasks(name, place)]
    for lesson in lessons():
        labels = lesson["labels"] or [inks[i]["label"] for i in lesson["batch"]]
        values = learned(known[lesson["state"]], lesson, labels, samples)
        taught.append(lesson | {"labels": labels, "values": pack(values)})
    blobs = {name: pack_bytes(state.to_bytes(adapter)) for name, state in known.items()}
    return {"inks": inks, "states": blobs, "scores": answered, "learned": taught}


def main() -> None:
    """Write the file, an entry a line."""
    parts = []
    for name, part in vectors().items():
        entries = part.items() if isinstance(part, dict) else ((None, entry) for entry in part)
        lines = [("" if key is None else json.dumps(key, ensure_ascii=False) + ": ") + _compact(entry) for key, entry in entries]
        marks = "{}" if isinstance(part, dict) else "[]"
        parts.append(f'"{name}": {marks[0]}\n' + ",\n".join(lines) + f"\n{marks[1]}")
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
    print(f"{FILE.name}: {FILE.stat().st_size / 1000:.0f} kB", file=sys.stderr)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main()
