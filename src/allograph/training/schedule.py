"""Schedules of a training: epochs, batch sizes, learning rate, and when it stops (paper §4.4)."""

from __future__ import annotations

from dataclasses import dataclass

from allograph.errors import InputError

Stages = tuple[tuple[int, int], ...]
"""Epochs and batch size, one pair a stage."""

SCHEDULES: dict[str, tuple[Stages, int, int]] = {
    "nist": (((20, 1024), (10, 2048), (5, 4096)), 1, 4),
    "deepwriting": (((20, 1024),), 3, 5),
}
"""The authors' stages, plateau patience and stop patience by source; `DEFAULT` elsewhere."""
DEFAULT: tuple[Stages, int, int] = (((40, 256),), 1, 4)


@dataclass(frozen=True)
class Schedule:
    """How long to train, in batches of which size, and at which learning rate."""

    stages: Stages = DEFAULT[0]
    plateau: int = DEFAULT[1]
    """Epochs without a better validation loss that are let pass; after one more the learning rate is halved."""
    patience: int = DEFAULT[2]
    """Epochs without a better validation loss before training stops."""
    learning_rate: float = 1e-3
    augment: bool = False
    seed: int = 0

    @classmethod
    def for_source(cls, source: str, stages: Stages | None = None, augment: bool = False, seed: int = 0) -> Schedule:
        """The authors' schedule where they have one for the source, the default elsewhere."""
        usual, plateau, patience = SCHEDULES.get(source, DEFAULT)
        return cls(stages or usual, plateau, patience, augment=augment, seed=seed)

    @property
    def epochs(self) -> int:
        """Epochs in all stages together."""
        return sum(epochs for epochs, _ in self.stages)

    def batch(self, epoch: int) -> int:
        """The batch size of an epoch, counted from 0."""
        for epochs, batch in self.stages:
            if epoch < epochs:
                return batch
            epoch -= epochs
        raise ValueError("the schedule has fewer epochs")


def parse_stages(text: str) -> Stages:
    """Read stages such as `20x1024,10x2048`.

    >>> parse_stages("20x1024,5x2048")
    ((20, 1024), (5, 2048))
    """
    try:
        stages = tuple((int(epochs), int(batch)) for epochs, batch in (part.split("x") for part in text.split(",")))
    except ValueError:
        stages = ()
    if not stages or any(epochs < 1 or batch < 2 for epochs, batch in stages):
        raise InputError(
            f"{text!r} is no schedule; write EPOCHSxBATCH, several parted by commas, such as 20x1024,10x2048: "
            "at least 1 epoch, and batches of at least 2"
        )
    return stages
