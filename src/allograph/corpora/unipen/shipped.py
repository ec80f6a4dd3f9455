"""The shipped bundle's samples in the public release: which segments they are, by whom, and in which split.

`shipped.npz` beside this file was made by tests/make_unipen_table.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from allograph.split import SPLITS, Split

DIGEST = 5
"""Bytes of a digest that the table keeps: no two samples have the same, and any other segment of the release hardly ever one."""


@dataclass(frozen=True, eq=False)
class Table:
    """Which segments are samples."""

    writers: tuple[str, ...]
    """The names, which are numbers behind the contributor: `aga-000`."""
    splits: tuple[Split, ...]
    """One for each writer."""
    digests: NDArray[np.uint64]
    """[n] of the samples, those of one writer after one another, ascending."""
    counts: NDArray[np.int64]
    """How many each writer has."""

    def writer_of(self) -> dict[int, str]:
        """The writer of a sample, by its digest."""
        return dict(zip(self.digests.tolist(), np.repeat(self.writers, self.counts).tolist(), strict=True))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """As they are stored: of the digests the steps from one to the next, a row for each of their bytes."""
        starts = np.cumsum(self.counts) - self.counts
        steps = np.diff(self.digests, prepend=np.uint64(0))
        steps[starts] = self.digests[starts]
        return {
            "writers": np.array(self.writers),
            "splits": np.array([SPLITS.index(split) for split in self.splits], np.uint8),
            "counts": self.counts.astype(np.uint16),
            "steps": steps.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - DIGEST :].T.copy(),
        }

    @classmethod
    def of(cls, arrays: dict[str, NDArray[np.generic]]) -> Table:
        """The table of what `arrays` gives."""
        counts = arrays["counts"].astype(np.int64)
        whole = np.zeros((int(counts.sum()), 8), np.uint8)
        whole[:, 8 - DIGEST :] = arrays["steps"].T
        steps = whole.view(">u8").ravel().astype(np.uint64)
        ends = np.cumsum(counts)
        digests = np.concatenate([np.cumsum(part, dtype=np.uint64) for part in np.split(steps, ends[:-1])])
        splits = tuple(SPLITS[int(place)] for place in arrays["splits"].astype(int))
        return cls(tuple(arrays["writers"].astype(str).tolist()), splits, digests, counts)


@cache
def shipped_table() -> Table:
    """The table that comes with the package."""
    with files(__package__).joinpath("shipped.npz").open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return Table.of({name: archive[name] for name in archive.files})


def digest(path: str, delineation: str, label: str) -> int:
    """What tells a segment of the release: its file from `data` on, its delineation as written, its label as meant."""
    return int.from_bytes(sha256(f"{path} {delineation} {label}".encode("latin-1", "replace")).digest()[:DIGEST], "big")


def make_table(digests: Iterable[int], writers: Iterable[str], splits: dict[str, Split]) -> Table:
    """The table of samples by their digests of 8 bytes, 0 where one is not known; raises `ValueError` where two are the same."""
    kept: dict[str, list[int]] = {}
    for number, writer in zip(digests, writers, strict=True):
        if number:
            kept.setdefault(writer, []).append(number >> 8 * (8 - DIGEST))
    names = tuple(sorted(kept))
    table = Table(
        names,
        tuple(splits[name] for name in names),
        np.array([number for name in names for number in sorted(kept[name])], np.uint64),
        np.array([len(kept[name]) for name in names]),
    )
    if len(table.writer_of()) != len(table.digests):
        raise ValueError("two samples have the same digest; keep more of its bytes")
    return table
