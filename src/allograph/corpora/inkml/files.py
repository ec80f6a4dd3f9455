"""The InkML files of folders and paths, one document after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from allograph.corpora.inkml.document import Group, Stroke, read_document
from allograph.errors import InputError
from allograph.files.input import files_below

ENDINGS = (".inkml", ".xml")
"""What the files in a folder end with that are read."""


class Labelled(NamedTuple):
    """A labelled group of a document."""

    place: str
    """The file and the line, for messages."""
    label: str
    writer: str
    """Who is named, else the file's name without its ending."""
    strokes: list[Stroke]
    """At least one."""
    group: Group


def labelled_groups(paths: Sequence[Path], innermost: bool) -> Iterator[Labelled]:
    """Yield the innermost labelled groups of all documents, or the outermost; those without ink are passed over.

    The document itself is one where it is labelled and no group in it is. Raises `InputError` where a path does not exist or a
    folder holds no such file, `FormatError` for what is no InkML.
    """
    for path in paths:
        if path.is_dir():
            below = [Path(name) for name in files_below(path) if name.lower().endswith(ENDINGS)]
            if not below:
                raise InputError(f"{path} holds no file that ends with {' or '.join(ENDINGS)}")
        else:
            below = [path]
        for file in below:
            document = read_document(file)
            found = document.labelled() or ([document] if document.label is not None else [])
            for group in _innermost(found) if innermost else found:
                strokes = group.strokes()
                if strokes and group.label is not None:
                    yield Labelled(f"{file}, line {group.line}", group.label, group.writer or file.stem, strokes, group)


def _innermost(groups: Sequence[Group]) -> Iterator[Group]:
    for group in groups:
        within = group.labelled()
        if within:
            yield from _innermost(within)
        else:
            yield group
