"""The numbers of a trace: which channels a point has, and how values are told by differences (InkML, §3.2, §3.3)."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.inkml.elements import Element
from allograph.errors import FormatError

MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4, "pt": 25.4 / 72, "pc": 25.4 / 6, "um": 0.001, "himetric": 0.01}
"""Of the units that are lengths; all others are a device's own."""

FINEST = 1e9
"""The largest resolution that is believed; the smallest is its inverse."""

_VALUE = re.compile(r"""\s*(?:(['"!])\s*)?([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|\#[0-9A-Fa-f]{1,32}|[TF*?])""", re.ASCII)
_PLAIN = re.compile(r"[-+.,\deE\s]*", re.ASCII)
_DIFFERENCES = {"!": 0, "'": 1, '"': 2}


class TraceFormat(NamedTuple):
    """What a point is made of."""

    channels: tuple[str, ...] = ("X", "Y")
    """Their names; each point has a value of each."""
    intermittent: tuple[str, ...] = ()
    """Those that follow in some points."""
    scale: tuple[float, float] = (1.0, 1.0)
    """What a value of X and one of Y are multiplied by: millimetres where `millimetres`; negative where the axis is reversed."""
    millimetres: bool = False
    tip: int | None = None
    """The place of the channel that says whether the pen touches (S), where there is one of truth values."""

    def points(self, text: str) -> NDArray[np.float64]:
        """The points of a trace, [k, 2] of x and y; those without a value of either are left out, and where the pen was up.

        Raises `FormatError`, without a place, for what the format does not allow, and where the pen is lifted within the trace.
        """
        values = self._values(text)
        if self.tip is not None:
            down = np.flatnonzero(values[:, self.tip] != 0)
            lifted = np.flatnonzero(np.diff(down) > 1)
            if len(lifted):
                raise FormatError(f"the pen is lifted after point {down[lifted[0]]}, within a stroke")
            values = values[down]
        points = values[:, [self.channels.index("X"), self.channels.index("Y")]] * np.array(self.scale)
        return points[~np.isnan(points).any(axis=1)]

    def _values(self, text: str) -> NDArray[np.float64]:
        """The values of the channels, [k, c]; NaN where one is not told."""
        texts = [point for point in text.split(",") if point.strip()]
        regular, more = len(self.channels), len(self.intermittent)
        try:
            values = np.array([point.split() for point in texts], np.float64)
            if values.ndim == 2 and regular <= values.shape[1] <= regular + more and _PLAIN.fullmatch(text):
                return values
        except ValueError:  # not just the same number of plain numbers in each point
            pass
        return _told(texts, regular, more)


def trace_format(element: Element, properties: dict[tuple[str, str], str], where: str) -> TraceFormat:
    """The format that a `traceFormat` element states; `properties` are the source's, by channel and name.

    Raises `FormatError`, which begins with `where`, for channels without X or Y.
    """
    regular = list(element.named("channel"))
    names = tuple(channel.attributes.get("name", "") for channel in regular)
    if not {"X", "Y"} <= set(names):
        raise FormatError(
            f"{where}, line {element.line}: the channels of a trace are X, Y and perhaps others; this one lacks them"
        )
    more = tuple(
        channel.attributes.get("name", "")
        for group in element.named("intermittentChannels")
        for channel in group.named("channel")
    )
    axes = [regular[names.index(axis)] for axis in "XY"]
    lengths = [_length(axis, properties) for axis in axes]
    known = None not in lengths
    scale = [
        (length if known and length else 1.0) * (-1.0 if axis.attributes.get("orientation") == "-ve" else 1.0)
        for axis, length in zip(axes, lengths, strict=True)
    ]
    tip = next((i for i, one in enumerate(regular) if names[i] == "S" and one.attributes.get("type") == "boolean"), None)
    return TraceFormat(names, more, (scale[0], scale[1]), known, tip)


def _length(channel: Element, properties: dict[tuple[str, str], str]) -> float | None:
    """Millimetres of one step of a channel's values; None where that is not stated."""
    name = channel.attributes.get("name", "")
    if channel.attributes.get("type") == "integer" and (name, "resolution") in properties:
        per = properties[name, "resolution unit"].replace(" ", "").lower()
        length = MILLIMETRES.get(per[2:]) if per.startswith("1/") else None
        try:
            resolution = float(properties[name, "resolution"])
        except ValueError:
            return None
        return length / resolution if length and FINEST**-1 <= resolution <= FINEST else None
    return MILLIMETRES.get(channel.attributes.get("units", "").lower())


def _told(texts: list[str], regular: int, more: int) -> NDArray[np.float64]:
    """Values [k, regular] of points in which some are told by differences, NaN where one is not told."""
    order = [0] * (regular + more)
    last = np.full(regular + more, np.nan)
    speed = np.zeros(regular + more)
    values = np.full((len(texts), regular), np.nan)
    for row, text in enumerate(texts):
        place = channel = 0
        while match := _VALUE.match(text, place):
            place = match.end()
            if channel >= regular + more:
                raise FormatError(f"point {row} has more than {regular + more} values")
            prefix, value = match.groups()
            if prefix:
                order[channel] = _DIFFERENCES[prefix]
            if value == "?":
                channel += 1
                continue
            if (value == "*" or (order[channel] and value not in "TF")) and channel < regular and np.isnan(last[channel]):
                raise FormatError(f"point {row} goes on from a value that no point before it has")
            if value == "*":  # as the last step was
                last[channel] += speed[channel] if order[channel] else 0.0
            elif value in "TF":
                last[channel] = value == "T"
            else:
                number = float(int(value[1:], 16)) if value.startswith("#") else float(value)
                if order[channel] == 0:
                    speed[channel], last[channel] = 0.0, number
                else:
                    speed[channel] = number if order[channel] == 1 else speed[channel] + number
                    last[channel] += speed[channel]
            if channel < regular:
                values[row, channel] = last[channel]
            channel += 1
        if text[place:].strip():
            raise FormatError(f"point {row} holds what is no value")
        if channel < regular:
            raise FormatError(f"point {row} has {channel} values, and there are {regular} channels")
    return values
