"""Where lines come from, by name: to add a source, write a function that gathers its lines and give it a line in `SOURCES`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.lines.line import LabelledLine
from allograph.errors import InputError
from allograph.progress import Progress, silent
from allograph.split import Split

SOURCES = {
    "lines": "lines.archive:LineArchive.open",
    "unipen": "unipen.lines:gather_lines",
    "inkml": "inkml.lines:gather_lines",
}
"""By the word on the command line: the module in `corpora` and what opens the lines; all but `inkml` take one path."""


class LineSource(Protocol):
    """Lines that a corpus can be made of."""

    @property
    def name(self) -> str:
        """What the corpus names as its source."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know: how much was left out, and why."""
        ...

    @property
    def origin(self) -> str:
        """Whom to name, where it is known."""
        ...

    @property
    def licence(self) -> str:
        """The licence, where it is known."""
        ...

    @property
    def texts(self) -> NDArray[np.str_]:
        """[n] as `check_text` has them."""
        ...

    @property
    def writers(self) -> NDArray[np.str_]:
        """[n] as `check_writer` has them."""
        ...

    def __len__(self) -> int:
        """How many there are; at least one."""
        ...

    def splits(self) -> Mapping[str, Split] | None:
        """The split of every writer, where the source brings its own."""
        ...

    def line(self, place: int, split: Split) -> LabelledLine:
        """One of the lines; raises `InputError`, which names its place, where it can be none."""
        ...


@dataclass(frozen=True)
class GatheredLines:
    """Lines in memory."""

    name: str
    lines: Sequence[LabelledLine]
    """At least one; their splits are not looked at."""
    notes: tuple[str, ...] = ()
    origin: str = ""
    licence: str = ""

    @cached_property
    def texts(self) -> NDArray[np.str_]:
        """[n] what each line says."""
        return np.array([line.text for line in self.lines], np.str_)

    @cached_property
    def writers(self) -> NDArray[np.str_]:
        """[n] who wrote it."""
        return np.array([line.writer for line in self.lines], np.str_)

    def __len__(self) -> int:
        return len(self.lines)

    def splits(self) -> None:
        """None: the files say nothing of splits."""

    def line(self, place: int, split: Split) -> LabelledLine:
        """One of the lines, in a split."""
        return replace(self.lines[place], split=split)


def open_lines(name: str, paths: Sequence[str | Path], progress: Progress = silent) -> LineSource:
    """The lines of a source by its name, whose module is imported only now; raises `InputError` unless the paths are its own."""
    if name not in SOURCES:
        raise InputError(f"{name} has no lines; lines are in {', '.join(SOURCES)}")
    if not paths or (name != "inkml" and len(paths) != 1):
        what = {"lines": "npz archive", "unipen": "release, a folder or an archive", "inkml": "or more InkML files or folders"}[
            name
        ]
        raise InputError(f"{name} reads {'one' if name == 'inkml' else 'exactly one'} {what}; {len(paths)} were given")
    module, _, opener = SOURCES[name].partition(":")
    found = import_module(f"allograph.corpora.{module}")
    for part in opener.split("."):
        found = getattr(found, part)
    given = [Path(path) for path in paths] if name == "inkml" else Path(paths[0])
    source: LineSource = found(given) if name == "lines" else found(given, progress)  # type: ignore[operator]
    return source
