"""Reading one sample, adapted, against the bare onnxruntime call, and what learning costs: one thread, float32 input ready."""

from __future__ import annotations

import statistics

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.size_statistics import OFFSET, SizeStatistics
from allograph.bundle import MODEL
from allograph.readings import Corrections
from allograph.recognizer import OUTPUTS, Recognizer, open_session
from allograph.samples.box import Box, Boxes
from allograph.samples.sample import Sample
from allograph.writers.writer import Writer
from outcomes import note
from timing import paired, seconds, show

CORRECTIONS, ROUNDS = 400, 4000
PIXELS = 8.0
"""A millimetre on the device."""


def main() -> None:
    recognizer = Recognizer(threads=1)
    bare = open_session(recognizer.bundle.path / MODEL, threads=1)
    cases = (("paper", False), ("allograph", False), ("allograph", True))
    rows = [measured(method, boxed, recognizer, bare) for method, boxed in cases]
    heads = ("method", "boxes", "read, µs", "bare, µs", "ratio", "learn one, ms", "then read, ms", "learn 400, ms", "state, kB")
    title = (
        f"Reading one sample after {CORRECTIONS} corrections, one thread, medians of {ROUNDS} interleaved rounds "
        "(targets: ratio 1.3; with boxes: learning one 1.2 ms, 400 at once 100 ms; state 100 kB)"
    )
    show(title, heads, rows)


def measured(method: str, boxed: bool, recognizer: Recognizer, bare: object) -> tuple[str, ...]:
    """One method's row, where images come with their boxes or without."""
    styles = recognizer.bundle.styles
    assert styles is not None
    random = np.random.default_rng(0)
    images, labels = styles.medoids / np.float32(255), styles.labels
    taught_places, read_places = np.arange(0, len(images), 2), np.arange(1, len(images), 2)  # what is read was not corrected
    boxes = plausible_boxes(recognizer, labels, random)
    writer = Writer("ana", recognizer, adapter=method)

    def sample(place: int) -> Sample | NDArray[np.float32]:
        return Sample.from_image(images[place], boxes[place]) if boxed else images[place]

    known = random.choice(taught_places, CORRECTIONS).tolist()
    for reading, place in zip(writer.read([sample(i) for i in known]), known, strict=True):
        writer.correct(reading, recognizer.alphabet[labels[place]])
    taught, first = [], []
    for place in random.choice(taught_places, 20).tolist():
        reading, label = writer.read(sample(place)), recognizer.alphabet[labels[place]]
        taught.append(seconds(lambda reading=reading, label=label: (writer.correct(reading, label), writer.state)))  # type: ignore[misc]
        first.append(seconds(lambda place=place: writer.read(sample(place))))  # type: ignore[misc]
    samples = recognizer.embed(images[known])
    names = [recognizer.alphabet[label] for label in labels[known].tolist()]
    known_boxes = Boxes.of([boxes[i] for i in known]) if boxed else None
    batch = Corrections(samples.embeddings, samples.logits, names, features=samples.features, boxes=known_boxes)
    adapter = writer.adapter
    at_once = statistics.median(seconds(lambda: adapter.learn(adapter.start(), batch)) for _ in range(5))
    state = len(adapter.learn(adapter.start(), batch).to_bytes(adapter)) / 1000
    chosen = random.choice(read_places, 64).tolist()
    ready = [sample(i) for i in chosen]
    inputs = [images[i].reshape(1, 1, 28, 28) for i in chosen]
    turn = {"ours": 0, "bare": 0}

    def ours() -> None:
        turn["ours"] += 1
        writer.read(ready[turn["ours"] % 64])

    def peer() -> None:
        turn["bare"] += 1
        bare.run(OUTPUTS, {"images": inputs[turn["bare"] % 64]})  # type: ignore[attr-defined]

    times = paired(ours, peer, ROUNDS, warmup=200)
    note(f"reading one sample by {method}{' with its box' if boxed else ''} / bare onnxruntime", times.ratio, 1.3)
    if boxed:
        note("learning one correction", 1e3 * statistics.median(taught), 1.2, unit="ms")
        note("learning 400 corrections at once", 1e3 * at_once, 100, unit="ms")
        note("what is known of a writer after 400 corrections", state, 100, unit="kB")
    return (
        method,
        "with" if boxed else "without",
        f"{1e6 * times.ours:.0f}",
        f"{1e6 * times.peer:.0f}",
        f"{times.ratio:.2f} ×",
        f"{1e3 * statistics.median(taught):.1f}",
        f"{1e3 * statistics.median(first):.1f}",
        f"{1e3 * at_once:.0f}",
        f"{state:.0f}",
    )


def plausible_boxes(recognizer: Recognizer, labels: NDArray[np.integer], random: np.random.Generator) -> list[Box]:
    """A box for each image: as high as its label is among the training writers, and by as much as a writer's hand varies."""
    sizes = SizeStatistics.of(recognizer.bundle)
    assert sizes is not None
    logs = sizes.means[0, labels] + np.sqrt(sizes.within[0, labels]) * random.normal(size=len(labels))
    heights = PIXELS * np.maximum(np.exp(logs) - OFFSET, 0)
    return [Box(0, 0, height * 0.7, height, device="tablet") for height in heights.tolist()]


if __name__ == "__main__":
    main()
