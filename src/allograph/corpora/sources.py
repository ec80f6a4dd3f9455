"""The sources by name, for the command line and for `prepare`: to add one, write its file and give it a line here."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from allograph.corpora.source import Source
from allograph.errors import InputError


class Entry(NamedTuple):
    """A source that has a name."""

    place: str
    """The module inside this room and the class in it."""
    reads: str
    """What its one path is; `paths` where it takes one or more, empty where it takes none."""
    options: tuple[str, ...] = ()
    """Keyword arguments of the class."""


SOURCES = {
    "nist": Entry("nist.source:NistSource", "paths", ("polarity", "square")),
    "deepwriting": Entry("deepwriting.source:DeepWritingSource", "paths", ("square", "undistorted")),
    "unipen": Entry("unipen.source:UnipenSource", "paths", ("shipped",)),
    "inkml": Entry("inkml.source:InkmlSource", "paths", ("origin", "licence")),
    "digits": Entry("digits:DigitsSource", ""),
    "npz": Entry("npz.source:NpzSource", "archive", ("origin", "licence", "boxes")),
    "folder": Entry("folder:FolderSource", "manifest", ("origin", "licence", "polarity", "square")),
    "femnist": Entry("femnist.source:FemnistSource", "paths"),
}


def make_source(name: str, paths: Sequence[str | Path] = (), **options: Any) -> Source:
    """The source of a name, whose module is imported only now; raises `InputError` unless paths and options are its own.

    >>> make_source("digits").licence
    'CC BY 4.0'
    """
    if name not in SOURCES:
        raise InputError(
            f"there is no source {name!r}; there are {', '.join(SOURCES)}; whole lines: allograph prepare lines, `prepare_lines`"
        )
    entry = SOURCES[name]
    foreign = sorted(set(options) - set(entry.options))
    if foreign:
        raise InputError(f"the source {name} has no {foreign[0]}; its options are {', '.join(entry.options) or 'none'}")
    if entry.reads == "paths" and not paths:
        raise InputError(f"{name} needs the path of what to read; see allograph prepare --help")
    if entry.reads not in ("paths", "") and len(paths) != 1:
        raise InputError(f"{name} reads exactly one {entry.reads}; {len(paths)} were given")
    if not entry.reads and paths:
        raise InputError(f"the {name} come with scikit-learn; no path is needed")
    module, _, kind = entry.place.partition(":")
    files = [Path(path) for path in paths]
    arguments: list[Any] = [files] if entry.reads == "paths" else files
    source: Source = getattr(import_module(f"allograph.corpora.{module}"), kind)(*arguments, **options)
    return source
