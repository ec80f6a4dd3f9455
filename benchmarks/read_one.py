"""Reading one sample, adapted, against the bare onnxruntime call: one thread each, float32 input ready."""

from __future__ import annotations

import numpy as np

from allograph.bundle import MODEL
from allograph.recognizer import OUTPUTS, Recognizer, open_session
from allograph.writer import Writer
from timing import paired, show

CORRECTIONS, ROUNDS = 400, 4000


def main() -> None:
    recognizer = Recognizer(threads=1)
    styles = recognizer.bundle.styles
    assert styles is not None
    random = np.random.default_rng(0)
    images, labels = styles.medoids / np.float32(255), styles.labels
    writer = Writer("ana", recognizer, adapter="paper")
    for i in random.integers(0, len(images), CORRECTIONS).tolist():
        writer.correct(writer.read(images[i]), recognizer.alphabet[labels[i]])

    bare = open_session(recognizer.bundle.path / MODEL, threads=1)
    chosen = [images[i] for i in random.integers(0, len(images), 64).tolist()]
    inputs = [image.reshape(1, 1, 28, 28) for image in chosen]
    turn = {"ours": 0, "bare": 0}

    def ours() -> None:
        turn["ours"] += 1
        writer.read(chosen[turn["ours"] % 64])

    def peer() -> None:
        turn["bare"] += 1
        bare.run(OUTPUTS, {"images": inputs[turn["bare"] % 64]})

    times = paired(ours, peer, ROUNDS, warmup=200)
    show(
        f"Reading one sample after {CORRECTIONS} corrections, one thread, median of {ROUNDS} interleaved rounds",
        ("what", "microseconds", "ratio"),
        [
            ("writer.read", f"{1e6 * times.ours:.0f}", f"{times.ratio:.2f} × (target 1.2)"),
            ("bare onnxruntime call", f"{1e6 * times.peer:.0f}", "1"),
        ],
    )


if __name__ == "__main__":
    main()
