"""What benchmarks found, as rows of one table: each figure against its target and the last release's."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

VARIABLE = "ALLOGRAPH_BENCH"
"""Names the file that a benchmark notes its outcomes in."""


@dataclass(frozen=True)
class Outcome:
    """One figure that has a target."""

    what: str
    """Unique among all benchmarks."""
    figure: float
    target: float
    best: Literal["low", "high"] = "low"
    """Which figures are the better ones."""
    unit: str = "×"

    @property
    def is_reached(self) -> bool:
        """Whether the figure is as good as the target, or better."""
        return self.figure <= self.target if self.best == "low" else self.figure >= self.target


def note(what: str, figure: float, target: float, best: Literal["low", "high"] = "low", unit: str = "×") -> None:
    """Note a figure for the table of `make bench`; a benchmark that runs by itself only shows its own."""
    place = os.environ.get(VARIABLE)
    if place:
        with open(place, "a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(Outcome(what, float(figure), float(target), best, unit))) + "\n")


def read_outcomes(place: Path) -> list[Outcome]:
    """What was noted in a file, in its order; nothing where there is no file."""
    lines = place.read_text(encoding="utf-8").splitlines() if place.exists() else []
    return [Outcome(**json.loads(line)) for line in lines]


def table_rows(outcomes: Sequence[Outcome], before: dict[str, float]) -> list[tuple[str, str, str, str, str]]:
    """What, figure, target, whether that is reached, and the last release's figure, where it had one."""
    return [
        (
            one.what,
            shown(one.figure, one.unit),
            f"{'≤' if one.best == 'low' else '≥'} {shown(one.target, one.unit)}",
            "yes" if one.is_reached else "no",
            shown(before[one.what], one.unit) if one.what in before else "–",
        )
        for one in outcomes
    ]


def shown(figure: float, unit: str) -> str:
    """A figure with its unit.

    >>> shown(1.234, "×"), shown(8000, "a second")
    ('1.23 ×', '8,000 a second')
    """
    return f"{figure:,.0f} {unit}" if abs(figure) >= 100 else f"{figure:.3g} {unit}"
