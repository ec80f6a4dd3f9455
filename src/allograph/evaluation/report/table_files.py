"""Tables as files for other programs: CSV for a spreadsheet or pandas, LaTeX for a paper."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from allograph.errors import InputError
from allograph.evaluation.report.table import UNKNOWN, Table, with_methods_as_rows
from allograph.files.atomic import atomic_folder

_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "#": r"\#", "$": r"\$", "%": r"\%", "&": r"\&", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    '"': r"\symbol{34}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}", "-": "{-}", "[": "{[}", "]": "{]}", "*": "{*}",
    "…": r"\ldots{}", "–": "--", "“": "``", "”": "''", "×": r"$\times$", "␣": r"\textvisiblespace{}",
}  # fmt: skip
"""What stands for a character that LaTeX would obey, join with its neighbour, or read as an option of the line before."""
_NUMBER = re.compile(r"[+-]?[\d,]*\.?\d+(?: %)?")
_COMPOUND = (
    (re.compile(r"(.+) … (.+)"), (", low", ", high")),
    (re.compile(r"(.+ %) \((.+)\)"), ("", ", gain")),
    (re.compile(r"(\d+) / (\d+) / (\d+)"), (": better", ": equal", ": worse")),
)
"""Figures that stand together in print, and what to add to the head of each."""


def check_tables_folder(folder: str | Path) -> None:
    """Raise `InputError` when tables would replace something else: a folder may be new, empty, or hold nothing but tables."""
    folder = Path(folder)
    others = sorted(path.name for path in folder.iterdir() if path.suffix not in (".csv", ".tex")) if folder.is_dir() else []
    if others:
        named = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
        raise InputError(f"{folder} holds {named}; tables replace their whole folder: name a new or an empty one")


def write_tables(folder: str | Path, tables: Sequence[Table]) -> None:
    """Write each table as `NAME.csv` and `NAME.tex` into a folder, all or nothing; an older folder of tables is replaced."""
    check_tables_folder(folder)
    with atomic_folder(folder) as temporary:
        for table in tables:
            (temporary / f"{table.name}.csv").write_text(csv_text(table), encoding="utf-8", newline="")
            (temporary / f"{table.name}.tex").write_text(latex(table), encoding="utf-8")


def csv_text(table: Table) -> str:
    """The table as CSV (RFC 4180 with plain line ends), methods as rows; its figures are bare numbers, as a program reads them.

    A column of per cents says so in its head, an interval becomes two columns, and what is not known is empty.

    >>> print(csv_text(Table("T", ("", "cut", "95 %"), (("a,b", "1.5 %", "1.0 % … 2.0 %"), ("c", "–", "–")))))
    ,"cut, %","95 %, low, %","95 %, high, %"
    "a,b",1.5,1.0,2.0
    c,,,
    <BLANKLINE>
    """
    table = with_methods_as_rows(table)
    columns: list[tuple[str, list[str]]] = []
    for i, head in enumerate(table.head):
        cells = [row[i] for row in table.rows]
        columns += [(head, cells)] if i < table.texts else _figures(head, cells)
    file = io.StringIO()
    out = csv.writer(file, lineterminator="\n")
    out.writerow([head for head, _ in columns])
    out.writerows(zip(*(cells for _, cells in columns), strict=True))
    return file.getvalue()


def latex(table: Table) -> str:
    """The table as a `tabular` that needs no package, methods as rows; the title stands above it as a comment.

    >>> print(latex(Table("T", ("", "%"), (("a_b", "50 %"),))))
    % T
    \\begin{tabular}{lr}
    \\hline
     & \\% \\\\
    \\hline
    a\\_b & 50 \\% \\\\
    \\hline
    \\end{tabular}
    <BLANKLINE>
    """
    table = with_methods_as_rows(table)
    head, *rows = (" & ".join(map(latex_text, row)) + r" \\" for row in (table.head, *table.rows))
    title = " ".join(table.title.split())
    kinds = "l" * table.texts + "r" * (len(table.head) - table.texts)
    begin = rf"\begin{{tabular}}{{{kinds}}}"
    return "\n".join([f"% {title}", begin, r"\hline", head, r"\hline", *rows, r"\hline", r"\end{tabular}", ""])


def latex_text(text: str) -> str:
    """Escape what LaTeX would take for its own; a minus before a figure becomes a true one.

    >>> latex_text("c&d -0.5 %")
    'c\\\\&d $-$0.5 \\\\%'
    """
    parts = re.split(r"(?<!\S)-(?=\d)", text)
    return "$-$".join("".join(_LATEX.get(point, point) for point in " ".join(part.split(" "))) for part in parts)


def _figures(head: str, cells: Sequence[str]) -> list[tuple[str, list[str]]]:
    """A column of figures as CSV has it: without units, and a column for each part of what stands together in print."""
    for pattern, more in _COMPOUND:
        parts = [pattern.fullmatch(cell) for cell in cells if cell != UNKNOWN]
        if parts and all(parts):
            split = [[UNKNOWN] * len(more) if cell == UNKNOWN else list(pattern.fullmatch(cell).groups()) for cell in cells]  # type: ignore[union-attr]
            return [
                column for i, name in enumerate(more) for column in _figures(f"{head}{name}", [values[i] for values in split])
            ]
    numbers = [cell for cell in cells if cell != UNKNOWN]
    if not numbers or not all(_NUMBER.fullmatch(cell) for cell in numbers):
        return [(head, list(cells))]
    unit = ", %" if all(cell.endswith(" %") for cell in numbers) else ""
    bare = [cell.removesuffix(" %").replace(",", "").removeprefix("+") for cell in cells]
    return [(head + unit, ["" if cell == UNKNOWN else cell for cell in bare])]
