"""The InkML files of folders and paths, one document after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from allograph.corpora.inkml.document import Group, Stroke, read_document
from allograph.corpora.lines.text import characters_of
from allograph.errors import InputError
from allograph.files.input import files_below
from allograph.progress import Progress, silent

ENDINGS = (".inkml", ".xml")
"""What the files in a folder end with that are read."""


class Labelled(NamedTuple):
    """A labelled group of a document."""

    place: str
    """The file and the line, for messages."""
    label: str
    writer: str
    """Who is named, else the file's name below the folder that was given, without its ending."""
    strokes: list[Stroke]
    """At least one."""
    group: Group


def labelled_groups(paths: Sequence[Path], innermost: bool, progress: Progress = silent) -> Iterator[Labelled]:
    """Yield the innermost labelled groups of all documents, or the outermost; those without ink are passed over.

    The document itself is one where it is labelled and no group in it is; as an outermost one also where the groups in it are
    the characters of its label. Raises `InputError` where a path does not exist or a folder holds no such file, `FormatError` for
    what is no InkML.
    """
    files = [file for path in paths for file in _files(path)]
    for number, (file, name) in enumerate(files):
        progress("reading ink", number, len(files))
        document = read_document(file)
        found = document.labelled()
        if document.label is not None and (not found or (not innermost and _spell(found, document.label))):
            found = [document]
        for group in _innermost(found) if innermost else found:
            strokes = group.strokes()
            if strokes and group.label is not None:
                yield Labelled(f"{file}, line {group.line}", group.label, group.writer or name, strokes, group)


def _files(path: Path) -> list[tuple[Path, str]]:
    """The file itself, or those of a folder; each with its name below the folder, without its ending."""
    if not path.is_dir():
        return [(path, path.stem)]
    below = [Path(name) for name in files_below(path) if name.lower().endswith(ENDINGS)]
    if not below:
        raise InputError(f"{path} holds no file that ends with {' or '.join(ENDINGS)}")
    return [(file, file.relative_to(path).with_suffix("").as_posix()) for file in below]


def _spell(groups: Sequence[Group], label: str) -> bool:
    """Whether groups are the characters of a label, one each."""
    return tuple(group.label for group in groups) == characters_of(normalize("NFC", label))


def _innermost(groups: Sequence[Group]) -> Iterator[Group]:
    for group in groups:
        within = group.labelled()
        if within:
            yield from _innermost(within)
        else:
            yield group
