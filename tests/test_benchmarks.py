"""The table at the end of `make bench`: every figure with its target and the last release's, and what failed is said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import allograph

HERE = Path(__file__).parent.parent / "benchmarks"
FAST = """
from outcomes import note

def main() -> None:
    note("reading / bare", 1.5, 1.3)
    note("pictures", 9000, 8000, "high", "a second")

main()
"""
BROKEN = """
from outcomes import note

def main() -> None:
    note("before it broke", 1, 2)
    raise ValueError("broken")

main()
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / "run_all.py"), "--folder", str(folder), "--last", str(folder / "last.json"), *arguments]
    path = [str(HERE), *sys.path]
    return subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": ":".join(path)}, timeout=60, check=False)


def cells(output: str, what: str) -> list[str]:
    (line,) = [line for line in output.splitlines() if line.strip().startswith(what)]
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_a_figure_stands_beside_its_target_and_the_last_release_s(tmp_path: Path) -> None:
    (tmp_path / "fast.py").write_text(FAST)
    (tmp_path / "no_benchmark.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "last.json").write_text(json.dumps({"release": "0.1", "figures": {"reading / bare": 2.4}}))
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "last release: 0.1" in done.stdout
    assert cells(done.stdout, "reading / bare") == ["reading / bare", "1.5 ×", "≤ 1.3 ×", "no", "2.4 ×"]
    assert cells(done.stdout, "pictures") == ["pictures", "9,000 a second", "≥ 8,000 a second", "yes", "–"]


def test_what_failed_is_a_row_and_the_rest_is_run(tmp_path: Path) -> None:
    (tmp_path / "a_broken.py").write_text(BROKEN)
    (tmp_path / "fast.py").write_text(FAST)
    done = run(tmp_path, "--record")
    assert done.returncode == 1
    assert cells(done.stdout, "a_broken.py, with status 1")[1] == "FAILED"
    assert "before it broke" in done.stdout
    assert "reading / bare" in done.stdout
    assert not (tmp_path / "last.json").exists()


def test_figures_are_kept_as_the_last_release_s(tmp_path: Path) -> None:
    (tmp_path / "fast.py").write_text(FAST)
    (tmp_path / "last.json").write_text(json.dumps({"release": "0.1", "figures": {"reading / bare": 2.4, "other": 1.0}}))
    assert run(tmp_path, "--record", "fast").returncode == 0
    kept = json.loads((tmp_path / "last.json").read_text())
    assert kept["release"] == allograph.__version__
    assert kept["figures"] == {"reading / bare": 1.5, "pictures": 9000, "other": 1.0}


def test_a_benchmark_that_there_is_not_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fast.py").write_text(FAST)
    done = run(tmp_path, "slow")
    assert done.returncode == 2
    assert "there is no benchmark slow; there are fast" in done.stderr
