"""The resolution that a picture's file states, where it can be that of a scan of paper."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import PIL.Image

INCH = 25.4
"""Millimetres."""
COARSEST, FINEST = 98, 9600
"""Pixels an inch of scanners, at least (a fax, down the page) and at most."""
SCREENS = frozenset((120, 144, 192, 216, 288))
"""Pixels an inch beyond 100 that programs write for a screen: multiples of the old 72 and 96, which say nothing about paper."""
LOPSIDED = 2.5
"""How many times finer a scan may be along one axis than along the other: a fax has 204 by 98 pixels an inch."""
ORIENTATION = 0x0112
"""EXIF's tag of how a picture is to be turned."""
SIDEWAYS = frozenset((5, 6, 7, 8))
"""The orientations that exchange rows and columns."""
CAMERA = 0x8769
"""EXIF's tag of what a camera tells."""
EXPOSURE = frozenset((0x829A, 0x829D, 0x920A))
"""What a camera tells and a scanner does not: exposure time, aperture, focal length."""


def stated_resolution(picture: PIL.Image.Image) -> tuple[float, float] | None:
    """Pixels a millimetre along x and y of the picture, turned as its EXIF data says; None where that is not known.

    Believed is what PNG (pHYs), JPEG (JFIF and EXIF), TIFF and BMP state in pixels an inch, a centimetre or a metre, where it is
    one of a scanner: 98 to 9,600 pixels an inch, and none of the values that programs write for a screen or for want of another
    (72, 96, their multiples). A mere ratio of the sides is no resolution. What a camera writes is not of the paper.
    """
    try:
        across, down = (float(number) for number in picture.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not (math.isfinite(across) and math.isfinite(down)):
        return None
    inch = round(across), round(down)
    if not COARSEST <= min(inch) <= max(inch) <= min(FINEST, LOPSIDED * min(inch)) or SCREENS.intersection(inch):
        return None
    if _is_photo(picture):
        return None
    return (down / INCH, across / INCH) if _is_stored_sideways(picture) else (across / INCH, down / INCH)


def _is_stored_sideways(picture: PIL.Image.Image) -> bool:
    """Whether the file has rows where the picture has columns."""
    try:
        return picture.getexif().get(ORIENTATION) in SIDEWAYS
    except Exception:  # damaged EXIF data raise almost anything, and the picture is whole
        return False


def _is_photo(picture: PIL.Image.Image) -> bool:
    """Whether the EXIF data are a camera's; damaged ones may be, so what they state is not believed."""
    try:
        told: dict[int, Any] = picture.getexif().get_ifd(CAMERA)
    except Exception:  # damaged EXIF data raise almost anything
        return True
    return not EXPOSURE.isdisjoint(told)
