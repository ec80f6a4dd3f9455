"""`allograph read-lines`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allograph.cli.output import encodable, say
from allograph.cli.terminal import AsJson, Model, print_json
from allograph.errors import InputError

if TYPE_CHECKING:
    from allograph.lines import Line, LineInk
    from allograph.writers import Writer

STDIN = "-"
MOST_BYTES = 1 << 28
"""A file of strokes, or a picture, is no larger."""
FORM = 'strokes are [[[x, y], …], …], or {"strokes": [[[x, y], …], …], "unit": "millimetres", "device": "tablet"}'
MEMBERS = ("strokes", "unit", "device")


def read_lines(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Lines, a file each: JSON strokes (a list of strokes, each a list of points x and y, y down; or an object with "
            "such strokes, and perhaps their unit, millimetres, and device), or a picture; - is standard input."
        ),
    ],
    writer: Annotated[str | None, typer.Option(help="Whose line it is; nobody's in particular unless said.")] = None,
    store: Annotated[
        str | None, typer.Option("--store", help="Where the writer's corrections are: an SQLite file, or postgresql://….")
    ] = None,
    tenant: Annotated[str, typer.Option(help="The tenant whose writer is meant.")] = "default",
    alphabet: Annotated[
        str | None, typer.Option(help="Read only these labels: digits, letters, upper, lower, alphanumeric.")
    ] = None,
    words: Annotated[Path | None, typer.Option(help="Words that lines likely hold: a text file with a word a line.")] = None,
    best: Annotated[int, typer.Option(min=1, help="Print so many of the likeliest texts of each line.")] = 1,
    correct: Annotated[
        str | None, typer.Option(help="What the line says: it is learned for the writer, in the store, which is made if need be.")
    ] = None,
    id: Annotated[
        str | None, typer.Option("--id", help="With --correct, the line's name: corrected again under it, it counts once.")
    ] = None,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Read lines of hand print, unjoined letters, from pen strokes or pictures, and print their text.

    With --writer and --store they are read as that writer's, with all that was corrected. What is unsure, or looks joined up, is
    said on standard error. A correction is taken back by its id, from Python or over HTTP.
    """
    from allograph.recognizer import Recognizer

    if store is not None and writer is None:
        raise InputError("--store holds writers: say whose line it is with --writer")
    if correct is not None and (len(paths) != 1 or writer is None or store is None):
        raise InputError("--correct is for one line of a writer in a store: give one file, --writer and --store")
    if id is not None and correct is None:
        raise InputError("--id names a line that is corrected; give --correct too")
    inks = [(str(path), _ink(path)) for path in paths]
    with _hand(Recognizer(model), writer, store, tenant, is_new=correct is not None) as hand:
        lines = [(name, hand.read_line(ink, alphabet=alphabet, id=id, words=words)) for name, ink in inks]
        done = None if correct is None else hand.correct_line(lines[0][1], correct)
    for name, line in lines:
        _warn(name, line)
    learned: dict[str, Any] | None = None
    if done is not None:
        learned = {"id": done.id, "learned": len(done.corrections), "doubtful": [one._asdict() for one in done.doubtful]}
        say(f"learned {len(done.corrections)} characters, {len(done.doubtful)} doubtful ones left out; correction {done.id}")
    if as_json:
        print_json({"writer": writer, "lines": [_record(name, line, best) for name, line in lines], "correction": learned})
        return
    for _, line in lines:
        for text, probability in line.best(best):
            print(encodable(text) if best == 1 else f"{probability:.3f}  {encodable(text)}")


@contextmanager
def _hand(model: Any, writer: str | None, store: str | None, tenant: str, is_new: bool) -> Iterator[Writer]:
    """Who reads: a writer of a store, or one of whom nothing is known."""
    from allograph.writers import Writer, Writers

    if store is None or writer is None:
        yield Writer(writer or "nobody", model)
        return
    from allograph.profiles import open_store

    with closing(open_store(store, existing=not is_new)) as opened:
        writers = Writers(opened, model, tenant=tenant)
        if writer not in writers and not is_new:
            say(f"the store has no writer {writer!r}: the line is read as of somebody new")
        yield writers[writer]


def _ink(path: Path) -> LineInk:
    """The ink of a file: JSON where it begins like that, else a picture."""
    from allograph.files.input import read_file
    from allograph.lines import LineInk

    name = "standard input" if str(path) == STDIN else str(path)
    try:
        data = sys.stdin.buffer.read(MOST_BYTES + 1) if str(path) == STDIN else read_file(path, MOST_BYTES)
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror})") from error
    if len(data) > MOST_BYTES:
        raise InputError(f"{name} has more than {MOST_BYTES:,} bytes, which no line has")
    if not data.strip():
        raise InputError(f"{name} is empty; {FORM}, or a picture")
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        strokes, options = _strokes(data, name)
        return LineInk.from_strokes(strokes, name=name, **options)
    return LineInk.from_picture(data, name=name)


def _strokes(data: bytes, name: str) -> tuple[list[Any], dict[str, Any]]:
    """Strokes in JSON, and their unit and device where they are said."""
    from allograph.files.json_files import parse_json

    try:
        value = parse_json(data)
    except ValueError as error:
        raise InputError(f"{name} is no JSON ({error}); {FORM}") from error
    options: dict[str, Any] = {}
    if isinstance(value, dict):
        foreign = sorted(set(value) - set(MEMBERS))
        if foreign or "strokes" not in value:
            raise InputError(f"{name} has {'the member ' + repr(foreign[0][:40]) if foreign else 'no strokes'}; {FORM}")
        options = {key: value[key] for key in ("unit", "device") if key in value}
        value = value["strokes"]
    if not isinstance(value, list) or not all(isinstance(stroke, list) for stroke in value):
        raise InputError(f"{name} holds no list of strokes; {FORM}")
    return value, options


def _record(name: str, line: Line, best: int) -> dict[str, Any]:
    return {
        "path": name,
        "id": line.id,
        "text": line.text,
        "probability": line.probability,
        "joined": line.joined,
        "unsure": list(line.unsure),
        "best": [{"text": text, "probability": probability} for text, probability in line.best(best)],
        "characters": [
            {
                "label": one.label,
                "sureness": one.sureness,
                "base": one.base,
                "pieces": list(one.pieces),
                "row": one.row,
                "space_before": one.space_before,
            }
            for one in line.characters
        ],
    }


def _warn(name: str, line: Line) -> None:
    if line.joined:
        say(f"{name} looks like joined-up writing, which is not read: do not rely on the text")
    elif line.unsure:
        labels = " ".join(line.characters[place].label for place in line.unsure)
        say(f"{name}: unsure of {len(line.unsure)} of {len(line.characters)} characters: {labels}")
