"""What a corpus file says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from allograph.images.frames import Frame


@dataclass(frozen=True, kw_only=True)
class CorpusRecord:
    """Where a corpus comes from, how its samples were made, and how many there are."""

    source: str = ""
    """The source it was prepared from, such as `nist`."""
    frame: Frame
    """How the ink lies in the images."""
    samples: int = 0
    labels: int = 0
    writers: int = 0
    split_samples: Mapping[str, int] = field(default_factory=dict)
    """Samples of each split."""
    split_writers: Mapping[str, int] = field(default_factory=dict)
    """Writers of each split."""
    polarity: Mapping[str, int] = field(default_factory=dict)
    """How many originals were `dark` (dark ink on light) and `light`."""
    boxes: Mapping[str, int] = field(default_factory=dict)
    """How many samples have a box, by its unit: `millimetres`, `device`."""
    shared_images: int = 0
    """Images that occur in more than one split."""
    notes: tuple[str, ...] = ()
    """Sentences: what was left out, and why."""
    origin: str = ""
    """Whom to name."""
    licence: str = ""
    split: str = ""
    """The rule: `paper`, `all`, or the name of the CSV file."""
    fold: str | None = None
    """The part of the train writers that is held out, such as `1/3`; None where none is."""
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """What other programs noted in the file."""

    def rows(self) -> list[dict[str, Any]]:
        """A row for each split, for a table: how many samples and writers it has."""
        return [
            {"split": split, "samples": samples, "writers": self.split_writers.get(split)}
            for split, samples in self.split_samples.items()
        ]
