"""A line of a corpus: strokes and the text they show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allograph.corpora.lines.text import characters_of, check_text
from allograph.errors import InputError
from allograph.samples.box import FARTHEST, LONGEST_DEVICE, UNITS, Unit, is_device
from allograph.samples.equality import by_content
from allograph.samples.names import check_writer
from allograph.split import SPLITS, Split


@by_content
@dataclass(frozen=True, eq=False)
class LabelledLine:
    """A line of hand print, the text it shows, and who wrote it.

    Text and writer take the form that `check_text` and `check_writer` give them, arrays their types. Raises `InputError`, which
    does not repeat the text, for strokes without points, points that are not finite, and characters that are not the text's.
    """

    strokes: tuple[NDArray[np.float64], ...]
    """Each [k, 2], x and y (down), in the order in which they were written; at least one, each of at least one point."""
    text: str
    writer: str
    split: Split
    characters: NDArray[np.int16] | None = None
    """[strokes] the character that each stroke belongs to, a place in `labels`; None where that is not known."""
    unit: Unit = "device"
    """What the coordinates are in; `device`: one that stays the same for this writer and device."""
    device: str = ""
    """What it was written on, in any words."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", check_text(self.text))
        object.__setattr__(self, "writer", check_writer(self.writer))
        if self.split not in SPLITS:
            raise InputError(f"the split {self.split!r} is none of {', '.join(SPLITS)}")
        if self.unit not in UNITS:
            raise InputError(f"the unit of a line is {' or '.join(UNITS)}, not {str(self.unit)[:40]!r}")
        if not is_device(self.device):
            raise InputError(f"a device is named by at most {LONGEST_DEVICE} printable characters")
        object.__setattr__(self, "strokes", tuple(_points(stroke, place) for place, stroke in enumerate(self.strokes)))
        _check_points(self.strokes)
        if self.characters is not None:
            object.__setattr__(self, "characters", _places(self.characters, len(self.strokes), len(self.labels)))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The characters of the text without its spaces."""
        return characters_of(self.text)


def _points(stroke: ArrayLike, place: int) -> NDArray[np.float64]:
    """A stroke as float64 [k, 2]."""
    try:
        points = np.asarray(stroke, np.float64)
    except (TypeError, ValueError):
        raise InputError(f"stroke {place} is no array of numbers; a stroke is points [k, 2], at least one") from None
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise InputError(f"stroke {place} is {list(points.shape)}; a stroke is points [k, 2], at least one")
    return points


def _check_points(strokes: tuple[NDArray[np.float64], ...]) -> None:
    if not strokes:
        raise InputError("it has no strokes")
    near = (np.abs(np.concatenate(strokes)) <= FARTHEST).all(axis=1)
    if not near.all():
        ends = np.cumsum([len(stroke) for stroke in strokes])
        place = int(np.searchsorted(ends, np.argmin(near), side="right"))
        raise InputError(f"stroke {place} holds a point that is not finite (NaN), or is farther than {FARTHEST:g} from 0")


def _places(characters: ArrayLike, strokes: int, count: int) -> NDArray[np.int16]:
    """The character of each stroke, of `count`, as int16 [strokes]."""
    places = np.asarray(characters)
    if places.dtype.kind not in "iu" or places.shape != (strokes,):
        raise InputError(
            f"it has {strokes} strokes, and characters {places.dtype} {list(places.shape)}; one whole number each is read"
        )
    outside = (places < 0) | (places >= count)
    if outside.any():
        place = int(np.argmax(outside))
        raise InputError(
            f"stroke {place} belongs to character {places[place]}, and the text has characters 0 to {count - 1}, "
            "counted without spaces"
        )
    written = np.zeros(count, np.bool_)
    written[places] = True
    if not written.all():
        raise InputError(
            f"no stroke belongs to character {int(np.argmin(written))} of the text's {count}, counted from 0 without spaces; "
            "where it is not known which strokes are which character, say -1 for all strokes of the line"
        )
    return places.astype(np.int16, copy=False)
