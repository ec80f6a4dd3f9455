"""Who acts at the command line, as the audit log names them."""

from __future__ import annotations

import getpass


def actor() -> str:
    """The operating system's name of the user.

    >>> actor().startswith("user ")
    True
    """
    try:
        return f"user {getpass.getuser()}"
    except (OSError, KeyError, ImportError):  # a user who has no name, as in many containers
        return "user without a name"
