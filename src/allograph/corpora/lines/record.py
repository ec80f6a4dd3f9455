"""What a corpus of lines says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LineCorpusRecord:
    """Where a corpus of lines comes from, and how much there is in it."""

    source: str = ""
    """The name of the file that it was prepared from."""
    lines: int
    characters: int
    """Without spaces."""
    labels: int
    """Different characters."""
    writers: int
    split_lines: Mapping[str, int] = field(default_factory=dict)
    """Lines of each split."""
    split_writers: Mapping[str, int] = field(default_factory=dict)
    """Writers of each split."""
    known_cuts: int = 0
    """Lines of which it is known which strokes are which character."""
    units: Mapping[str, int] = field(default_factory=dict)
    """How many lines are in each unit: `millimetres`, `device`."""
    shared_lines: int = 0
    """Lines that occur, stroke for stroke, in more than one split."""
    notes: tuple[str, ...] = ()
    """Sentences: what was left out, and why."""
    origin: str = ""
    """Whom to name."""
    licence: str = ""
    split: str = ""
    """The rule: `paper`, `all`, or the name of the file that says it."""
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """What other programs noted in the file."""

    def rows(self) -> list[dict[str, Any]]:
        """A row for each split, for a table: how many lines and writers it has."""
        return [
            {"split": split, "lines": lines, "writers": self.split_writers.get(split)}
            for split, lines in self.split_lines.items()
        ]
