"""A sample: one character as it came, a picture or the strokes of a pen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allograph.errors import ImageError
from allograph.images.frames import SIDE, Edges, Frame, Picture, Polarity, ink_edges, look_at, read_picture, to_frame
from allograph.ink import ink_extent, ink_path, ink_to_frame
from allograph.samples.box import Box, Unit
from allograph.samples.equality import by_content
from allograph.samples.picture_box import picture_box

if TYPE_CHECKING:
    import PIL.Image


@by_content
@dataclass(frozen=True, eq=False)
class Sample:
    """One character as it came, uncut and in its own size; `image` brings it into the frame that a recognizer reads.

    Made by `from_picture`, `from_ink` or `from_image`. `Writer.read` takes it, and frames it as its model wants.

    >>> sample = Sample.from_ink([[(0, 0), (40, 90)], [(20, 45), (60, 40)]])
    >>> sample.image("mnist").shape, sample.box.height
    ((28, 28), 90.0)
    """

    kind: Literal["picture", "ink", "image"]
    content: tuple[NDArray[Any], ...]
    """Of a picture its grey values, uint8 [h, w]; of ink a path for each stroke, float64 [k, 2], x and y (down) in any unit; an
    image [28, 28] that is in its frame already."""
    polarity: Polarity = "auto"
    """Of a picture: dark ink on light, light ink on dark, or `auto`, to find out."""
    name: str = "the sample"
    """What errors call it."""
    unit: Unit = "device"
    """Of ink: what its points are in."""
    device: str = ""
    """What it was written on, in any words; boxes of one writer, unit and device have one scale."""
    baseline: float | None = None
    """The y of the line that it stands on, where that is known: in pixels of the picture, turned as its EXIF data says, or in the
    unit of the ink."""
    resolution: tuple[float, float] | None = None
    """Of a picture: pixels a millimetre along x and y, where its file states that."""
    given_box: Box | None = None
    """The box, where it was given and is not to be found in the picture."""

    def __post_init__(self) -> None:
        Box(0, 0, 0, 0, self.unit, self.device, self.baseline)  # else the error would come when it is read

    @classmethod
    def from_picture(
        cls,
        picture: str | Path | bytes | PIL.Image.Image | NDArray[Any],
        polarity: Polarity = "auto",
        name: str | None = None,
        *,
        device: str = "",
        baseline: float | None = None,
        box: Box | None = None,
    ) -> Sample:
        """One character in a file, the bytes of a file, a Pillow image, or an array [h, w] or [h, w, 3 or 4] of grey or colours.

        An array is uint8, or float in 0…1. Give the `box` where the picture was cut or scaled since it was written; else it is
        that of the ink in the picture, and `device` and `baseline` belong to it. Raises `ImageError` for what is no picture, and
        for a file that cannot be read.
        """
        seen, name = open_picture(picture, name)
        return cls(
            "picture",
            (seen.grey,),
            polarity,
            name,
            device=device,
            baseline=baseline,
            resolution=seen.resolution,
            given_box=box,
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

        The points, the baseline and so the box are in `unit`. Raises `ImageError` when there is no point, one is not finite, or a
        stroke has another form.
        """
        return cls("ink", ink_path(strokes, name), name=name, unit=unit, device=device, baseline=baseline)

    @classmethod
    def from_image(cls, image: NDArray[Any], box: Box | None = None, name: str = "the image") -> Sample:
        """One character that is in the model's frame already, uint8 or float in 0…1 [28, 28], with the box it had before.

        Raises `ImageError` for another shape or type.
        """
        if not isinstance(image, np.ndarray) or image.shape != (SIDE, SIDE) or image.dtype.kind not in "uf":
            form = f"{image.dtype} {list(image.shape)}" if isinstance(image, np.ndarray) else type(image).__name__
            raise ImageError(f"{name}: an image in the frame is an array [28, 28], uint8 or float in 0…1; this is {form}")
        return cls("image", (image,), name=name, given_box=box)

    def image(self, frame: Frame) -> NDArray[Any]:
        """The sample in a frame: [28, 28], white ink on black, uint8 unless it was given as floats in its frame.

        Raises `ImageError` for a picture without ink.
        """
        return self.framed(frame)[0]

    @cached_property
    def box(self) -> Box | None:
        """How large it was written, and where; None for an image that came in its frame, without its box.

        In millimetres where a picture's file states a resolution that can be true, or ink is in them. Raises `ImageError` for a
        picture without ink.
        """
        if self.kind == "picture" and self.given_box is None:
            return self._box_of(ink_edges(self.content[0], self.polarity, self.name))
        if self.kind == "ink":
            left, top, right, bottom = ink_extent(self.content)
            return Box(left, top, right, bottom, self.unit, self.device, self.baseline)
        return self.given_box

    def framed(self, frame: Frame) -> tuple[NDArray[Any], Box | None]:
        """`image` and `box` together: the ink of a picture is looked for once."""
        if self.kind == "ink":
            return ink_to_frame(self.content, frame, self.name), self.box
        if self.kind == "image":
            return self.content[0], self.given_box
        found = to_frame(self.content[0], frame, self.polarity, name=self.name)
        return found.image, self.given_box or self._box_of(found.edges)

    def _box_of(self, edges: Edges) -> Box:
        return picture_box(edges, self.resolution, self.device, self.baseline)


def open_picture(
    picture: str | Path | bytes | PIL.Image.Image | NDArray[Any] | Picture, name: str | None = None
) -> tuple[Picture, str]:
    """A file, the bytes of a file, a Pillow image or an array as a grey picture, and what errors call it; raises `ImageError`."""
    if isinstance(picture, Picture):
        return picture, name or "the picture"
    if isinstance(picture, str | Path):
        name = name or str(picture)
        try:
            picture = Path(picture).read_bytes()
        except OSError as error:
            raise ImageError(f"the picture {name} cannot be read: {error.strerror or error}") from error
    name = name or "the picture"
    return (read_picture(picture, name) if isinstance(picture, bytes) else look_at(picture, name)), name


Readable = Sample | NDArray[Any] | Sequence["Sample | NDArray[Any]"]
"""One sample, or many: `Sample`s, arrays [28, 28] that are in the model's frame, a list of either, or an array [n, 28, 28]."""


def to_images(samples: Readable, frame: Frame) -> NDArray[Any]:
    """One sample as [28, 28] or many as [n, 28, 28], uint8 or float in 0…1, in a frame; arrays are taken to be in it already.

    Raises `ImageError` for anything that is no sample.
    """
    return to_images_and_boxes(samples, frame)[0]


def to_images_and_boxes(samples: Readable, frame: Frame) -> tuple[NDArray[Any], list[Box | None] | None]:
    """`to_images`, and the samples' boxes [n], of one too; None where all are missing, as those of arrays are."""
    if isinstance(samples, Sample):
        image, box = samples.framed(frame)
        return image, None if box is None else [box]
    if isinstance(samples, np.ndarray):
        return _check_shape(samples), None
    try:
        found = [one.framed(frame) if isinstance(one, Sample) else (one, None) for one in samples]
        images = np.stack([image for image, _ in found]) if found else np.empty((0, SIDE, SIDE), np.uint8)
    except (ValueError, TypeError) as error:
        raise ImageError(f"a list of samples holds arrays [28, 28] and Samples ({error})") from error
    if images.ndim != 3:  # the rows of one image, for one
        raise ImageError(f"a list of samples holds arrays [28, 28] and Samples; these are {list(images.shape[1:])}")
    boxes = [box for _, box in found]
    return _check_shape(images), boxes if any(boxes) else None


def _check_shape(images: NDArray[Any]) -> NDArray[Any]:
    if images.ndim not in (2, 3) or images.shape[-2:] != (SIDE, SIDE):
        raise ImageError(
            f"one sample is an array [28, 28] or a Sample, many are a list of them or an array [n, 28, 28]; "
            f"this is {list(images.shape)}. Sample.from_picture brings a picture of any size into the frame"
        )
    return images
