"""Random ids of requests and readings: quick to make, and not for secrets."""

from __future__ import annotations

import random
import secrets

_SOURCE = random.Random(secrets.randbits(256))


def random_id() -> str:
    """32 hexadecimal digits.

    >>> len(random_id()), random_id() == random_id()
    (32, False)
    """
    return f"{_SOURCE.getrandbits(128):032x}"
