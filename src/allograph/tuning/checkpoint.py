"""The checkpoint of a tuning: every candidate measured so far, in a file beside the bundle until the tuning is done."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from allograph.errors import FormatError
from allograph.files.json_files import read_json, write_json

HARM = 0.25
"""The weight of the share of writers harmed against the share of errors cut in `Candidate.merit`: one more writer in a hundred
harmed outweighs a quarter of a point of error cut. A higher weight would choose parameters that hardly adapt."""

Parameters = Mapping[str, float]
"""A value of each parameter that is tried."""


@dataclass(frozen=True)
class Candidate:
    """Parameters of one adapter and what they reach on the validation writers: a figure for each of `tuning.PROTOCOLS`."""

    parameters: Parameters
    error_cuts: tuple[float, ...]
    """The share of the base's errors that is removed."""
    harmed: tuple[float, ...]
    """The share of the writers for whom fewer answers are right than the base's."""
    calibration_errors: tuple[float, ...]
    """The expected calibration error (`measures.quality`)."""

    @property
    def merit(self) -> float:
        """What tuning maximises: errors cut, less the calibration error, less `HARM` times the writers harmed, summed."""
        return sum(self.error_cuts) - sum(self.calibration_errors) - HARM * sum(self.harmed)


class Checkpoint:
    """Every candidate that was measured, by method; `add` returns when they are on disk."""

    def __init__(self, path: Path, matter: Mapping[str, Any]) -> None:
        """Read the file at `path` where it is of the same `matter` (JSON values: all that changes a figure), or begin anew."""
        self.path = path
        self.stale: str | None = None
        """Why the file is not used; None where it is, or where there is none."""
        self._matter = matter
        self._candidates: dict[str, list[Candidate]] = {}
        if path.exists():
            try:
                self._candidates, self.stale = self._read()
            except (FormatError, TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError):
                self.stale = "it cannot be read"

    def __len__(self) -> int:
        return sum(map(len, self._candidates.values()))

    def get(self, method: str, parameters: Parameters) -> Candidate | None:
        """The candidate with these parameters, or None where they were not measured."""
        return next((one for one in self._candidates.get(method, ()) if dict(one.parameters) == dict(parameters)), None)

    def add(self, method: str, candidates: Sequence[Candidate]) -> None:
        """Add candidates and write the file."""
        self._candidates.setdefault(method, []).extend(candidates)
        self._save()

    def remove(self, methods: Iterable[str]) -> None:
        """Remove the candidates of these methods, and the file with the last of them."""
        for method in methods:
            self._candidates.pop(method, None)
        if self._candidates:
            self._save()
        else:
            self.path.unlink(missing_ok=True)

    def _save(self) -> None:
        judged = {method: [asdict(one) for one in candidates] for method, candidates in self._candidates.items()}
        write_json(self.path, {"of": self._matter, "judged": judged})

    def _read(self) -> tuple[dict[str, list[Candidate]], str | None]:
        record = read_json(self.path)
        other = [key for key, value in self._matter.items() if record["of"].get(key) != value]
        if other:
            return {}, f"it is of other {' and '.join(other)}"
        return {method: [_candidate(one) for one in candidates] for method, candidates in record["judged"].items()}, None


def _candidate(record: Mapping[str, Any]) -> Candidate:
    """The inverse of `asdict`; raises one of many errors where the record is something else."""
    figures = [tuple(map(float, record[key])) for key in ("error_cuts", "harmed", "calibration_errors")]
    parameters = dict(record["parameters"])
    if not all(map(math.isfinite, (*parameters.values(), *(value for part in figures for value in part)))):
        raise ValueError("a number is not finite")
    return Candidate(parameters, *figures)
