"""What the commands show: progress and tables for people, JSON for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table as RichTable
from rich.text import Text

from allograph.progress import Progress

if TYPE_CHECKING:
    from allograph.evaluation.tables import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON alone on standard output.")]
Model = Annotated[Path | None, typer.Option("--model", help="The bundle; the shipped one unless said.")]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes; one a core unless said.")]


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Progress on standard error: a bar on a terminal, a line a step elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield show


def _lines() -> Progress:
    last = {"what": ""}

    def show(what: str, done: int, total: int) -> None:
        if what != last["what"]:
            last["what"] = what
            print(f"{what} …", file=sys.stderr, flush=True)

    return show


def print_json(value: Any) -> None:
    """JSON alone on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(table: Table) -> None:
    """A table on standard output; its texts are shown as they are, markup and all."""
    shown = RichTable(title=Text(table.title), title_justify="left", box=box.SIMPLE_HEAD)
    for i, head in enumerate(table.head):
        shown.add_column(Text(head), justify="right" if i else "left")
    for row in table.rows:
        shown.add_row(*(Text(cell) for cell in row))
    console = Console()
    console.print(shown, width=max(console.width, 100) if not console.is_terminal else None)


def print_facts(title: str, facts: dict[str, Any]) -> None:
    """Names and values on standard output."""
    print(title)
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        print(f"  {name:<{width}}  {_shown(value)}")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(inner)}" for key, inner in value.items() if inner is not None)
    if isinstance(value, list | tuple):
        return "; ".join(map(_shown, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
