"""What becomes of a sample before a model of somebody else's reads it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allograph.errors import InputError
from allograph.images.frames import SIDE

LARGEST = 2048
"""Pixels along the longer side of what a model may read."""
MOST_CHANNELS = 64


@dataclass(frozen=True)
class Preprocessing:
    """The steps from a sample, 0 (paper) … 1 (ink) [28, 28], to what a model reads, in this order.

    transpose → invert (1 − x) → × scale → (− mean) / std → resize to `size` → `channels` alike. Resizing is linear between pixel
    centres, with the borders repeated; where it shrinks, it averages, as Pillow and torchvision do. Raises `InputError` for
    numbers that make no sense.
    """

    transpose: bool = False
    """Rows become columns, as in EMNIST's files."""
    invert: bool = False
    """Dark ink on white."""
    scale: float | None = None
    """What full ink is to the model; None is 1, or 255 where the model reads whole numbers."""
    mean: tuple[float, ...] = (0.0,)
    """One number, or one a channel."""
    std: tuple[float, ...] = (1.0,)
    """One number, or one a channel."""
    size: tuple[int, int] = (SIDE, SIDE)
    """Height and width."""
    channels: int | None = None
    """None is as many as there are means or standard deviations."""

    def __post_init__(self) -> None:
        if self.scale is not None and not (np.isfinite(self.scale) and self.scale > 0):
            raise InputError(f"the scale is a number above 0, such as 1 or 255, not {self.scale}")
        if not (self.mean and np.isfinite(self.mean).all()):
            raise InputError(f"the mean is a number, or one for each channel, not {list(self.mean)}")
        if not (self.std and np.isfinite(self.std).all() and min(self.std) > 0):
            raise InputError(f"the standard deviation is a number above 0, or one for each channel, not {list(self.std)}")
        if not (len(self.size) == 2 and all(1 <= side <= LARGEST for side in self.size)):
            raise InputError(f"the size is a height and a width of 1 to {LARGEST} pixels, not {list(self.size)}")
        if self.channels is None:
            object.__setattr__(self, "channels", max(len(self.mean), len(self.std)))
        if not 1 <= self.depth <= MOST_CHANNELS:
            raise InputError(f"there may be 1 to {MOST_CHANNELS} channels, such as 1 or 3, not {self.channels}")
        for name, numbers in (("means", self.mean), ("standard deviations", self.std)):
            if len(numbers) not in (1, self.depth):
                raise InputError(f"{len(numbers)} {name} for {self.depth} channels: give one, or one for each channel")

    @property
    def depth(self) -> int:
        """The number of channels."""
        return 1 if self.channels is None else self.channels

    def factors(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The steps between transposing and resizing as x · factor + offset, each float32 [1, 1 or channels, 1, 1]."""
        mean, std = np.array(self.mean), np.array(self.std)
        scale = 1.0 if self.scale is None else self.scale
        factor = (-scale if self.invert else scale) / std
        offset = ((scale if self.invert else 0.0) - mean) / std
        factor, offset = np.broadcast_arrays(factor, offset)
        return factor.astype(np.float32).reshape(1, -1, 1, 1), offset.astype(np.float32).reshape(1, -1, 1, 1)

    def options(self, usual: float = 1.0) -> list[str]:
        """The options of `allograph bundle` that ask for this, where `usual` is the scale unless said; none for nothing."""
        size = self.size[:1] if self.size[0] == self.size[1] else self.size
        parts = {
            "--transpose": self.transpose,
            "--invert": self.invert,
            f"--scale {self.scale:g}" if self.scale else "": self.scale not in (None, usual),
            f"--mean {_comma_separated(self.mean)}": any(self.mean),
            f"--std {_comma_separated(self.std)}": set(self.std) != {1.0},
            f"--size {'x'.join(map(str, size))}": self.size != (SIDE, SIDE),
            f"--channels {self.channels}": self.depth != 1,
        }
        return [option for option, is_given in parts.items() if is_given]


def _comma_separated(numbers: tuple[float, ...]) -> str:
    return ",".join(f"{number:.7g}" for number in numbers)


def parse_numbers(text: str, option: str) -> tuple[float, ...]:
    """Numbers parted by commas; raises `InputError` for anything else.

    >>> parse_numbers("0.485,0.456,0.406", "--mean")
    (0.485, 0.456, 0.406)
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option} {text!r} is no number and no list of them; write 0.5, or 0.485,0.456,0.406") from None


def parse_size(text: str) -> tuple[int, int]:
    """A side, or HEIGHTxWIDTH; raises `InputError` for anything else.

    >>> parse_size("32"), parse_size("32x24")
    ((32, 32), (32, 24))
    """
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        raise InputError(f"--size {text!r} is no size; write a side such as 32, or HEIGHTxWIDTH such as 32x24")
    return int(parts[0]), int(parts[-1])


def interpolation(size: int) -> NDArray[np.float32]:
    """[size, 28] the matrix that resizes 28 pixels: linear between their centres; a triangle filter where it shrinks."""
    step = SIDE / size
    reach = max(step, 1.0)
    centres = (np.arange(size) + 0.5) * step - 0.5
    away = np.abs(centres[:, None] - np.arange(SIDE)) / reach
    weights = np.maximum(1 - away, 0)
    if step < 1:  # what lies beyond the border repeats it
        outside = np.clip(centres, 0, SIDE - 1)
        weights = np.maximum(1 - np.abs(outside[:, None] - np.arange(SIDE)), 0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
