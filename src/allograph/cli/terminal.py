"""What the commands show: progress and tables for people, JSON for scripts."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from allograph.cli.output import encodable, is_utf8, say
from allograph.errors import InputError
from allograph.execution import is_here
from allograph.progress import Progress

if TYPE_CHECKING:
    from allograph.evaluation.report.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON alone on standard output.")]
Model = Annotated[Path | None, typer.Option("--model", help="The bundle; the shipped one unless said.")]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes; one a core unless said.")]
OneJob = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes; one unless said.")]
Cluster = Annotated[
    str | None,
    typer.Option(help="Workers of a Dask cluster instead: tcp://HOST:PORT, its scheduler, or local:N, N workers begun here."),
]

GAP = 2
"""Blanks between the columns of a table."""
PATIENCE = 10.0
"""Seconds without a line of progress, where there is no terminal."""


def jobs_of(jobs: int | None, cluster: str | None) -> int | str | None:
    """Who is to work (`execution.Jobs`); raises `InputError` where both are named, or what can be no cluster."""
    if cluster is None:
        return jobs
    if jobs is not None:
        raise InputError("--jobs and --cluster exclude each other; the cluster says how many workers there are")
    is_here(cluster)
    return cluster


class Interrupted(BaseException):
    """Ctrl-C, or a request to stop, which tidies up likewise."""


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Progress on standard error: a bar on a terminal, elsewhere a line a step and one every ten seconds."""
    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield _lines()
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield show


def _lines() -> Progress:
    last, since = "", 0.0

    def show(what: str, done: int, total: int) -> None:
        nonlocal last, since
        now = time.monotonic()
        if what != last:
            say(f"{what} …")
        elif now - since > PATIENCE and done < total:
            say(f"{what}, {done:,} of {total:,} …")
        else:
            return
        last, since = what, now

    return show


def print_json(value: Any) -> None:
    """JSON alone on standard output; where that is not UTF-8, in ASCII."""
    print(json.dumps(value, indent=2, ensure_ascii=not is_utf8(), allow_nan=False))


def print_text(text: str) -> None:
    """Words on standard output, broken between them where the terminal ends."""
    for line in _wrap(encodable(text), shutil.get_terminal_size().columns):
        print(line)


def print_table(table: Table) -> None:
    """A table on standard output, whole: what does not fit the width of the terminal is continued below, and nothing is cut.

    Its texts are shown as they are, markup and all.
    """
    for line in table_lines(table, shutil.get_terminal_size().columns):
        print(line)


def table_lines(table: Table, width: int) -> list[str]:
    """The lines of a table that is `width` cells wide: where it has too many columns, the first is repeated with each part.

    A column that does not fit beside the first is a list of its cells, each with the row's name.
    """
    from allograph.evaluation.report.table import with_methods_as_rows

    table = with_methods_as_rows(table)
    head, *rows = ([encodable(cell) for cell in row] for row in (table.head, *table.rows))
    widths = [_least_width(head, rows, i) for i in range(len(head))]
    names = min(table.texts, len(head))
    parts = [list(range(names))]
    for i in range(names, len(head)):
        if len(parts[-1]) > names and sum(widths[k] + GAP for k in parts[-1]) + widths[i] > width:
            parts.append(list(range(names)))
        parts[-1].append(i)
    lines = [*_wrap(encodable(table.title), width), ""]
    for part in parts:
        fits = sum(widths[i] + GAP for i in part) - GAP <= width
        show = _side_by_side if fits or len(part) == names else _as_list
        lines += [*show([head[i] for i in part], [[row[i] for i in part] for row in rows], width, names), ""]
    return lines


def _as_list(head: Sequence[str], rows: Sequence[Sequence[str]], width: int, names: int) -> list[str]:
    """One column that is too wide to stand beside the names."""
    cells = [f"  {' '.join(filter(None, row[:names]))}: {row[-1]}" for row in rows]
    return [f"{head[-1]}:", *cells]


def _least_width(head: Sequence[str], rows: Sequence[Sequence[str]], column: int) -> int:
    """Cells that a column needs when its head is broken between words."""
    return max([*map(cell_len, head[column].split()), *(cell_len(row[column]) for row in rows), 1])


def _side_by_side(head: Sequence[str], rows: Sequence[Sequence[str]], width: int, names: int) -> list[str]:
    """Some columns of a table, `names` of them to the left; heads are broken between words where there is no room."""
    widths = [_least_width(head, rows, i) for i in range(len(head))]
    room = width - sum(widths) - GAP * (len(head) - 1)
    for i, text in enumerate(head):
        more = cell_len(text) - widths[i]
        if 0 < more <= room:
            widths[i] += more
            room -= more
    heads = [_wrap(text, cells) for text, cells in zip(head, widths, strict=True)]
    deep = max(map(len, heads))
    above = [[*[""] * (deep - len(part)), *part] for part in heads]
    rule = encodable("─") * (sum(widths) + GAP * (len(widths) - 1))
    return [*(_line(row, widths, names) for row in zip(*above, strict=True)), rule, *(_line(row, widths, names) for row in rows)]


def _line(cells: Sequence[str], widths: Sequence[int], names: int) -> str:
    """Names to the left, figures to the right."""
    blanks = [" " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)]
    parts = [cell + blank if i < names else blank + cell for i, (cell, blank) in enumerate(zip(cells, blanks, strict=True))]
    return (" " * GAP).join(parts).rstrip()


def _wrap(text: str, width: int) -> list[str]:
    """A text broken between words; a word that is wider than the width stays whole."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if cell_len(joined) <= width or not lines[-1]:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def print_facts(title: str, facts: dict[str, Any]) -> None:
    """Names and values on standard output."""
    print(encodable(title))
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        print(encodable(f"  {name:<{width}}  {_value_text(value)}"))


def _value_text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value_text(inner)}" for key, inner in value.items() if inner is not None)
    if isinstance(value, list | tuple):
        return "; ".join(map(_value_text, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
