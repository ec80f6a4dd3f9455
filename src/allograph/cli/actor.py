"""Who acts at the command line, as the audit log names them."""

from __future__ import annotations

from allograph.profiles.audit import user


def actor() -> str:
    """The operating system's name of the user.

    >>> actor().startswith("user ")
    True
    """
    return f"user {user()}"
