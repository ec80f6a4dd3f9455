"""The folder of a report on lines: tables, and a sample of lines drawn with their cuts."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from allograph.bundle import SHIPPED, Bundle
from allograph.corpora.lines.text import characters_of
from allograph.evaluation.lines.measures import edits
from allograph.evaluation.lines.protocol import DrawnLine, LineProtocol
from allograph.evaluation.lines.wording import TERMS
from allograph.evaluation.report.markdown import markdown, markdown_text
from allograph.evaluation.report.plots import COLOURS
from allograph.evaluation.report.report_folder import HTML, MARKDOWN, RESULTS, check_folder
from allograph.evaluation.report.results import write_results
from allograph.evaluation.report.table import Table
from allograph.evaluation.report.templates import page_template
from allograph.files.atomic import atomic_folder

MOST_DRAWN = 40
"""Lines that a report draws."""
WIDTH = 1000.0
"""Units across the drawing of a line."""
TALL = 60.0
"""Units of height that the median character has at most, so that a short line is not drawn larger than others."""


def write_line_report(
    folder: str | Path,
    content: dict[str, Any],
    tables: Sequence[Table],
    drawn: Sequence[DrawnLine],
    results: dict[str, Any],
) -> Path:
    """Write the page, the same in Markdown, and the results into a folder, all or nothing; returns the path of the page.

    `content` are texts: `name`, `headline`, `protocol`, `counts`, `command`, `model`. Raises `InputError` where the folder holds
    anything but an older report.
    """
    check_folder(folder)
    page = line_page(content, tables, drawn)
    text = line_markdown(content, tables)
    with atomic_folder(Path(folder).resolve()) as temporary:
        (temporary / HTML).write_text(page, encoding="utf-8")
        (temporary / MARKDOWN).write_text(text, encoding="utf-8")
        write_results(temporary / RESULTS, results)
    return Path(folder) / HTML


def line_page(content: dict[str, Any], tables: Sequence[Table], drawn: Sequence[DrawnLine]) -> str:
    """The report as one HTML page."""
    template = page_template("lines.html.j2")
    from markupsafe import Markup

    shown = [{**_texts(line), "writer": line.writer, "svg": Markup(line_drawing(line))} for line in _some(drawn)]
    return template.render(**content, terms=TERMS, colours=COLOURS, tables=tables, drawn=shown)


def _texts(line: DrawnLine) -> dict[str, Any]:
    """The texts of a line, in parts that are wrong or not."""
    truth = characters_of(line.truth)
    after, before = edits(characters_of(line.read), truth), edits(characters_of(line.before), truth)
    return {
        "count": len(truth),
        "wrong": after.distance,
        "truth": list(marked(line.truth, after.missed)),
        "read": list(marked(line.read, after.extra)),
        "before": list(marked(line.before, before.extra)),
    }


def line_markdown(content: dict[str, Any], tables: Sequence[Table]) -> str:
    """The report in Markdown: for a paper, or an issue."""
    blocks = [
        f"# {markdown_text(content['name'])}: evaluation of lines",
        f"**{markdown_text(content['headline'])}**",
        markdown_text(content["protocol"]),
        "## Tables",
        *(markdown(table) for table in tables),
        markdown_text(content["counts"]),
        "## What the words mean",
        "\n".join(f"- **{markdown_text(term)}**: {markdown_text(meaning)}" for term, meaning in TERMS.items()),
        "## To reproduce",
        f"~~~~\n{content['command']}\n~~~~",
    ]
    return "\n\n".join(blocks) + "\n"


def marked(text: str, wrong: Sequence[bool]) -> Iterator[tuple[str, bool]]:
    """Parts of a text and whether each is wrong; `wrong` is of its characters, spaces left out.

    >>> list(marked("a cat", [False, False, True, True]))
    [('a c', False), ('at', True)]
    >>> list(marked("at a", [False, True, False]))
    [('a', False), ('t', True), (' a', False)]
    """
    part, state = "", False
    characters = iter(zip(characters_of(text), wrong, strict=True))
    for place, word in enumerate(text.split()):
        if place and state:
            yield part, state
            part, state = "", False
        part += " " * (place > 0)
        for character, flag in islice(characters, len(characters_of(word))):
            if flag != state and part:
                yield part, state
                part = ""
            part, state = part + character, flag
    if part:
        yield part, state


def line_drawing(line: DrawnLine) -> str:
    """An `<svg>` element of the line's ink; the characters, as they were cut, have the classes `one` and `two` in turn."""
    points = np.concatenate([path for character in line.characters for path in character])
    corner, (width, height) = points.min(axis=0), np.ptp(points, axis=0)
    tall = float(np.median([np.ptp(np.concatenate(character)[:, 1]) for character in line.characters]))
    scale = min(WIDTH / max(float(width), 1e-9), TALL / max(tall, 1e-9))
    parts = []
    for place, character in enumerate(line.characters):
        path = "".join(_path((stroke - corner) * scale) for stroke in character)
        parts.append(f'<path class="{("one", "two")[place % 2]}" d="{path}"/>')
    box = f"-4 -4 {WIDTH + 8:.0f} {height * scale + 8:.0f}"
    head = f'<svg viewBox="{box}" preserveAspectRatio="xMinYMid meet" role="img" aria-label="The ink of the line">'
    return f"{head}{''.join(parts)}</svg>"


def _path(points: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    """A stroke as the commands of a path; a dot is a line without length, which a round pen shows."""
    rounded = np.round(points, 1)
    keep = np.append(True, (np.diff(rounded, axis=0) != 0).any(axis=1))
    first, *others = (f"{x:g} {y:g}" for x, y in rounded[keep].tolist())
    return f"M{first}" + ("".join(f"L{one}" for one in others) or "h0")


def _some(drawn: Sequence[DrawnLine]) -> list[DrawnLine]:
    """At most `MOST_DRAWN`, spread over all."""
    places = np.linspace(0, len(drawn) - 1, min(len(drawn), MOST_DRAWN)).round().astype(int)
    return [drawn[place] for place in places.tolist()]


def command(corpus: str, bundle: Bundle, protocol: LineProtocol) -> str:
    """What prints the figures again."""
    words = [
        f"allograph evaluate-lines {shlex.quote(corpus)}",
        *([] if bundle.path == SHIPPED else [f"--model {shlex.quote(bundle.path.name)}"]),
        f"--learn {protocol.learn:g}",
        *([] if protocol.split == "application" else [f"--split {protocol.split}"]),
        *([] if protocol.words is None else ["--words FILE"]),
        *([] if protocol.only_words is None else ["--only-words FILE"]),
        *([f"--pictures --pen {protocol.pen:g}"] if protocol.pictures else []),
        *(["--late"] if protocol.late else []),
    ]
    return " ".join(words)
