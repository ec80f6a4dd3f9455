"""Names for what has none: quick to make, never twice the same. They guard nothing."""

from __future__ import annotations

import random
import secrets

_SOURCE = random.Random(secrets.randbits(256))


def new_id() -> str:
    """32 hexadecimal digits.

    >>> len(new_id()), new_id() == new_id()
    (32, False)
    """
    return f"{_SOURCE.getrandbits(128):032x}"
