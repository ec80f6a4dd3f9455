"""Tables of errors: of which kind they are, before and after."""

from __future__ import annotations

from allograph.evaluation.measures.error_kinds import ErrorKind
from allograph.evaluation.report.table import UNKNOWN, Table, number, percent
from allograph.evaluation.report.wording import of_run
from allograph.evaluation.runs import Run

NAMES: dict[ErrorKind, str] = {
    "case": "c/C",
    "zero": "0/o/O",
    "one": "1/l/I/|",
    "punctuation": "Punctuation",
    "rest": "Rest",
}
"""What each kind is called in print."""


def error_kinds_table(run: Run) -> Table:
    """How many errors of each kind the base and every method made, all resamples together, and the share that a method cut."""
    lines = [(head, [kinds[kind] for kinds in run.error_kinds.values()]) for kind, head in NAMES.items()]
    lines.append(("All errors", [sum(kinds.values()) for kinds in run.error_kinds.values()]))
    rows: list[tuple[str, ...]] = []
    for head, (before, *after) in lines:
        rows.append((head, *map(number, (before, *after))))
        rows.append(("  cut", UNKNOWN, *(percent((before - count) / before if before else None, 1) for count in after)))
    return Table(f"Errors by kind{of_run(run)}", ("", *run.error_kinds), tuple(rows), "kinds", methods_across=True)
