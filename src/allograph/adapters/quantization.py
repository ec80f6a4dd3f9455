"""Quantization of a writer's samples: vectors in 8 bits a number, and log-probabilities of the likeliest labels alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.tunable_adapter import IMPOSSIBLE, OWN_LABEL_PROBABILITY

Floats = NDArray[np.float32]
LIKELIEST = 8
"""Labels whose log-probability is kept; all others share the rest of the probability equally."""
LARGEST_INT8 = 127
"""The largest number of a packed vector, in its unit."""
SMALLEST_UNIT, LARGEST_UNIT = float(np.finfo(np.float16).tiny), float(np.finfo(np.float16).max)


def pack_vectors(vectors: Floats) -> dict[str, NDArray[Any]]:
    """Vectors [n, r] as int8 `vectors` and float16 `units` [n]: each number to within half of its vector's unit."""
    units = (np.abs(vectors).max(axis=1, initial=0) / LARGEST_INT8).clip(SMALLEST_UNIT, LARGEST_UNIT).astype(np.float16)
    numbers = np.rint(vectors / units.astype(np.float32)[:, None])
    return {"vectors": numbers.clip(-LARGEST_INT8, LARGEST_INT8).astype(np.int8), "units": units}


def unpack_vectors(packed: Mapping[str, NDArray[Any]]) -> Floats:
    """The vectors [n, r]."""
    vectors: Floats = packed["vectors"].astype(np.float32) * packed["units"].astype(np.float32)[:, None]
    return vectors


def pack_logs(logs: Floats) -> dict[str, NDArray[Any]]:
    """Finite log-probabilities [n, C]: places `likeliest` and float16 `logs` [n, k], and float16 `rest` [n] for every other."""
    size = logs.shape[1]
    k = min(LIKELIEST, size)
    order = np.argpartition(logs, size - k, axis=1)
    others, places = order[:, : size - k], order[:, size - k :]
    left = np.exp(np.take_along_axis(logs, others, axis=1)).mean(axis=1) if size > k else np.zeros(len(logs))
    return {
        "likeliest": places.astype(np.min_scalar_type(size - 1)),
        "logs": np.take_along_axis(logs, places, axis=1).astype(np.float16),
        "rest": np.log(np.maximum(left, np.exp(IMPOSSIBLE))).astype(np.float16),
    }


def unpack_logs(packed: Mapping[str, NDArray[Any]], size: int, own: int) -> Floats:
    """Log-probabilities [n, size + own], with the writer's `own` labels at the end."""
    logs = np.repeat(packed["rest"].astype(np.float32)[:, None], size + own, axis=1)
    np.put_along_axis(logs, packed["likeliest"].astype(np.int64), packed["logs"].astype(np.float32), axis=1)
    logs[:, size:] = np.log(OWN_LABEL_PROBABILITY)
    return logs
