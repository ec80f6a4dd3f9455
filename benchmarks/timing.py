"""Fair timing: two things in turn, the median of each, and the ratio pair by pair."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Paired(NamedTuple):
    """Medians over rounds."""

    ours: float
    """Seconds."""
    peer: float
    """Seconds."""
    ratio: float
    """Ours over the peer's, the median of the rounds' ratios."""


def paired(ours: Callable[[], object], peer: Callable[[], object], rounds: int, warmup: int = 1) -> Paired:
    """Run both in turn and compare each pair of neighbours, so that a machine whose speed drifts harms neither."""
    for _ in range(warmup):
        ours(), peer()
    times = []
    for turn in range(rounds):
        first, second = (ours, peer) if turn % 2 else (peer, ours)
        one, other = seconds(first), seconds(second)
        times.append((one, other) if turn % 2 else (other, one))
    return Paired(
        statistics.median(a for a, _ in times), statistics.median(b for _, b in times), statistics.median(a / b for a, b in times)
    )


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    print(f"\n{title}")
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
