"""Base64 as clients write it: either alphabet, with or without line ends, padding and the head of a `data:` URL."""

from __future__ import annotations

import binascii
import string
from contextlib import suppress

from allograph.errors import ImageError

ALPHABET = (string.ascii_letters + string.digits + "+/").encode()
SPACES = string.whitespace.encode()
URL_SAFE = bytes.maketrans(b"-_", b"+/")


def decode_base64(text: str, what: str, of: str) -> bytes:
    """The bytes of `text`; raises `ImageError`, which names `what` it is and what it is Base64 `of`, where it is damaged.

    >>> decode_base64("aW5r", "the image", "784 bytes")
    b'ink'
    """
    with suppress(ValueError):  # as it mostly is: standard, with padding, without anything else
        if file := binascii.a2b_base64(text, strict_mode=True):
            return file
    if text[:5].lower() == "data:":
        head, _, text = text.partition(",")
        if not head.lower().endswith(";base64"):
            raise ImageError(f'{what} is a data: URL, but not one of Base64, such as "data:image/png;base64,iVBORw0…"')
    raw = text.encode("ascii", "replace").translate(URL_SAFE, SPACES).rstrip(b"=")
    if raw.translate(None, ALPHABET):
        allowed = {*ALPHABET.decode(), *string.whitespace, "-", "_"}
        character = next((one for one in text.rstrip("=" + string.whitespace) if one not in allowed), "=")
        raise ImageError(f"{what} is not Base64: it holds the character {character!r}")
    if not raw:
        raise ImageError(f"{what} is empty; it is Base64 of {of}")
    if len(raw) % 4 == 1:
        raise ImageError(f"{what} is not Base64: it ends in the middle, after {len(raw)} characters")
    return binascii.a2b_base64(raw + b"=" * (-len(raw) % 4))
