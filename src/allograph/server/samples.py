"""From what a request shows to samples: images as they are, pictures decoded, ink drawn."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from allograph.errors import ImageError, InputError
from allograph.images import SIDE, Frame, decoded, framed
from allograph.ink import ink_sample
from allograph.server.bodies import Picture
from allograph.server.settings import Limits

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
"""Kinds of pictures that are decoded; Pillow knows more, some of which run other programs."""


def plain(pictures: Sequence[Picture]) -> NDArray[np.uint8] | None:
    """Samples [n, 28, 28] where all are images already; None where there is work to do."""
    images = [picture.image for picture in pictures]
    if None in images:
        return None
    return np.frombuffer(b"".join(images), np.uint8).reshape(-1, SIDE, SIDE)  # type: ignore[arg-type]


def drawn(pictures: Sequence[Picture], frame: Frame, limits: Limits) -> NDArray[np.uint8]:
    """Samples [n, 28, 28]; it takes a while. Raises `ImageError` for what cannot be read or is beyond the limits."""
    points = sum(max(1, len(stroke)) for picture in pictures for stroke in picture.ink or ())
    if points > limits.points:
        raise ImageError(
            f"the ink has {points} points; a request may have {limits.points}. Send fewer samples or coarser strokes"
        )
    samples, pixels = np.empty((len(pictures), SIDE, SIDE), np.uint8), limits.pixels
    for i, picture in enumerate(pictures):
        if picture.image is not None:
            samples[i] = np.frombuffer(picture.image, np.uint8).reshape(SIDE, SIDE)
        elif picture.ink is not None:
            samples[i] = ink_sample(picture.ink, frame, f"the ink of sample {i}")
        elif picture.png is not None:
            grey = decoded(_bytes(picture.png, i), f"the picture of sample {i}", pixels, FORMATS)
            pixels -= grey.size
            samples[i] = framed(grey, frame, name=f"the picture of sample {i}").image
    return samples


def check_count(pictures: Sequence[Picture], limits: Limits) -> None:
    """Raise `InputError` for more samples than a request may have."""
    if len(pictures) > limits.images:
        raise InputError(f"the request has {len(pictures)} samples; it may have {limits.images}. Send them in several requests")


def _bytes(text: str, place: int) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ImageError(f"the picture of sample {place} is not Base64") from None
