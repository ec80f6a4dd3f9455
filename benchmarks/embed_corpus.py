"""Embedding a corpus, against bare onnxruntime at its best batch size on the same images in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from allograph.bundle import MODEL, Bundle
from allograph.corpora.corpus import Corpus
from allograph.corpora.npz.source import NpzSource
from allograph.corpora.preparation import prepare
from allograph.embedding import embed
from allograph.images.frames import model_input
from allograph.recognizer import OUTPUTS, Recognizer, open_session
from timing import paired, seconds, show

SAMPLES, ROUNDS = 20_000, 5


def main() -> None:
    bundle = Bundle.open()
    assert bundle.styles is not None
    random = np.random.default_rng(0)
    chosen = random.integers(0, len(bundle.styles), SAMPLES)
    images = bundle.styles.medoids[chosen]
    bare, inputs = open_session(bundle.path / MODEL), model_input(images)

    def run(batch: int) -> None:
        for start in range(0, SAMPLES, batch):
            bare.run(OUTPUTS, {"images": inputs[start : start + batch]})

    batches = (32, 64, 128, 256, 512, 1024)
    run(256)
    speeds = {batch: min(seconds(lambda batch=batch: run(batch)) for _ in range(2)) for batch in batches}  # type: ignore[misc]
    best = min(speeds, key=speeds.__getitem__)
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "samples.npz"
        labels = np.array([bundle.alphabet[i] for i in bundle.styles.labels[chosen].tolist()])
        np.savez(archive, images=images, labels=labels, writers=random.integers(0, 50, SAMPLES).astype(str))
        prepare(NpzSource(archive), Path(folder) / "corpus.parquet", "all", jobs=1)
        corpus, recognizer = Corpus.open(Path(folder) / "corpus.parquet"), Recognizer(bundle)
        times = paired(lambda: embed(corpus, recognizer, Path(folder) / "embedded.parquet"), lambda: run(best), ROUNDS)
    show(
        f"Embedding {SAMPLES:,} samples, from Parquet to Parquet, all cores, median of {ROUNDS} interleaved rounds",
        ("what", "samples a second", "time, ratio"),
        [
            ("allograph embed", f"{SAMPLES / times.ours:,.0f}", f"{times.ratio:.2f} × (target 1.15)"),
            (f"bare onnxruntime, batch {best}", f"{SAMPLES / times.peer:,.0f}", "1"),
            *((f"  batch {batch}", f"{SAMPLES / took:,.0f}", "") for batch, took in speeds.items()),
        ],
    )


if __name__ == "__main__":
    main()
