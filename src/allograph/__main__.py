"""`python -m allograph` is the command `allograph`."""

from __future__ import annotations

from allograph.cli.main import main

if __name__ == "__main__":
    main()
