"""The protocol of a source of handwriting: it lists its samples at once, and renders images of any of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from allograph.images.frames import Frame
from allograph.progress import Progress
from allograph.samples.box import Boxes
from allograph.split import Split


@dataclass(frozen=True)
class Listing:
    """All samples of a source, in the order in which they are rendered."""

    labels: NDArray[np.str_]
    """[n] the character each sample shows."""
    writers: NDArray[np.str_]
    """[n] who wrote it."""
    order: NDArray[np.int32] | None = None
    """[n] the sample's position in its writer's time, or None where that is not known."""
    notes: tuple[str, ...] = field(default=())
    """What a person should know: how many entries were left out, and why."""
    splits: Mapping[str, Split] | None = None
    """The split of every writer, where the source brings one of its own, which `--split shipped` asks for."""


@dataclass(frozen=True)
class Rendered:
    """Some samples of a source as images."""

    images: NDArray[np.uint8]
    """[n, 28, 28] white ink on black."""
    polarity: Counter[str]
    """How many were found `dark` (dark ink on light) or `light`."""
    uneven: int = 0
    """How many were in uneven light, which was evened out."""
    boxes: Boxes | None = None
    """[n] how large each was written, and where, before it was brought into the frame; None where that is known of none."""

    def __len__(self) -> int:
        return len(self.images)


class Source(Protocol):
    """One source of handwriting. It is pickled to worker processes, so it holds no open file."""

    name: str
    """The word on the command line, such as `nist`."""
    origin: str
    """Where it comes from and whom to name."""
    licence: str
    frame: Frame
    """The frame its samples are rendered in unless another is asked for."""
    native: bool
    """True where the samples come as finished 28×28 images, in `frame`, and can be rendered in no other."""

    def listing(self) -> Listing:
        """List every sample; raises `FormatError` for a truncated or foreign file."""
        ...

    def render(self, rows: range, frame: Frame) -> Rendered:
        """Render the samples at these positions of the listing; raises `ImageError` naming the sample."""
        ...


@runtime_checkable
class ReadFirst(Protocol):
    """What a source has besides where its listing takes long: reading by itself, which says how far it is."""

    def read(self, progress: Progress) -> None:
        """Read what the listing needs, unless it was read; raises what the listing raises."""
        ...
