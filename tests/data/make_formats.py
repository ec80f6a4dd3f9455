"""Make formats/N, one file of every kind that release N of the formats writes: `python tests/data/make_formats.py`.

Run it once, when a format changes, into a folder of the new number; what is there stays, and a test opens all of them for ever.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from allograph import Box, Recognizer, Sample, Writers, open_store
from allograph.profiles import changes
from allograph.profiles.backup import back_up
from allograph.profiles.journal import Entry, Key
from small import noise_corpus, some_styles, tiny_bundle

NEWEST = 3
CORPUS_BOXES = {
    "box": np.array([[i, 2, i + 3, 9] for i in range(9)] + [[np.nan] * 4], np.float32),
    "millimetres": np.array([True] * 5 + [False] * 5),
}
"""Of the ten samples of the corpus; the last has none."""


def main() -> None:
    """Write a corpus of noise, the tiny model's bundle, and a writer who taught it ten digits, took two back, wrote a line."""
    folder = Path(__file__).parent / "formats" / str(NEWEST)
    folder.mkdir(parents=True)
    noise_corpus(folder / "corpus.parquet", list("0123456789"), ["ana"] * 5 + ["ben"] * 5, split="all", **CORPUS_BOXES)
    (folder / "corpus.npz").unlink()
    recognizer = Recognizer(tiny_bundle(folder / "bundle", some_styles(1)), threads=1)
    images = np.random.default_rng(0).integers(1, 256, (10, 28, 28), dtype=np.uint8)
    with contextlib.closing(open_store(folder / "writers.db")) as store, Writers(store, recognizer) as writers:
        ana = writers["ana"]
        for i, image in enumerate(images):
            sample = Sample.from_image(image, None if i == 9 else Box(i, 2.5, i + 3, 9.25, "millimetres", "tablet", 8.0))
            ana.correct(ana.read(sample, ids=[f"reading-{i}"]), str(i))
        ana.undo("reading-3")
        ana.undo("reading-4")
        assert len(ana.corrections) == 8
        readings, model = ana.read(list(images[3:5])), recognizer.bundle.model_hash
        line = [
            Entry(
                "",
                str(3 + i),
                False,
                0.0,
                one.base,
                one.personal,
                None,
                one.outputs,
                one.image,
                model,
                "",
                box=Box(9 * i, 1, 9, 4),
            )
            for i, one in enumerate(readings)
        ]
        changes.record_line(store, Key("default", "ana"), "line-7cZ0_o1bYzE", line, ["34", "3", "4"], model)
        changes.forget_words(store, Key("default", "ana"), ["3"])
        (folder / "ana.allograph").write_bytes(writers.export("ana"))
    back_up(str(folder / "writers.db"), folder / "writers.backup")


if __name__ == "__main__":
    main()
