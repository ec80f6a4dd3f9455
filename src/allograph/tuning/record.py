"""What a tuning has judged so far, kept beside the bundle until all of it is done."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from allograph.errors import FormatError
from allograph.files.json_files import read_json, write_json

HARM = 0.25
"""What one writer in a hundred who is harmed costs, in errors in a hundred cut; at a higher price the timid win."""

Parameters = Mapping[str, float]
"""A value of each parameter that is tried."""


@dataclass(frozen=True)
class Tuned:
    """Parameters of one adapter, and what they reach on the writers who choose, each for one of `tuning.PROTOCOLS`."""

    parameters: Parameters
    error_cuts: tuple[float, ...]
    harmed: tuple[float, ...]
    """The share of these writers who are read worse than by the base."""
    calibration_errors: tuple[float, ...]
    """How far probabilities are from the shares that were right."""

    @property
    def merit(self) -> float:
        """What is made as large as may be: errors cut, less the calibration error, less a little for writers harmed."""
        return sum(self.error_cuts) - sum(self.calibration_errors) - HARM * sum(self.harmed)


class Judged:
    """Every choice of parameters that was judged, method by method; each `keep` is on disk when it returns."""

    def __init__(self, path: Path, matter: Mapping[str, Any]) -> None:
        """Take up what an earlier run left at `path`, where it was about the same `matter` (JSON values), or begin anew."""
        self.path = path
        self.stale: str | None = None
        """Why what was found there is of no use; None where it is, or where nothing was."""
        self._matter = matter
        self._found: dict[str, list[Tuned]] = {}
        if path.exists():
            try:
                self._found, self.stale = self._read()
            except (FormatError, TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError):
                self.stale = "it cannot be read"

    def __len__(self) -> int:
        return sum(map(len, self._found.values()))

    def find(self, method: str, parameters: Parameters) -> Tuned | None:
        """What these parameters reach, if they were judged."""
        return next((found for found in self._found.get(method, ()) if dict(found.parameters) == dict(parameters)), None)

    def keep(self, method: str, found: Sequence[Tuned]) -> None:
        """Note what was found."""
        self._found.setdefault(method, []).extend(found)
        self._save()

    def forget(self, methods: Iterable[str]) -> None:
        """Drop what was kept of these methods, and the file with the last of them."""
        for method in methods:
            self._found.pop(method, None)
        if self._found:
            self._save()
        else:
            self.path.unlink(missing_ok=True)

    def _save(self) -> None:
        judged = {method: [asdict(one) for one in found] for method, found in self._found.items()}
        write_json(self.path, {"of": self._matter, "judged": judged})

    def _read(self) -> tuple[dict[str, list[Tuned]], str | None]:
        record = read_json(self.path)
        other = [key for key, value in self._matter.items() if record["of"].get(key) != value]
        if other:
            return {}, f"it is of other {' and '.join(other)}"
        return {method: [_tuned(one) for one in judged] for method, judged in record["judged"].items()}, None


def _tuned(record: Mapping[str, Any]) -> Tuned:
    """What `asdict` made of it; raises one of many errors where the record is something else."""
    figures = [tuple(map(float, record[key])) for key in ("error_cuts", "harmed", "calibration_errors")]
    parameters = dict(record["parameters"])
    if not all(map(math.isfinite, (*parameters.values(), *(value for part in figures for value in part)))):
        raise ValueError("a number is not finite")
    return Tuned(parameters, *figures)
