"""Which scope of a key an operation needs: read, teach or administer."""

from __future__ import annotations

from allograph.profiles.keys import Scope

READING = ("read",)
"""The verbs of a POST that tell something and change nothing."""


def needed_scope(method: str, path: str) -> Scope:
    """What a key must be for to be let through; whatever is not known here is for who administers.

    >>> [needed_scope("POST", f"/v1/writers/ana/{verb}") for verb in ("read", "lines/read", "lines/correct", "undo")]
    ['read', 'read', 'teach', 'teach']
    >>> [needed_scope("GET", f"/v1/{path}") for path in ("writers", "writers/ana/suggestions", "metrics", "writers/ana/profile")]
    ['read', 'read', 'read', 'administer']
    >>> [needed_scope(method, "/v1/writers/ana") for method in ("GET", "DELETE")]
    ['read', 'administer']
    """
    parts = path.rstrip("/").split("/")
    is_profile = len(parts) > 4 and parts[-1] == "profile"
    if method in ("GET", "HEAD", "OPTIONS") and not is_profile:
        return "read"
    if method == "POST":
        return "read" if parts[-1] in READING else "teach"
    return "administer"
