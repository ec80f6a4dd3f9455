"""Writing InkML: a group of traces for each character or line, with its label and its writer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, TextIO
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.lines.line import LabelledLine
from allograph.errors import InputError
from allograph.files.atomic import atomic_file
from allograph.ink import ink_path
from allograph.samples.box import Unit

UNITS: dict[Unit, str] = {"millimetres": "mm", "device": "dev"}
"""What InkML calls the units."""

_OUTSIDE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Written(NamedTuple):
    """A character or a line that is written to a file."""

    label: str
    writer: str
    strokes: tuple[NDArray[np.float64], ...]
    """Each [k, 2], x and y, y down."""
    unit: Unit = "device"
    parts: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """The characters of a line, each its label and the places of its strokes; empty where they are not known."""

    @classmethod
    def of(cls, line: LabelledLine) -> Written:
        """A line of a corpus."""
        owner = line.characters
        parts = (
            ()
            if owner is None
            else tuple((name, tuple(np.flatnonzero(owner == i).tolist())) for i, name in enumerate(line.labels))
        )
        return cls(line.text, line.writer, line.strokes, line.unit, parts)


def write_inkml(path: str | Path, written: Iterable[Written]) -> int:
    """Write characters or lines as one document, and return how many they were; what stood there stays until it is whole.

    Coordinates are written to the last bit. Raises `InputError` for a label or a writer with what XML cannot hold, `ImageError`
    for a stroke that is no points [k, 2], at least one, all finite, and what `atomic_file` raises.
    """
    count = 0
    with atomic_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<ink xmlns="http://www.w3.org/2003/InkML">\n<definitions>\n')
        for unit, name in UNITS.items():
            channels = "".join(f'<channel name="{axis}" type="decimal" units="{name}"/>' for axis in "XY")
            file.write(f'<context xml:id="{unit}"><traceFormat>{channels}</traceFormat></context>\n')
        file.write("</definitions>\n")
        for one in written:
            _write(file, one, count)
            count += 1
        file.write("</ink>\n")
    return count


def _write(file: TextIO, one: Written, number: int) -> None:
    file.write(f'<traceGroup contextRef="#{one.unit}">\n{_annotation("writer", one.writer)}{_annotation("truth", one.label)}')
    for place, stroke in enumerate(one.strokes):
        name = f' xml:id="trace-{number}-{place}"' if one.parts else ""
        (path,) = ink_path([stroke], f"stroke {place} of {one.label[:40]!r}")
        points = ", ".join(f"{x!r} {y!r}" for x, y in path.tolist())
        file.write(f"<trace{name}>{points}</trace>\n")
    for label, places in one.parts:  # views of the traces, which keep their order
        views = "".join(f'<traceView traceDataRef="#trace-{number}-{place}"/>' for place in places)
        file.write(f"<traceView>{_annotation('truth', label).rstrip()}{views}</traceView>\n")
    file.write("</traceGroup>\n")


def _annotation(kind: str, text: str) -> str:
    if _OUTSIDE.search(text):
        raise InputError(f"the {'writer' if kind == 'writer' else 'label'} holds a character that XML cannot hold")
    return f'<annotation type="{kind}">{escape(text)}</annotation>\n'
