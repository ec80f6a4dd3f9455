"""Every method on UNIPEN's application writers, by how much of each writer's samples is learned: errors cut, writers harmed.

Needs build/unipen.embedded.parquet, which `make unipen` makes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from allograph.evaluation import evaluate
from allograph.evaluation.measures.figures import MethodFigures
from allograph.evaluation.protocols.resample import Resample
from timing import show

CORPUS = Path("build/unipen.embedded.parquet")
PROTOCOLS = {
    "90 %": Resample(),
    "50 %": Resample(adaptation=0.5),
    "20 %": Resample(adaptation=0.2),
    "1 a label": Resample(per_label=1),
}


def main() -> None:
    if not CORPUS.exists():
        print(f"{CORPUS} is not there; make it with: make unipen")
        return
    cells: dict[str, list[str]] = {}
    for protocol in PROTOCOLS.values():
        figures = evaluate(CORPUS, methods=["all"], protocol=protocol, jobs=2).figures
        for name, method in figures.methods.items():
            cells.setdefault(name, []).append(cell(method))
        print(".", end="", file=sys.stderr, flush=True)
    rows = [(name, *cut) for name, cut in cells.items()]
    show(
        "Errors cut on 42 application writers, 10 resamples, feedback none (95 % interval by writer)",
        ("method", *PROTOCOLS),
        rows,
    )


def cell(method: MethodFigures) -> str:
    """A method's error cut, its interval, and how many writers it harms."""
    low, high = method.error_cut_ci95 or (0.0, 0.0)
    return f"{100 * (method.error_cut or 0):.1f} % ({100 * low:.0f} … {100 * high:.0f}), {method.worse} harmed"


if __name__ == "__main__":
    main()
