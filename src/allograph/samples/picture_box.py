"""The box of the ink in a picture: in millimetres where the file's resolution is known and can be true, else in pixels."""

from __future__ import annotations

from allograph.samples.box import Box

LARGEST_CHARACTER = 50.0
"""Millimetres of the longer side of a character, at most; where it would be larger the stated resolution is not believed."""


def picture_box(
    edges: tuple[float, float, float, float],
    resolution: tuple[float, float] | None = None,
    device: str = "",
    baseline: float | None = None,
) -> Box:
    """The box of ink with these edges in pixels: left, top, right, bottom.

    `resolution` is the pixels a millimetre along x and y, as in `images.resolution`; `baseline` is in pixels.

    >>> picture_box((30, 12, 60, 72), (12.0, 12.0))
    Box(left=2.5, top=1.0, right=5.0, bottom=6.0, unit='millimetres', device='', baseline=None)
    """
    left, top, right, bottom = edges
    if resolution is not None:
        across, down = resolution
        if max((right - left) / across, (bottom - top) / down) <= LARGEST_CHARACTER:
            line = None if baseline is None else baseline / down
            return Box(left / across, top / down, right / across, bottom / down, "millimetres", device, line)
    return Box(left, top, right, bottom, "device", device, baseline)
