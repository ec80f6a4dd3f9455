"""A table written by workers: into one Parquet file, or into a folder of parts, with the same rows whoever makes them."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from allograph.corpora.parquet import atomic_parquet, footer_hash, pa, pq, sign, signature
from allograph.corpora.place import (
    RECORD,
    Place,
    as_place,
    atomic_upload,
    check_table_output,
    child,
    is_folder_name,
    is_url,
    remove_folder,
)
from allograph.corpora.table import PART
from allograph.errors import WorkerError
from allograph.execution import Jobs, ordered_map, wanted
from allograph.files.atomic import atomic_folder

Shared = TypeVar("Shared")
Task = TypeVar("Task")
Summary = TypeVar("Summary")
Make = Callable[[Shared, Task], tuple[pa.Table, Summary]]
"""What makes the rows of one row group, and what is to be known of them where they are not."""

PART_GROUPS = 16
"""Row groups in a part."""


@dataclass(frozen=True)
class Layout:
    """How a kind of table is written."""

    kind: str
    version: int
    schema: pa.Schema
    compression: str | dict[str, str] = "zstd"
    texts: bool | list[str] = True
    """The columns that are written as a dictionary of their values; True for all."""

    def writer(self, place: Place) -> Any:
        """What writes a file, whole or not at all."""
        return atomic_parquet(place, self.schema, self.compression, self.texts)


class TableOutput(ABC):
    """A table that is being written."""

    def __init__(self, layout: Layout, ends: ExitStack) -> None:
        self._layout, self._ends = layout, ends

    def fill(self, make: Make[Shared, Task, Summary], shared: Shared, tasks: Sequence[Task], jobs: Jobs) -> Iterator[Summary]:
        """Write the rows that `make(shared, task)` returns, a row group a task, and yield what it says of them, in order.

        When the output is done, or given up, those who still work are ended first: none writes to what is closed by then.
        """
        summaries = self._fill(make, shared, tasks, jobs)
        self._ends.callback(summaries.close)
        return summaries

    @abstractmethod
    def _fill(
        self, make: Make[Shared, Task, Summary], shared: Shared, tasks: Sequence[Task], jobs: Jobs
    ) -> Generator[Summary, None, None]: ...

    @abstractmethod
    def sign(self, record: Mapping[str, Any]) -> None:
        """Attach the table's record, when all is written."""


@contextmanager
def table_output(output: Place, layout: Layout) -> Iterator[TableOutput]:
    """Write a table, whole or not at all: a folder of parts where the name ends with a slash, else one file.

    Raises `InputError` where it would harm what is there (`place.check_table_output`).
    """
    check_table_output(output)
    place = as_place(output)
    if not is_folder_name(output):
        with layout.writer(place) as file, ExitStack() as ends:
            yield _File(file, layout, ends)
    elif isinstance(place, Path):
        with atomic_folder(place) as folder, ExitStack() as ends:
            yield _Folder(folder.absolute(), layout, ends)
    else:
        try:
            with ExitStack() as ends:
                yield _Folder(place, layout, ends)
        except BaseException:
            remove_folder(place)
            raise


class _File(TableOutput):
    def __init__(self, file: pq.ParquetWriter, layout: Layout, ends: ExitStack) -> None:
        super().__init__(layout, ends)
        self._file = file

    def _fill(
        self, make: Make[Shared, Task, Summary], shared: Shared, tasks: Sequence[Task], jobs: Jobs
    ) -> Generator[Summary, None, None]:
        """Let workers make the row groups, and write them here: each while the next is made."""
        writing: Future[None] | None = None
        with ThreadPoolExecutor(1) as pool:
            for table, summary in ordered_map(make, shared, tasks, jobs):
                if writing:
                    writing.result()
                writing = pool.submit(self._file.write_table, table) if table.num_rows else None
                yield summary
            if writing:
                writing.result()

    def sign(self, record: Mapping[str, Any]) -> None:
        """Attach the record to the file."""
        sign(self._file, self._layout.kind, self._layout.version, record)


class _Folder(TableOutput):
    def __init__(self, folder: Place, layout: Layout, ends: ExitStack) -> None:
        super().__init__(layout, ends)
        self._folder = folder
        self._parts: dict[str, list[int]] = {}
        self._footers: dict[str, str] = {}

    def _fill(
        self, make: Make[Shared, Task, Summary], shared: Shared, tasks: Sequence[Task], jobs: Jobs
    ) -> Generator[Summary, None, None]:
        """Let workers write the parts."""
        starts = range(0, len(tasks), PART_GROUPS)
        parts = [(f"part-{number:05d}.parquet", tasks[start : start + PART_GROUPS]) for number, start in enumerate(starts)]
        work = (make, shared, self._folder, self._layout)
        for (name, _), (rows, footer, summaries) in zip(parts, ordered_map(_write_part, work, parts, jobs), strict=True):
            if rows:
                self._parts[name], self._footers[name] = rows, footer
            yield from summaries

    def sign(self, record: Mapping[str, Any]) -> None:
        """Write the record, after which the folder is a table."""
        text = signature(self._layout.kind, self._layout.version, {"parts": self._parts, "footers": self._footers, **record})
        if is_url(self._folder):
            with atomic_upload(child(self._folder, RECORD)) as file:
                file.write(text.encode())
            return
        folder = Path(self._folder)
        for left in [path for path in folder.iterdir() if path.name not in self._parts]:  # by workers that were killed
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        (folder / RECORD).write_text(text, encoding="utf-8")


def _write_part(
    work: tuple[Make[Shared, Task, Summary], Shared, Place, Layout], part: tuple[str, Sequence[Task]]
) -> tuple[list[int], str, list[Summary]]:
    """Write one part, unless it has no rows; returns the rows of its row groups, its `footer_hash`, and what is known of them."""
    make, shared, folder, layout = work
    name, tasks = part
    rows: list[int] = []
    footer = ""
    summaries: list[Summary] = []
    tables = _tables(make, shared, tasks, summaries)
    first = next(tables, None)
    if first is not None:
        with layout.writer(child(folder, name)) as file:
            for table in chain([first], tables):
                file.write_table(table)
                rows.append(table.num_rows)
            sign(file, PART, layout.version, {"of": layout.kind})
        footer = footer_hash(child(folder, name))
    return rows, footer, summaries


def _tables(
    make: Make[Shared, Task, Summary], shared: Shared, tasks: Sequence[Task], summaries: list[Summary]
) -> Iterator[pa.Table]:
    """Yield the tables that have rows, and note what is to be known of all."""
    for task in tasks:
        if not wanted():
            raise WorkerError("the work was dropped")
        table, summary = make(shared, task)
        summaries.append(summary)
        if table.num_rows:
            yield table
