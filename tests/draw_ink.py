"""Draws tests/ink.json: characters in a hand of our own, as strokes of x, y points (y down). Run it with: make ink

A character is described by the points that its strokes pass, on a sheet of 100 × 100; a curve is laid through them.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).parent / "ink.json"
DENSITY = 4.0
"""Units between points."""
SHAPES = {
    "0": "50,12 28,22 22,50 28,78 50,88 72,78 78,50 72,22 50,12",
    "1": "36,30 54,12 54,88",
    "2": "26,32 34,16 52,12 70,22 70,40 52,62 26,86 | 26,86 76,86",
    "3": "28,20 48,12 66,20 66,38 48,48 66,56 70,72 52,88 28,80",
    "4": "58,12 24,62 80,62 | 62,40 62,90",
    "5": "68,14 34,14 30,46 | 30,46 52,42 70,56 68,76 48,88 26,80",
    "6": "64,12 40,32 28,62 38,86 60,88 72,70 60,54 40,56 29,70",
    "7": "24,16 76,16 44,90",
    "8": "66,24 48,12 32,24 40,42 62,58 70,74 50,90 30,76 38,58 60,42 66,24",
    "9": "68,30 48,14 30,28 36,48 56,48 68,30 66,60 58,90",
    "a": "70,36 48,28 28,46 28,72 44,86 62,74 71,38 | 71,38 70,70 80,86",
    "b": "30,10 30,88 | 30,62 46,44 66,52 68,74 50,88 31,80",
    "c": "72,32 50,18 28,38 28,66 50,84 74,72",
    "d": "70,54 48,44 30,58 32,80 50,88 68,76 70,56 | 70,10 70,88",
    "e": "28,54 72,50 66,28 46,22 28,40 28,66 46,84 72,74",
    "f": "70,18 56,10 46,24 46,90 | 28,46 66,46",
    "g": "68,24 48,14 30,28 34,48 52,52 67,36 | 69,16 68,70 54,90 30,82",
    "h": "30,10 30,88 | 30,60 48,44 64,52 66,88",
    "i": "50,36 50,88 | 50,14 51,15",
    "j": "56,34 56,76 44,92 28,84 | 56,12 57,13",
    "k": "32,10 32,88 | 66,40 34,64 68,88",
    "l": "44,10 42,60 46,84 58,86",
    "m": "16,36 18,86 | 18,56 32,38 44,48 46,86 | 46,56 60,38 74,48 78,86",
    "n": "28,36 30,86 | 30,58 46,38 62,46 66,86",
    "o": "50,26 30,40 30,68 50,82 70,68 70,40 50,26",
    "p": "32,30 32,96 | 32,40 50,28 68,40 64,60 46,66 32,58",
    "q": "68,34 48,26 32,40 36,58 54,62 67,48 | 68,28 68,94 80,84",
    "r": "34,36 36,86 | 36,56 48,40 66,38",
    "s": "68,24 48,16 32,28 40,46 60,54 68,70 50,86 28,78",
    "t": "48,12 46,72 56,88 70,80 | 28,36 70,36",
    "u": "28,34 28,68 42,86 60,78 68,34 | 68,34 70,86",
    "v": "24,28 48,84 74,28",
    "w": "14,30 30,84 48,40 66,84 84,30",
    "x": "28,30 72,86 | 72,30 28,86",
    "y": "28,28 48,58 | 72,28 50,62 28,96",
    "z": "28,32 70,32 | 70,32 30,84 | 30,84 74,84",
    "A": "50,10 22,88 | 50,10 78,88 | 32,60 68,60",
    "B": "30,12 30,88 | 30,12 58,14 64,30 54,46 30,48 | 30,48 62,50 72,68 60,86 30,88",
    "E": "70,12 30,12 30,88 72,88 | 30,48 62,48",
    "H": "28,12 28,88 | 72,12 72,88 | 28,50 72,50",
    "M": "20,88 24,12 | 24,12 50,62 76,12 | 76,12 80,88",
    "R": "30,12 30,88 | 30,12 58,14 66,30 56,46 30,50 | 44,50 74,88",
    "T": "22,14 78,14 | 50,14 50,88",
    "?": "30,28 40,12 62,14 68,32 52,48 50,66 | 50,86 51,87",
    "+": "50,24 50,78 | 24,50 76,50",
    "&": "74,86 40,40 38,20 54,12 62,26 44,44 28,66 40,86 60,80 74,58",
}
STRAIGHT = set("147AEHMTBRkvwxz+") - set("BR")
"""Characters whose points are joined by straight lines."""


def stroke(points: NDArray[np.float64], straight: bool) -> list[list[float]]:
    """A line or a curve (Catmull and Rom's) through points [k, 2], with a point every few units."""
    drawn = [points[0]]
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        steps = max(int(np.linalg.norm(c - b) / DENSITY), 1)
        for t in np.arange(1, steps + 1) / steps:
            if straight:
                drawn.append(b + t * (c - b))
            else:
                drawn.append(b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))))
    return [[round(float(x), 1), round(float(y), 1)] for x, y in drawn]


def ink() -> list[dict[str, object]]:
    """Each character once: its label and its strokes."""
    return [
        {
            "label": label,
            "ink": [
                stroke(np.array([point.split(",") for point in path.split()], np.float64), label in STRAIGHT)
                for path in paths.split(" | ")
            ],
        }
        for label, paths in SHAPES.items()
    ]


def main() -> None:
    lines = ",\n".join(json.dumps(character) for character in ink())
    FILE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
