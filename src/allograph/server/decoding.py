"""Decodes the samples of a request, or its line: images as they are, pictures framed, ink drawn."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.errors import ImageError
from allograph.images.frames import SIDE, Frame, read_picture
from allograph.lines import LineInk
from allograph.samples import Box, Sample
from allograph.server.base64_text import decode_base64
from allograph.server.fair_pool import FairPool
from allograph.server.requests import LineImage, SampleImage
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


class FramedSamples(NamedTuple):
    """Samples in the frame of the model."""

    images: NDArray[np.uint8]
    """[n, 28, 28]"""
    boxes: Sequence[Box | None]
    """[n] how large each was written, and where, as far as is known."""

    def at(self, places: Sequence[int]) -> NDArray[np.uint8] | list[Sample]:
        """Those at some places: as an array where nothing is known of their sizes."""
        images, boxes = self.images[places], [self.boxes[i] for i in places]
        return [*map(Sample.from_image, images, boxes)] if any(boxes) else images


class PictureFiles(NamedTuple):
    """The pictures of a request before they are decoded."""

    files: list[bytes | None]
    """[n] a picture's file, where the sample is one."""
    pixels: list[int]
    """[n] what its header says."""


class SampleDecoder:
    """Decodes samples and lines beside the event loop and in bounded memory.

    A picture takes far more memory while it is decoded and framed than its file. So large ones are worked on one at a time in
    the process, and others a few at a time, with places of their own for what is quickly done.
    """

    def __init__(self, seconds: float) -> None:
        self._quick = FairPool(TOGETHER, seconds, "allograph-ink")
        self._long = FairPool(TOGETHER, seconds, "allograph-pictures")
        self._large = FairPool(1, seconds, "allograph-large-pictures")

    async def samples(
        self, tenant: str, pictures: Sequence[SampleImage], names: Sequence[str], frame: Frame, limits: Limits
    ) -> FramedSamples:
        """The samples in their order; `names` are what errors call them.

        Raises `ImageError` for what cannot be read or is beyond the limits, `BusyError` where too much is waiting.
        """
        plain = _plain(pictures)
        if plain is not None:
            return plain
        outcome = await self._quick.run(tenant, _decode_quick, pictures, names, frame, limits)
        if not isinstance(outcome, PictureFiles):
            return outcome
        pool = self._large if max(outcome.pixels) > USUAL else self._long
        return await pool.run(tenant, _decode, pictures, names, outcome, frame)

    async def line(self, tenant: str, line: LineImage, limits: Limits) -> LineInk:
        """The ink of a line. A picture counts as a large one: thin strokes are enlarged to be read, however few pixels it has.

        Raises `ImageError` for what cannot be read, shows no line of writing or is beyond the limits, `BusyError` where too much
        is waiting.
        """
        return await (self._quick if line.png is None else self._large).run(tenant, _decode_line, line, limits)


def _plain(pictures: Sequence[SampleImage]) -> FramedSamples | None:
    """Samples where all are images already; None where there is work to do."""
    images = [picture.image for picture in pictures]
    if None in images:
        return None
    framed = np.frombuffer(b"".join(images), np.uint8).reshape(-1, SIDE, SIDE)  # type: ignore[arg-type]
    return FramedSamples(framed, [_box(picture) for picture in pictures])


def _box(picture: SampleImage) -> Box | None:
    """The box that came with a sample."""
    return None if picture.box is None else picture.box.box


def _decode_quick(
    pictures: Sequence[SampleImage], names: Sequence[str], frame: Frame, limits: Limits
) -> FramedSamples | PictureFiles:
    """Samples; or the files where they take longer, so that it is done elsewhere."""
    encoded = _files([picture.png for picture in pictures], names, limits)
    return _decode(pictures, names, encoded, frame) if sum(encoded.pixels) <= USUAL else encoded


def _files(pictures: Sequence[str | None], names: Sequence[str], limits: Limits) -> PictureFiles:
    """The files of pictures in Base64; raises `ImageError` for more pixels than a request may have, before any is decoded."""
    files = [
        None if picture is None else _file(picture, f"the picture of {name}")
        for picture, name in zip(pictures, names, strict=True)
    ]
    pixels = [0 if file is None else _pixels(file) for file in files]
    if sum(pixels) > limits.pixels:
        raise ImageError(
            f"the pictures have {sum(pixels)} pixels; those of a request may have {limits.pixels}. Send smaller or fewer ones"
        )
    return PictureFiles(files, pixels)


def _decode(pictures: Sequence[SampleImage], names: Sequence[str], encoded: PictureFiles, frame: Frame) -> FramedSamples:
    images = np.empty((len(pictures), SIDE, SIDE), np.uint8)
    boxes: list[Box | None] = []
    for i, (picture, name, file, pixels) in enumerate(zip(pictures, names, *encoded, strict=True)):
        if picture.image is not None:
            images[i] = np.frombuffer(picture.image, np.uint8).reshape(SIDE, SIDE)
            boxes.append(_box(picture))
            continue
        size: dict[str, Any] = {"device": picture.device or "", "baseline": picture.baseline}
        if picture.ink is not None:
            sample = Sample.from_ink(picture.ink, f"the ink of {name}", unit=picture.unit or "device", **size)
        else:
            name = f"the picture of {name}"
            shown, size["resolution"] = read_picture(file or b"", name, pixels, FORMATS)
            sample = Sample("picture", (shown,), name=name, given_box=_box(picture), **size)
        images[i], box = sample.framed(frame)
        boxes.append(box)
    return FramedSamples(images, boxes)


def _decode_line(line: LineImage, limits: Limits) -> LineInk:
    name, device = "the line", line.device or ""
    if line.ink is not None:
        _check_pieces(len(line.ink), "strokes", limits)
        return LineInk.from_strokes(line.ink, unit=line.unit or "device", device=device, name=name)
    encoded = _files([line.png], [name], limits)
    (file,), (pixels,), name = encoded.files, encoded.pixels, f"the picture of {name}"
    ink = LineInk.from_picture(read_picture(file or b"", name, pixels, FORMATS), name=name, device=device)
    _check_pieces(len(ink.pieces), "pieces of ink", limits)
    return ink


def _check_pieces(count: int, what: str, limits: Limits) -> None:
    if count > limits.images:
        raise ImageError(f"the line has {count} {what}; it may have {limits.images}. Send one line, or a few rows, at a time")


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
    """The bytes of a picture's file; raises `ImageError` for one that costs far more than it shows."""
    file = decode_base64(text, name, "a picture's file")
    if file.startswith(b"\xff\xd8") and file.count(b"\xff\xda") > SCANS:
        raise ImageError(f"{name} is a JPEG of more than {SCANS} scans; save it anew")
    return file
