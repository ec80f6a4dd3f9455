"""What a source leaves out, counted by the reason, with the first place of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class LeftOut:
    """Counts of what is left out."""

    counts: Counter[str] = field(default_factory=Counter)
    """By the reason, such as `ligatures`."""
    first: dict[str, str] = field(default_factory=dict)
    """The first place of each reason, a file and a line."""

    def add(self, reason: str, place: str, count: int = 1) -> None:
        """Count what is left out at a place."""
        self.counts[reason] += count
        self.first.setdefault(reason, place)

    def take(self, other: LeftOut) -> None:
        """Count what was left out elsewhere."""
        for reason, count in other.counts.items():
            self.add(reason, other.first[reason], count)

    def notes(self) -> list[str]:
        """A sentence for each reason."""
        return [f"left out: {count:,} {reason} (the first: {self.first[reason]})" for reason, count in self.counts.items()]
