"""Run every benchmark, or those that are named, and show one table at the end: figure, target, the last release's.

Ends with 1 where a benchmark failed; a target that is missed is said, and is no failure: figures depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import allograph
from outcomes import VARIABLE, Outcome, read_outcomes, table_rows
from timing import show

HERE = Path(__file__).parent
LAST = HERE / "last_release.json"


def benchmarks(folder: Path) -> list[Path]:
    """The scripts of a folder, but for this one."""
    scripts = [path for path in sorted(folder.glob("*.py")) if path.name != Path(__file__).name]
    return [path for path in scripts if "\ndef main(" in path.read_text("utf-8")]


def run(scripts: list[Path]) -> tuple[list[Outcome], list[str]]:
    """Run each script in a process of its own: what they noted, and the names of those that failed."""
    outcomes, failed = [], []
    for script in scripts:
        print(f"== {script.name}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "outcomes"
            done = subprocess.run([sys.executable, str(script)], env={**os.environ, VARIABLE: str(place)}, check=False)
            outcomes += read_outcomes(place)
        if done.returncode:
            failed.append(f"{script.name}, with status {done.returncode}")
    return outcomes, failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="benchmarks, such as read_one; all unless said")
    parser.add_argument("--record", action="store_true", help="keep the figures as the last release's")
    parser.add_argument("--folder", type=Path, default=HERE, help="where the benchmarks are")
    parser.add_argument("--last", type=Path, default=LAST, help="the last release's figures")
    given = parser.parse_args()
    scripts = benchmarks(given.folder)
    unknown = set(given.names) - {script.stem for script in scripts}
    if unknown:
        parser.error(f"there is no benchmark {min(unknown)}; there are {', '.join(script.stem for script in scripts)}")
    outcomes, failed = run([script for script in scripts if not given.names or script.stem in given.names])
    nothing = {"release": "none", "figures": {}}
    last: dict[str, Any] = json.loads(given.last.read_text("utf-8")) if given.last.exists() else nothing
    rows = table_rows(outcomes, last["figures"])
    rows += [(name, "FAILED", "", "no", "") for name in failed]
    show(
        f"All benchmarks (last release: {last['release']}{', ' + last['machine'] if 'machine' in last else ''})",
        ("what", "figure", "target", "reached", "last release"),
        rows,
    )
    if given.record and not failed:
        figures = {**last["figures"], **{one.what: float(f"{one.figure:.5g}") for one in outcomes}}
        machine = f"{platform.machine()}, {os.cpu_count()} cores"
        record = {"release": allograph.__version__, "machine": machine, "figures": figures}
        given.last.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
