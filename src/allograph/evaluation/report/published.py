"""What the paper prints in its tables 1 to 3, and kNN-Per's in the table of its experiments."""

from __future__ import annotations

from typing import Any

PAPER: dict[str, dict[str, dict[str, Any]]] = {
    "nist": {
        "corpus": {"writers": 3596, "images": 814_255, "labels": 62, "a writer": 226.43, "a writer and label": 3.65},
        "split": {"train": (3057, 659_541), "validation": (339, 73_209), "application": (200, 81_505)},
        "method": {
            "writers": 200, "samples": 81_685, "accuracy": 0.8960, "gain": 0.0236, "largest": 0.0418, "base": 0.8724,
            "better": 167, "equal": 9, "worse": 24,
        },
    },
    "deepwriting": {
        "corpus": {"writers": 294, "images": 406_956, "labels": 70, "a writer": 1384.20, "a writer and label": 19.77},
        "split": {"train": (242, 298_313), "validation": (27, 33_484), "application": (25, 37_658)},
        "method": {
            "writers": 25, "samples": 37_672, "accuracy": 0.8477, "gain": 0.0272, "largest": 0.0433, "base": 0.8205,
            "better": 24, "equal": 0, "worse": 1,
        },
    },
}  # fmt: skip
"""Its figures, by the source of the corpus."""

KNN_PER: dict[str, Any] = {"base": 0.834, "accuracy": 0.882, "gain": 0.048}
"""What kNN-Per's authors print for FEMNIST: FedAvg, and kNN-Per on top of it, all test samples counting alike."""
