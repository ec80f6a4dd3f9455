"""`import allograph`, against `import numpy`, each in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

from outcomes import note
from timing import paired, show

ROUNDS = 15


def run(statement: str) -> None:
    """Run a statement in a fresh interpreter."""
    subprocess.run([sys.executable, "-c", statement], check=True)


def main() -> None:
    times = paired(lambda: run("import allograph"), lambda: run("import numpy"), ROUNDS)
    bare = paired(lambda: run("import numpy"), lambda: run("pass"), ROUNDS)
    note("import allograph, beyond the bare interpreter", times.ours - bare.peer, 0.2, unit="s")
    show(
        f"A fresh interpreter, median of {ROUNDS} interleaved rounds",
        ("what", "seconds", "ratio"),
        [
            ("import allograph", f"{times.ours:.3f}", f"{times.ratio:.2f} × import numpy"),
            ("  of it beyond the bare interpreter", f"{times.ours - bare.peer:.3f}", "target 0.2 s"),
            ("import numpy", f"{times.peer:.3f}", "1"),
            ("nothing", f"{bare.peer:.3f}", ""),
        ],
    )


if __name__ == "__main__":
    main()
