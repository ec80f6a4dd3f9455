"""From a picture of a character to a sample: 28×28, white ink on black, in a named frame (paper §4.2)."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allograph.errors import ImageError, InputError
from allograph.images.light import best_cut, level_light
from allograph.images.resolution import ORIENTATION, stated_resolution

if TYPE_CHECKING:
    import PIL.Image

SIDE = 28
"""Pixels along each side of a sample."""
PIXELS = SIDE * SIDE
ONE = int(np.float32(1).view(np.uint32))
"""The bits of the number 1."""

Frame = Literal["paper", "mnist"]
"""How the ink lies in a sample. `paper`: it fills the 28 pixels. `mnist`: its longer side is 20, centred by mass."""
FRAMES: tuple[Frame, ...] = get_args(Frame)

Polarity = Literal["auto", "dark", "light"]
"""Whether a picture shows dark ink on light, light ink on dark, or is to be looked at to find out."""
POLARITIES: tuple[Polarity, ...] = get_args(Polarity)

BLUR = 1.0
"""Standard deviation of the Gaussian blur, in pixels of the original."""
REACH = int(4 * BLUR)
"""How many pixels the blur carries ink."""
SMALL, ENLARGED = 64, 128
"""Pictures whose longer side is under `SMALL` pixels are first enlarged to `ENLARGED`."""
MNIST_INK = 20
"""Pixels along the longer side of the ink in the `mnist` frame."""
_EXIF = frozenset(("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"))
"""Where a PNG may have it, by Pillow's names."""
LARGEST = 4096 * 4096
"""Pixels in the largest picture that is decoded."""


Edges = tuple[float, float, float, float]
"""Left, top, right and bottom of the ink in a picture, in its pixels as it came: where the first begins and the last ends."""


class Picture(NamedTuple):
    """A picture as it is looked at."""

    grey: NDArray[np.uint8]
    """[h, w], turned as its EXIF data says."""
    resolution: tuple[float, float] | None
    """Pixels a millimetre along x and y, where the file states that (`stated_resolution`)."""


@dataclass(frozen=True, eq=False)
class Framed:
    """A sample and what was found out on the way to it."""

    image: NDArray[np.uint8]
    """[28, 28] white ink on black."""
    polarity: Literal["dark", "light"]
    edges: Edges


def to_frame(
    picture: NDArray[np.uint8],
    frame: Frame = "paper",
    polarity: Polarity = "auto",
    square: int = 2,
    size: int | None = None,
    name: str = "the image",
    level: bool = True,
) -> Framed:
    """Bring a grey picture, uint8 [h, w] of any size, into a frame.

    `square` is what the `paper` frame's square has beyond the longer side of the cut-out ink: 2 in the authors' code, 0 in the
    paper's text. `size` is how many pixels of the picture make the `mnist` frame's 20; the ink's longer side unless said.
    `level` is whether uneven light is evened out (`light.level_light`); ink that is drawn has none. Raises `ImageError`,
    naming the picture by `name`, when it has no ink.
    """
    found = _find_ink(picture, polarity, name, level)
    picture, mask = found.picture, found.mask
    left, top, right, bottom = found.place
    height, width = bottom - top, right - left

    reach = 1 + REACH  # the margin that is kept, and what the blur carries into it
    padded = np.zeros((height + 2 * reach, width + 2 * reach), np.float32)
    up, down = max(top - reach, 0), min(bottom + reach, picture.shape[0])
    west, east = max(left - reach, 0), min(right + reach, picture.shape[1])
    ink = _stretch(picture[up:down, west:east], picture, mask, found.brightest)
    padded[up - top + reach : down - top + reach, west - left + reach : east - left + reach] = ink
    blurred = _blur(padded)[reach - 1 : 1 - reach, reach - 1 : 1 - reach]  # the ink box with a margin of 1

    if frame == "paper":
        image = _cut(blurred, *_centred_square(blurred.shape, square))
    else:
        image = _cut(blurred, *_mass_square(blurred, size or max(height, width)))
    return Framed(image, found.polarity, found.edges)


def ink_edges(picture: NDArray[np.uint8], polarity: Polarity = "auto", name: str = "the image", level: bool = True) -> Edges:
    """Where the ink of a picture lies that `to_frame` shows, without framing it; raises as that does."""
    return _find_ink(picture, polarity, name, level).edges


class _FoundInk(NamedTuple):
    picture: NDArray[np.uint8]
    """[h, w] light ink on dark, evened out and enlarged where it was."""
    mask: NDArray[np.bool_]
    """[h, w] what is ink."""
    brightest: int
    """The greatest of its values."""
    polarity: Literal["dark", "light"]
    place: tuple[int, int, int, int]
    """Left, top, right, bottom of the ink in these pixels."""
    edges: Edges


def _find_ink(picture: NDArray[np.uint8], polarity: Polarity, name: str, level: bool) -> _FoundInk:
    if picture.ndim != 2 or picture.dtype != np.uint8 or 0 in picture.shape:
        raise ImageError(f"{name}: a picture is uint8 [h, w]; this is {picture.dtype} {list(picture.shape)}")
    rows, columns = picture.shape
    evened = level_light(picture, polarity) if level else None
    picture = _enlarge(picture if evened is None else evened)
    lowest, brightest = int(picture.min()), int(picture.max())
    if lowest == brightest:
        raise ImageError(f"{name} is empty: all its pixels have the grey value {lowest}")
    threshold = _otsu(picture, lowest, brightest)
    found: Literal["dark", "light"] = _polarity_of(picture, threshold) if polarity == "auto" else polarity
    if found == "dark":
        picture, threshold, brightest = 255 - picture, 254 - threshold, 255 - lowest
    mask = picture > threshold
    place = _extent(mask)
    left, top, right, bottom = place
    across, down = columns / picture.shape[1], rows / picture.shape[0]
    return _FoundInk(picture, mask, brightest, found, place, (left * across, top * down, right * across, bottom * down))


def decode(
    data: bytes, name: str = "the image", largest: int = LARGEST, kinds: tuple[str, ...] | None = None
) -> NDArray[np.uint8]:
    """As `read_picture`, the grey values alone."""
    return read_picture(data, name, largest, kinds).grey


def read_picture(data: bytes, name: str = "the image", largest: int = LARGEST, kinds: tuple[str, ...] | None = None) -> Picture:
    """Decode a PNG (or another picture that Pillow reads) to grey, uint8 [h, w], turned as its EXIF data says.

    Transparent pixels become white, or black where all ink is white. Of several pages or frames the first is taken. Numbers of
    16 bits and more keep their shades; floats are taken as 0…1 or 0…255, and where they are neither, and where numbers are
    negative, from the least to the greatest. `kinds` are the only formats to try, by Pillow's names; who serves strangers names
    those that are needed. Raises `ImageError` when it is truncated, foreign, holds NaN, or has more than `largest` pixels, which
    is found out before it is decoded.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of data beside the picture that are damaged
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=kinds) as picture:
                if picture.width * picture.height > largest:
                    raise ImageError(f"{name}: {picture.width}×{picture.height} pixels are too many; {largest} may be decoded")
                return look_at(picture, name)
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"{name} is not a readable picture: it is of an unknown kind") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"{name} is not a readable picture: it is truncated, damaged or of an unknown kind ({error})") from error


def grey(picture: PIL.Image.Image | NDArray[Any], name: str = "the picture") -> NDArray[np.uint8]:
    """As `look_at`, the grey values alone."""
    return look_at(picture, name).grey


def look_at(picture: PIL.Image.Image | NDArray[Any], name: str = "the picture") -> Picture:
    """A Pillow image, or an array [h, w] or [h, w, 3 or 4], as grey, uint8 [h, w], turned as its EXIF data says.

    An array has no resolution. Transparent pixels and numbers other than uint8 are taken as `read_picture` takes them. Raises
    `ImageError` for an array of another shape, without numbers, or with NaN.
    """
    from PIL import Image

    if isinstance(picture, np.ndarray):
        if not (picture.size and picture.dtype.kind in "buif" and (picture.ndim == 2 or picture.shape[2:] in ((3,), (4,)))):
            form = f"{picture.dtype} {list(picture.shape)}"
            raise ImageError(f"{name}: a picture is an array [h, w] or [h, w, 3 or 4] of numbers; this is {form}")
        if picture.dtype.kind == "b":
            picture = picture * np.uint8(255)
        values = picture.copy() if picture.dtype == np.uint8 else _shades(picture, name)
        return Picture(values if values.ndim == 2 else _without_colour(Image.fromarray(values), name), None)
    if not isinstance(picture, Image.Image):
        raise ImageError(f"{name}: a picture is a Pillow image or an array; this is {type(picture).__name__}")
    resolution = stated_resolution(picture)  # before a TIFF is turned, which Pillow does when it loads it, and then forgets
    try:
        picture.load()
        shades = _TURNS.get(_orientation(picture), np.ascontiguousarray)(_without_colour(picture, name))
    except (OSError, SyntaxError) as error:  # of a file that Pillow opened and has not read yet
        raise ImageError(f"{name} is not a readable picture: it is truncated or damaged ({error})") from error
    return Picture(shades, resolution)


def _without_colour(picture: PIL.Image.Image, name: str) -> NDArray[np.uint8]:
    """A picture of any mode as grey, uint8 [h, w]."""
    from PIL import Image

    if picture.mode.startswith("I") or picture.mode == "F":
        return _shades(np.asarray(picture), name)
    if "A" in picture.getbands() or "a" in picture.getbands() or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        for paper in ("white", "black"):
            shades = np.array(Image.alpha_composite(Image.new("RGBA", picture.size, paper), layer).convert("L"), dtype=np.uint8)
            if shades.min() < 255:
                break
        return shades
    return np.array(picture.convert("L"), dtype=np.uint8)


def _shades(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Numbers of any type as grey values: 0…255 as they are, other ranges brought to that."""
    least, greatest = float(values.min()), float(values.max())
    if not (np.isfinite(least) and np.isfinite(greatest)):
        raise ImageError(f"{name} holds NaN or infinite values; save it with grey values")
    whole = values.dtype.kind in "iu"
    if least < 0 or (not whole and (1 < greatest < 2 or greatest > 255)):
        low, scale = least, 255 / (greatest - least) if greatest > least else 0.0
    elif whole:
        low, scale = 0.0, 255 / (2 ** max(int(greatest).bit_length(), 8) - 1)  # of 8, 12, 16 … bits
    else:
        low, scale = 0.0, 255.0 if greatest <= 1 else 1.0
    exact = np.float32 if max(abs(greatest), abs(least)) < 1e6 else np.float64
    shades: NDArray[np.floating[Any]] = values.astype(exact)
    shades -= low
    shades *= scale
    return np.asarray(np.rint(shades, out=shades), dtype=np.uint8)


def _orientation(picture: PIL.Image.Image) -> int:
    """How the picture is to be turned, 1…8, as its EXIF data says; 1 where that says nothing that can be understood."""
    if picture.format == "PNG" and not _EXIF.intersection(picture.info):
        return 1  # as most are; to look again costs a tenth of decoding a small one
    try:
        found = picture.getexif().get(ORIENTATION, 1)
    except Exception:  # damaged EXIF data raise almost anything, and the picture is whole
        return 1
    return found if found in range(1, 9) else 1


_TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: lambda grey: np.ascontiguousarray(grey[:, ::-1]),
    3: lambda grey: np.ascontiguousarray(grey[::-1, ::-1]),
    4: lambda grey: np.ascontiguousarray(grey[::-1]),
    5: lambda grey: np.ascontiguousarray(grey.T),
    6: lambda grey: np.ascontiguousarray(grey[::-1].T),
    7: lambda grey: np.ascontiguousarray(grey[::-1, ::-1].T),
    8: lambda grey: np.ascontiguousarray(grey[:, ::-1].T),
}
"""What EXIF's orientations ask for: 6, for one, is a quarter turn to the right."""


def model_input(images: ArrayLike) -> NDArray[np.float32]:
    """Samples as a model reads them: float32 [n, 1, 28, 28] in 0…1.

    Takes one image [28, 28] or many [n, 28, 28], uint8 in 0…255 or float in 0…1. Raises `ImageError` for another shape or
    type, for NaN, and for values outside 0…1; an image without ink is named by its place.

    >>> model_input(np.full((28, 28), 255, np.uint8)).shape
    (1, 1, 28, 28)
    """
    array = np.asarray(images)
    if array.ndim == 2:
        array = array[np.newaxis]
    if array.ndim != 3 or array.shape[1:] != (SIDE, SIDE):
        raise ImageError(f"samples are [28, 28] or [n, 28, 28]; these are {list(np.shape(images))}")
    if array.dtype == np.uint8:
        values = array.astype(np.float32)
        values *= np.float32(1 / 255)
    elif array.dtype.kind == "f":
        values = array.astype(np.float32, copy=False)
    else:
        raise ImageError(f"samples are uint8 (0…255) or float (0…1), not {array.dtype}")
    # The bits of a float32 in 0…1, taken as a whole number, lie between those of 0 and of 1; those of NaN, of a negative and of a
    # greater number lie above. So one maximum an image, which is all that a single reading has time for, finds every fault.
    inputs = values.reshape(-1, 1, SIDE, SIDE)
    bits = np.maximum.reduce(inputs.reshape(-1, PIXELS).view(np.uint32), axis=1).tolist()
    if bits and not (min(bits) > 0 and max(bits) <= ONE):
        _refuse(values)
    return inputs


def _refuse(values: NDArray[np.float32]) -> None:
    """Say what is wrong with samples; a negative zero is nothing wrong."""
    if not (values.min() >= 0 and values.max() <= 1):
        raise ImageError("samples of a float type hold 0…1 and no NaN; divide grey values by 255, and show ink as high values")
    inked = values.reshape(-1, PIXELS).any(axis=1)
    if not inked.all():
        raise ImageError(f"the sample at place {int(np.argmin(inked))} is empty: it shows no ink")


def _enlarge(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from PIL import Image

    longer = max(picture.shape)
    if longer >= SMALL:
        return picture
    height, width = (max(1, round(side * ENLARGED / longer)) for side in picture.shape)
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC), dtype=np.uint8)


def _otsu(picture: NDArray[np.uint8], lowest: int, highest: int) -> int:
    """The grey value that parts the picture into two classes with the least variance within (Otsu, 1979): class 1 is above it.

    `lowest` and `highest` are those of the picture; they differ.
    """
    if np.count_nonzero(picture == lowest) + np.count_nonzero(picture == highest) == picture.size:
        return lowest
    return best_cut(_histogram(picture))[0]


def _histogram(picture: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How many pixels have each grey value, [256]; NumPy's own count would make eight bytes of each first."""
    from PIL import Image

    return np.array(Image.fromarray(np.atleast_2d(picture)).histogram(), dtype=np.int64)


def _polarity_of(picture: NDArray[np.uint8], threshold: int) -> Literal["dark", "light"]:
    """The paper is what most of the border shows; where the border is half ink, what most of the picture shows."""
    border = np.concatenate([picture[0], picture[-1], picture[1:-1, 0], picture[1:-1, -1]]) > threshold
    light = np.count_nonzero(border) / border.size
    if 0.4 < light < 0.6:
        light = np.count_nonzero(picture > threshold) / picture.size
    return "dark" if light > 0.5 else "light"


def _stretch(part: NDArray[np.uint8], picture: NDArray[np.uint8], mask: NDArray[np.bool_], brightest: int) -> NDArray[np.float32]:
    """A part of the ink, 0…255, with the paper's median grey, that of the whole picture, at 0 and the brightest ink at 255."""
    ink = part.astype(np.float32)
    paper = mask.size - np.count_nonzero(mask)
    if brightest == 255 and 2 * (picture.size - np.count_nonzero(picture)) >= paper:  # the median is 0
        return ink
    counts = _histogram(picture[~mask])
    median = int(np.searchsorted(np.cumsum(counts), (counts.sum() + 1) // 2))
    ink -= median
    ink *= 255 / (brightest - median)
    return ink.clip(min=0, out=ink)


def _extent(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is marked; something is."""
    place = _grey_image(mask.view(np.uint8)).getbbox()
    assert place is not None
    return place


def _grey_image(grey: NDArray[np.uint8]) -> PIL.Image.Image:
    """An array [h, w] in C order as a Pillow image on the same memory."""
    from PIL import Image

    return Image.frombuffer("L", grey.shape[::-1], grey, "raw", "L", 0, 1)


def _blur(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Blur the whole picture; what lies outside it counts as paper.

    A plain convolution: nearly as quick as a product of matrices, and the same numbers on every machine.
    """
    for _ in range(2):  # along the rows, then along the columns
        rows = np.zeros((ink.shape[0], ink.shape[1] + REACH), np.float32)
        rows[:, :-REACH] = ink
        ink = np.convolve(rows.ravel(), _KERNEL, "same").reshape(rows.shape)[:, :-REACH].T
    return ink


def _gaussian() -> NDArray[np.float32]:
    weights = np.exp(-0.5 * (np.arange(-REACH, REACH + 1) / BLUR) ** 2)
    return np.asarray(weights / weights.sum(), dtype=np.float32)


_KERNEL = _gaussian()


def _centred_square(shape: tuple[int, ...], extra: int) -> tuple[float, float, float]:
    """Left, top and side of the square that holds the cut-out ink in its middle."""
    side = max(shape) + extra
    return -((side - shape[1]) // 2), -((side - shape[0]) // 2), side


def _mass_square(ink: NDArray[np.float32], size: int) -> tuple[float, float, float]:
    """The same for the `mnist` frame: centred by mass, but never so that ink is cut off."""
    side = max(size * SIDE / MNIST_INK, *ink.shape)
    rows, columns = ink.sum(axis=1), ink.sum(axis=0)
    mass = rows.sum()

    def start(profile: NDArray[np.float32]) -> float:
        centre = float((profile * np.arange(len(profile))).sum() / mass) + 0.5
        return float(np.clip(centre - side / 2, len(profile) - side, 0))

    return start(columns), start(rows), side


def _cut(ink: NDArray[np.float32], left: float, top: float, side: float) -> NDArray[np.uint8]:
    """Resample a square of the ink, which may reach beyond it, to 28×28 (bicubic, antialiased).

    Pillow goes along the rows first. Of a long thin picture, whose whole square would fill the memory, each way is gone by
    itself, along the longer side first.
    """
    grey = np.minimum(ink + np.float32(0.5), np.float32(255)).astype(np.uint8)  # ink is nowhere negative
    rows, columns = grey.shape
    if rows > 4 * columns:
        return _resample(_resample(grey, 0, top, columns, side, (columns, SIDE)), left, 0, side, SIDE, (SIDE, SIDE))
    if columns > 4 * rows:
        return _resample(_resample(grey, left, 0, side, rows, (SIDE, rows)), 0, top, SIDE, side, (SIDE, SIDE))
    return _resample(grey, left, top, side, side, (SIDE, SIDE))


def _resample(
    grey: NDArray[np.uint8], left: float, top: float, width: float, height: float, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Resample a part of a picture, which may reach beyond it, to a `size` in columns and rows."""
    from PIL import Image

    rows, columns = grey.shape
    above, before = (max(0, math.ceil(-start)) for start in (top, left))
    canvas = np.zeros((max(rows, math.ceil(top + height)) + above, max(columns, math.ceil(left + width)) + before), np.uint8)
    canvas[above : above + rows, before : before + columns] = grey
    box = (left + before, top + above, left + before + width, top + above + height)
    return np.asarray(_grey_image(canvas).resize(size, Image.Resampling.BICUBIC, box=box), dtype=np.uint8)


def check_frame(frame: str) -> Frame:
    """Return `frame` when it is one; raise `InputError` when not."""
    for known in FRAMES:
        if frame == known:
            return known
    raise InputError(f"there is no frame {frame!r}; there are {', '.join(FRAMES)}")
