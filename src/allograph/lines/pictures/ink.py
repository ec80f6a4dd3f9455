"""Ink of a picture of writing: told from the paper in uneven light, and brought to a pen a few pixels wide."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.errors import ImageError
from allograph.images.frames import LARGEST, Polarity
from allograph.images.light import best_cut

PEN = 6.0
"""Pixels that the pen is brought to."""
WIDEST, NARROWEST = 8.5, 4.5
"""Pixels of the pen beyond which the picture is scaled."""
CELLS = 64
"""Of the small copy on which the ground is estimated, along the picture's shorter side."""
LONGEST_COPY = 1200
"""Pixels of that copy's longer side, at most."""
WINDOW = 0.25
"""Side of the square that finds the ground around ink, as a share of the shorter side: what is wider counts as ground."""
FALL = 0.9
"""The darkest part of the ground as a share of its brightest, from which on light counts as even."""
APART = 5.0
"""Standard deviations within ink and paper that they are apart, at least; both halves of mere noise are 2.65 apart."""
FULLEST = 0.4
"""The share of a picture that is ink, at most."""
THIN = 0.3
"""The share of ink that is left of strokes of a pen and a half of a pixel when one is taken off."""
SLANT = 8 / np.pi
"""Twice the mean length of a straight line along x and y together, as a share of its length."""

Grey = NDArray[np.uint8]
Mask = NDArray[np.bool_]
NOT_WRITING = "it does not look like a line of writing"


class PictureInk(NamedTuple):
    """What is ink in a picture."""

    mask: Mask
    """[h, w]"""
    pen: float
    """Width of the strokes in the mask's pixels."""
    scale: tuple[float, float]
    """Pixels of the picture a pixel of the mask, along x and y."""


def find_picture_ink(grey: Grey, polarity: Polarity = "auto", name: str = "the image") -> PictureInk:
    """Tell the ink of a grey picture, uint8 [h, w], from its paper.

    Raises `ImageError`, naming the picture by `name`, when it is no grey picture, is too large, shows no ink, or so much or so
    little of it apart from the paper that it shows something else.
    """
    if grey.ndim != 2 or grey.dtype != np.uint8 or 0 in grey.shape:
        raise ImageError(f"{name}: a picture is uint8 [h, w]; this is {grey.dtype} {list(grey.shape)}")
    if grey.size > LARGEST:
        raise ImageError(f"{name}: {grey.shape[1]}×{grey.shape[0]} pixels are too many; {LARGEST} may be read")
    if grey.min() == grey.max():
        raise ImageError(f"{name} is empty: all its pixels have the grey value {grey.flat[0]}")
    dark = dark_on_light(grey, polarity)
    counts = _histogram(dark)
    threshold, apart = best_cut(counts)
    full = float(counts[: threshold + 1].sum()) / dark.size
    if apart < APART**2 * (1 - apart) * full * (1 - full):
        raise ImageError(f"{name}: {NOT_WRITING}: ink and paper are hardly apart. Use a scan with more contrast")
    if full > FULLEST:
        raise ImageError(f"{name}: {NOT_WRITING}: {full:.0%} of it is ink. Cut out the line, or say what is ink by `polarity`")
    mask = dark <= threshold
    pen = pen_width(mask)
    if NARROWEST <= pen <= WIDEST:
        return PictureInk(mask, pen, (1.0, 1.0))
    mask = _rescale(dark, pen) <= threshold
    scale = grey.shape[1] / mask.shape[1], grey.shape[0] / mask.shape[0]
    return PictureInk(mask, pen_width(mask), scale)


def pen_width(mask: Mask) -> float:
    """The mean width of strokes of any direction, in pixels: their area over half of their outline's length.

    A pixel is taken off first, and added again, so that specks do not count, unless that leaves hardly any ink.
    """
    across = mask[:, 1:] & mask[:, :-1]
    inner = across[1:] & across[:-1]
    taken = int(np.count_nonzero(inner)) > THIN * int(np.count_nonzero(mask))
    shown = inner if taken else mask
    turns = int(np.count_nonzero(shown[1:] != shown[:-1])) + int(np.count_nonzero(shown[:, 1:] != shown[:, :-1]))
    return taken + SLANT * int(np.count_nonzero(shown)) / max(turns, 1)


def dark_on_light(grey: Grey, polarity: Polarity = "auto") -> Grey:
    """The picture with dark ink on paper as bright everywhere as the light falls unevenly on it, uint8 [h, w].

    Ink is narrow: it is what differs from its surroundings in the direction in which less of the picture does.
    """
    from PIL import Image

    height, width = grey.shape
    factor = max(1, min(height, width) // CELLS, -(-max(height, width) // LONGEST_COPY))
    coarse = np.asarray(Image.fromarray(grey).reduce(factor))
    side = int(min(coarse.shape) * WINDOW) | 1
    dark = polarity == "dark" if polarity != "auto" else _is_dark(coarse, 2 * side)
    shown = grey if dark else 255 - grey
    ground = np.maximum(_closing(coarse if dark else 255 - coarse, side), 1)
    if float(np.percentile(ground, 1)) >= FALL * float(np.percentile(ground, 99)):
        return shown
    smooth = Image.fromarray(ground.astype(np.float32))
    fine = np.array(smooth.resize((width, height), Image.Resampling.BILINEAR, box=(0, 0, width / factor, height / factor)))
    np.divide(255, fine, out=fine)
    fine *= shown
    return np.minimum(fine, 255, out=fine).astype(np.uint8)


def _is_dark(coarse: Grey, reach: int) -> bool:
    """Whether what differs most from its surroundings, the smaller part of them, is darker than they are."""
    from PIL import Image, ImageFilter

    around = np.asarray(Image.fromarray(coarse).filter(ImageFilter.BoxBlur(reach)), np.float32)
    return float(((coarse - around) ** 3).sum()) <= 0


def _closing(values: Grey, side: int) -> Grey:
    """Grey values without what is dark and narrower than a square."""
    return 255 - highest_around(255 - highest_around(values, side), side)


def highest_around(values: Grey, side: int) -> Grey:
    """[h, w] the highest value of the square around each place, of an odd `side`."""
    for axis in (0, 1):
        length = min(side, 2 * values.shape[axis] - 1)
        around = [(0, 0), (0, 0)]
        around[axis] = (length // 2, length // 2)
        found = np.moveaxis(np.pad(values, around, mode="edge"), axis, 0)
        reach = 1
        while reach < length:
            step = min(reach, length - reach)
            found = np.maximum(found[:-step], found[step:])
            reach += step
        values = np.moveaxis(found, 0, axis)
    return values


def _rescale(dark: Grey, pen: float) -> Grey:
    """The picture with a pen that is about `PEN` pixels wide, where that is not too large."""
    from PIL import Image

    picture = Image.fromarray(dark)
    if pen > WIDEST:
        return np.asarray(picture.reduce(max(2, round(pen / PEN))))
    factor = min(PEN / max(pen, 1.0), np.sqrt(LARGEST / dark.size))
    width, height = (max(1, round(side * factor)) for side in picture.size)
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


def _histogram(grey: Grey) -> NDArray[np.integer[Any]]:
    from PIL import Image

    return np.array(Image.fromarray(grey).histogram(), np.int64)
