"""Reading one sample, adapted, against the bare onnxruntime call, and what learning costs: one thread, float32 input ready."""

from __future__ import annotations

import statistics

import numpy as np

from allograph.bundle import MODEL
from allograph.readings import Corrections
from allograph.recognizer import OUTPUTS, Recognizer, open_session
from allograph.writers.writer import Writer
from timing import paired, seconds, show

CORRECTIONS, ROUNDS = 400, 4000


def main() -> None:
    recognizer = Recognizer(threads=1)
    bare = open_session(recognizer.bundle.path / MODEL, threads=1)
    rows = [measured(method, recognizer, bare) for method in ("paper", "allograph")]
    heads = ("method", "read, µs", "bare, µs", "ratio", "learn one, ms", "then read, ms", "learn 400, ms", "state, kB")
    title = (
        f"Reading one sample after {CORRECTIONS} corrections, one thread, medians of {ROUNDS} interleaved rounds "
        "(targets: ratio 1.2 and 1.4; learning one 2 ms, 400 at once 100 ms; state 100 kB)"
    )
    show(title, heads, rows)


def measured(method: str, recognizer: Recognizer, bare: object) -> tuple[str, ...]:
    """One method's row."""
    styles = recognizer.bundle.styles
    assert styles is not None
    random = np.random.default_rng(0)
    images, labels = styles.medoids / np.float32(255), styles.labels
    writer = Writer("ana", recognizer, adapter=method)

    known = random.integers(0, len(images), CORRECTIONS).tolist()
    for reading, place in zip(writer.read([images[i] for i in known]), known, strict=True):
        writer.correct(reading, recognizer.alphabet[labels[place]])
    taught, first = [], []
    for place in random.integers(0, len(images), 20).tolist():
        reading, label = writer.read(images[place]), recognizer.alphabet[labels[place]]
        taught.append(seconds(lambda reading=reading, label=label: (writer.correct(reading, label), writer.state)))  # type: ignore[misc]
        first.append(seconds(lambda place=place: writer.read(images[place])))  # type: ignore[misc]
    samples = recognizer.embed(images[known])
    names = [recognizer.alphabet[label] for label in labels[known].tolist()]
    batch = Corrections(samples.embeddings, samples.logits, names, features=samples.features)
    adapter = writer.adapter
    at_once = statistics.median(seconds(lambda: adapter.learn(adapter.start(), batch)) for _ in range(5))
    state = len(adapter.learn(adapter.start(), batch).to_bytes(adapter)) / 1000
    chosen = [images[i] for i in random.integers(0, len(images), 64).tolist()]
    inputs = [image.reshape(1, 1, 28, 28) for image in chosen]
    turn = {"ours": 0, "bare": 0}

    def ours() -> None:
        turn["ours"] += 1
        writer.read(chosen[turn["ours"] % 64])

    def peer() -> None:
        turn["bare"] += 1
        bare.run(OUTPUTS, {"images": inputs[turn["bare"] % 64]})  # type: ignore[attr-defined]

    times = paired(ours, peer, ROUNDS, warmup=200)
    return (
        method,
        f"{1e6 * times.ours:.0f}",
        f"{1e6 * times.peer:.0f}",
        f"{times.ratio:.2f} ×",
        f"{1e3 * statistics.median(taught):.1f}",
        f"{1e3 * statistics.median(first):.1f}",
        f"{1e3 * at_once:.0f}",
        f"{state:.0f}",
    )


if __name__ == "__main__":
    main()
