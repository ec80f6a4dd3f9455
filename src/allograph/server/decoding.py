"""From what a request shows to samples: images as they are, pictures decoded, ink drawn."""

from __future__ import annotations

import binascii
import io
import string
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.errors import ImageError
from allograph.images.frames import SIDE, Frame, decode, to_frame
from allograph.ink import ink_to_frame
from allograph.server.pool import FairPool
from allograph.server.requests import Picture
from allograph.server.settings import Limits

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
"""Kinds of pictures that are decoded; Pillow knows more, some of which run other programs."""
SCANS = 100
"""Passes over a progressive JPEG; encoders make about ten, and each costs as much as all of another picture."""
USUAL = 2**20
"""Pixels of a picture that takes little memory, about 26 bytes for each of any kind, and of a request that takes little time."""
TOGETHER = 4
"""Requests that are decoded or drawn at a time, in the process, where each picture takes little memory."""
MARGIN = 16
"""Pixels that framing adds to each side at most: of a picture that is thinner, they take the most memory."""
BASE64 = (string.ascii_letters + string.digits + "+/").encode()
SPACES = string.whitespace.encode()
URL_SAFE = bytes.maketrans(b"-_", b"+/")


class Encoded(NamedTuple):
    """The pictures of a request before they are decoded."""

    files: list[bytes | None]
    """[n] a picture's file, where the sample is one."""
    pixels: list[int]
    """[n] what its header says."""


class Drawing:
    """Makes samples of what requests show, beside the event loop and in bounded memory.

    A picture takes far more memory while it is decoded and framed than its file. So large ones are worked on one at a time in
    the process, and others a few at a time, with places of their own for what is quickly done.
    """

    def __init__(self, seconds: float) -> None:
        self._quick = FairPool(TOGETHER, seconds, "allograph-ink")
        self._long = FairPool(TOGETHER, seconds, "allograph-pictures")
        self._large = FairPool(1, seconds, "allograph-large-pictures")

    async def samples(self, tenant: str, pictures: Sequence[Picture], frame: Frame, limits: Limits) -> NDArray[np.uint8]:
        """Samples [n, 28, 28].

        Raises `ImageError` for what cannot be read or is beyond the limits, `BusyError` where too much is waiting.
        """
        plain = _plain(pictures)
        if plain is not None:
            return plain
        found = await self._quick.run(tenant, _quickly_drawn, pictures, frame, limits)
        if not isinstance(found, Encoded):
            return found
        pool = self._large if max(found.pixels) > USUAL else self._long
        return await pool.run(tenant, _drawn, pictures, found, frame)


def _plain(pictures: Sequence[Picture]) -> NDArray[np.uint8] | None:
    """Samples where all are images already; None where there is work to do."""
    images = [picture.image for picture in pictures]
    if None in images:
        return None
    return np.frombuffer(b"".join(images), np.uint8).reshape(-1, SIDE, SIDE)  # type: ignore[arg-type]


def _quickly_drawn(pictures: Sequence[Picture], frame: Frame, limits: Limits) -> NDArray[np.uint8] | Encoded:
    """Samples; or the files where they take longer, so that it is done elsewhere."""
    found = _encoded(pictures, limits)
    return _drawn(pictures, found, frame) if sum(found.pixels) <= USUAL else found


def _encoded(pictures: Sequence[Picture], limits: Limits) -> Encoded:
    """The files of the pictures; raises `ImageError` for more pixels than a request may have, before any is decoded."""
    files = [None if picture.png is None else _file(picture.png, _name(i)) for i, picture in enumerate(pictures)]
    pixels = [0 if file is None else _pixels(file) for file in files]
    if sum(pixels) > limits.pixels:
        raise ImageError(
            f"the pictures have {sum(pixels)} pixels; those of a request may have {limits.pixels}. Send smaller or fewer ones"
        )
    return Encoded(files, pixels)


def _drawn(pictures: Sequence[Picture], encoded: Encoded, frame: Frame) -> NDArray[np.uint8]:
    samples = np.empty((len(pictures), SIDE, SIDE), np.uint8)
    for i, (picture, file, pixels) in enumerate(zip(pictures, *encoded, strict=True)):
        if picture.image is not None:
            samples[i] = np.frombuffer(picture.image, np.uint8).reshape(SIDE, SIDE)
        elif picture.ink is not None:
            samples[i] = ink_to_frame(picture.ink, frame, f"the ink of sample {i}")
        elif file is not None:
            samples[i] = to_frame(decode(file, _name(i), pixels, FORMATS), frame, name=_name(i)).image
    return samples


def _name(place: int) -> str:
    return f"the picture of sample {place}"


def _pixels(file: bytes) -> int:
    """Pixels that a picture's header tells of, more for a very thin one; 0 for what is none, which `decode` says better."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit is ours
            with Image.open(io.BytesIO(file), formats=FORMATS) as picture:
                width, height = picture.size
                return max(width * height, (width + MARGIN) * (height + MARGIN) // 2)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return 0


def _file(text: str, name: str) -> bytes:
    """The bytes of Base64, of either alphabet, with or without line ends, filling and the head of a `data:` URL."""
    if text[:5].lower() == "data:":
        head, _, text = text.partition(",")
        if not head.lower().endswith(";base64"):
            raise ImageError(f'{name} is a data: URL, but not one of Base64, such as "data:image/png;base64,iVBORw0…"')
    raw = text.encode("ascii", "replace").translate(URL_SAFE, SPACES).rstrip(b"=")
    foreign = raw.translate(None, BASE64)
    if foreign:
        known = {*BASE64.decode(), *string.whitespace, "-", "_"}
        character = next((one for one in text.rstrip("=" + string.whitespace) if one not in known), "=")
        raise ImageError(f"{name} is not Base64: it holds the character {character!r}")
    if not raw:
        raise ImageError(f"{name} is empty; it is Base64 of a picture's file")
    if len(raw) % 4 == 1:
        raise ImageError(f"{name} is not Base64: it ends in the middle, after {len(raw)} characters")
    file = binascii.a2b_base64(raw + b"=" * (-len(raw) % 4))
    if file.startswith(b"\xff\xd8") and file.count(b"\xff\xda") > SCANS:
        raise ImageError(f"{name} is a JPEG of more than {SCANS} scans; save it anew")
    return file
