"""Lines of our own ink: characters side by side, and an archive of them, from which a corpus is prepared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from allograph.corpora import LineCorpus, prepare_lines
from handwriting import our_ink, varied

INK = our_ink()
WIDE, SPACE = 72.0, 60.0
"""From a character to the next, and more where a space is between."""


def line_strokes(text: str, seed: int = 0) -> tuple[list[NDArray[np.float64]], list[int]]:
    """The strokes of a text, and the character of each, written another time for each seed."""
    strokes, characters, left, count = [], [], 0.0, 0
    for label in text:
        if label == " ":
            left += SPACE
            continue
        for stroke in varied(INK[label], 100 * seed + count):
            strokes.append(stroke + np.array([left, 0.0]))
            characters.append(count)
        left, count = left + WIDE, count + 1
    return strokes, characters


def line_corpus(
    folder: Path, texts: Sequence[tuple[str, str]], split: str = "application", shown: Sequence[str] | None = None
) -> LineCorpus:
    """A corpus of lines (writer, text), in millimetres; `shown` are other texts that the ink shows, as long as these."""
    lines = [line_strokes(text, place) for place, text in enumerate(shown or [text for _, text in texts])]
    strokes = [stroke for line, _ in lines for stroke in line]
    np.savez(
        folder / "lines.npz",
        points=np.concatenate(strokes) / 12,
        stroke_start=np.cumsum([0, *map(len, strokes)]),
        line_start=np.cumsum([0, *(len(line) for line, _ in lines)]),
        texts=np.array([text for _, text in texts]),
        writers=np.array([writer for writer, _ in texts]),
        stroke_character=np.array([one for _, characters in lines for one in characters]),
        splits=np.full(len(texts), split),
        millimetres=np.full(len(texts), True),
    )
    return prepare_lines(folder / "lines.npz", folder / "lines.parquet")
