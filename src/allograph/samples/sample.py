"""A sample: one character as it came, a picture or the strokes of a pen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allograph.errors import ImageError
from allograph.images.frames import SIDE, Frame, Polarity, decode, grey, to_frame
from allograph.ink import ink_path, ink_to_frame
from allograph.samples.box import Box, Unit
from allograph.samples.equality import by_content

if TYPE_CHECKING:
    import PIL.Image


@by_content
@dataclass(frozen=True, eq=False)
class Sample:
    """One character as it came, uncut and in its own size; `image` brings it into the frame that a recognizer reads.

    Made by `from_picture`, `from_ink` or, from an image that is in the frame already, `from_image`. `Writer.read` takes it, and
    frames it as its model wants.

    >>> sample = Sample.from_ink([[(0, 0), (40, 90)], [(20, 45), (60, 40)]])
    >>> sample.image("mnist").shape
    (28, 28)
    """

    kind: Literal["picture", "ink", "image"]
    content: tuple[NDArray[Any], ...]
    """Of a picture its grey values, uint8 [h, w]; of ink a path for each stroke, float64 [k, 2], x and y (down) in any unit."""
    polarity: Polarity = "auto"
    """Of a picture: dark ink on light, light ink on dark, or `auto`, to find out."""
    name: str = "the sample"
    """What errors call it."""
    box: Box | None = None
    """How large it was written, and where; None where that is not known."""

    @classmethod
    def from_image(cls, image: NDArray[Any], box: Box | None = None) -> Sample:
        """One character that is in the frame already, [28, 28], with the box that its ink had before."""
        return cls("image", (image,), box=box)

    @classmethod
    def from_picture(
        cls,
        picture: str | Path | bytes | PIL.Image.Image | NDArray[Any],
        polarity: Polarity = "auto",
        name: str | None = None,
        *,
        box: Box | None = None,
    ) -> Sample:
        """One character in a file, the bytes of a file, a Pillow image, or an array [h, w] or [h, w, 3 or 4] of grey or colours.

        An array is uint8, or float in 0…1. Raises `ImageError` for what is no picture, and for a file that cannot be read.
        """
        if isinstance(picture, str | Path):
            name = name or str(picture)
            try:
                picture = Path(picture).read_bytes()
            except OSError as error:
                raise ImageError(f"the picture {name} cannot be read: {error.strerror or error}") from error
        name = name or "the picture"
        return cls(
            "picture", (decode(picture, name) if isinstance(picture, bytes) else grey(picture, name),), polarity, name, box
        )

    @classmethod
    def from_ink(
        cls,
        strokes: Sequence[ArrayLike],
        name: str = "the ink",
        *,
        unit: Unit = "device",
        device: str = "",
        baseline: float | None = None,
    ) -> Sample:
        """One character's strokes, each a sequence of points [k, 2], x and y (down) in any unit; one point is a dot.

        Raises `ImageError` when there is no point, one is not finite, or a stroke has another form.
        """
        paths = ink_path(strokes, name)
        points = np.concatenate(paths)
        (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        return cls("ink", paths, name=name, box=Box(left, top, right, bottom, unit, device, baseline))

    def image(self, frame: Frame) -> NDArray[np.uint8]:
        """The sample in a frame: uint8 [28, 28], white ink on black. Raises `ImageError` for a picture without ink."""
        if self.kind == "image":
            return self.content[0]
        if self.kind == "ink":
            return ink_to_frame(self.content, frame, self.name)
        return to_frame(self.content[0], frame, self.polarity, name=self.name).image


Readable = Sample | NDArray[Any] | Sequence["Sample | NDArray[Any]"]
"""One sample, or many: `Sample`s, arrays [28, 28] that are in the model's frame, a list of either, or an array [n, 28, 28]."""


def to_images(samples: Readable, frame: Frame) -> NDArray[Any]:
    """One sample as [28, 28] or many as [n, 28, 28], uint8 or float in 0…1, in a frame; arrays are taken to be in it already.

    Raises `ImageError` for anything that is no sample.
    """
    if isinstance(samples, Sample):
        return samples.image(frame)
    if not isinstance(samples, np.ndarray):
        try:
            images = [one.image(frame) if isinstance(one, Sample) else one for one in samples]
            samples = np.stack(images) if images else np.empty((0, SIDE, SIDE), np.uint8)
        except (ValueError, TypeError) as error:
            raise ImageError(f"a list of samples holds arrays [28, 28] and Samples ({error})") from error
        if samples.ndim != 3:  # the rows of one image, for one
            raise ImageError(f"a list of samples holds arrays [28, 28] and Samples; these are {list(samples.shape[1:])}")
    if samples.ndim not in (2, 3) or samples.shape[-2:] != (SIDE, SIDE):
        raise ImageError(
            f"one sample is an array [28, 28] or a Sample, many are a list of them or an array [n, 28, 28]; "
            f"this is {list(samples.shape)}. Sample.from_picture brings a picture of any size into the frame"
        )
    return samples
