"""The pictures of a report: SVG whose colours the page decides, and sheets of styles as small PNGs."""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from allograph.errors import missing_extra
from allograph.evaluation.measures.figures import Figures, MethodFigures
from allograph.evaluation.report.table import points
from allograph.images.frames import SIDE

COLOURS = {
    "paper": ("#fdfcfa", "#161513"),
    "ink": ("#1c1b19", "#edebe6"),
    "soft": ("#5d5a54", "#aaa69d"),
    "rule": ("#dedbd3", "#3a3834"),
    "band": ("#eeebe4", "#2a2825"),
    "better": ("#1f5fa8", "#78b4f2"),
    "worse": ("#b8410e", "#ff9a66"),
    "line-1": ("#1f5fa9", "#78b4f3"),
    "line-2": ("#b8410f", "#ff9a67"),
    "line-3": ("#1a7347", "#5fd39a"),
    "line-4": ("#7d3fa8", "#cf9df0"),
    "line-5": ("#8a6400", "#e3bb4a"),
    "line-6": ("#a8285f", "#f58ab8"),
}
"""Each colour on a light and on a dark page, by the name of its CSS variable."""
WIDTHS = (340, 960)
"""Pixels across a plot on a phone and on a desk; the page shows the one that fits."""
SHEET_COLUMNS = 5
"""Styles side by side in a sheet."""

LIGHT = {name: light for name, (light, _) in COLOURS.items()}
"""The colours that plots are drawn in; `as_svg` puts variables in their place."""
FONT = 11
"""Pixels high is a plot's text."""
_LONGEST_NAME = 14
_NAMED_SLOT = 13
"""Pixels that a bar needs to have its writer's name beneath it."""


def gain_plot(figures: Figures, method: str, width: int) -> str:
    """Every writer's gain in points as a bar, the highest first; the band is the pooled gain's 95 % interval.

    All methods have the same scale. Returns an `<svg>` element without size, `width` units across.
    """
    gains = np.array([writer.methods[method] - writer.base for writer in figures.writers]) * 100
    order = np.argsort(-gains, kind="stable")
    gains, pooled = gains[order], figures.methods[method]
    slot = (width - 48) / len(gains)
    named = slot >= _NAMED_SLOT
    names = [short(figures.writers[i].id) for i in order] if named else []
    below = 14 + 6.6 * max(map(len, names)) if named else 26
    figure, axes = bare_axes(width, 212 + below, below)

    low, high = _limits(figures)
    axes.set(xlim=(-0.5, len(gains) - 0.5), ylim=(low, high))
    axes.axhspan(*(100 * end for end in pooled.gain_ci95), color=LIGHT["band"], lw=0, zorder=0)
    axes.grid(axis="y", color=LIGHT["rule"], lw=0.8, zorder=1)
    thickness = 0.38 if slot > 4 else 0.5
    hair = (high - low) / 212
    for colour, shown in (("better", gains > 0), ("worse", gains < 0), ("soft", gains == 0)):
        bars = [(i - thickness, i + thickness, gains[i] or -hair, 0 if gains[i] else hair) for i in np.flatnonzero(shown)]
        _add_boxes(axes, bars, colour)
    axes.axhline(0, color=LIGHT["ink"], lw=1, zorder=3)
    axes.axhline(100 * pooled.gain, color=LIGHT["ink"], lw=1, ls=(0, (4, 3)), zorder=4)
    axes.annotate(
        minus(f"all samples {points(pooled.gain)}"), (1, 100 * pooled.gain), (-2, 4), xycoords=("axes fraction", "data"),
        textcoords="offset points", ha="right", va="bottom", color=LIGHT["ink"], fontsize=FONT,
    )  # fmt: skip
    axes.yaxis.set_major_formatter(lambda value, _: minus(f"{value:+g}") if value else "0")
    if named:
        axes.set_xticks(range(len(names)), names, rotation=90, rotation_mode="anchor", ha="right", va="center", parse_math=False)
    else:
        axes.set_xticks([])
        axes.set_xlabel(f"{len(gains)} writers, from the most helped to the most harmed", color=LIGHT["soft"], fontsize=FONT)
    return as_svg(figure, f"gain {method} {width}")


def methods_plot(figures: Figures, width: int) -> str:
    """The share of errors that each method cuts, with its 95 % interval, in per cent; an `<svg>` element as above."""
    methods = [(name, method) for name, method in figures.methods.items() if method.error_cut is not None]
    methods.sort(key=lambda item: item[1].error_cut or 0)
    names = [short(name) for name, _ in methods]
    figure, axes = bare_axes(width, 26 * len(methods) + 44, 24, left=16 + 6.6 * max(map(len, names)))
    axes.grid(axis="x", color=LIGHT["rule"], lw=0.8, zorder=1)
    axes.axvline(0, color=LIGHT["ink"], lw=1, zorder=2)
    for row, (_, method) in enumerate(methods):
        cut, low, high = _cut_with_interval(method)
        colour = LIGHT["better" if cut >= 0 else "worse"]
        axes.plot((low, high), (row, row), color=colour, lw=3, solid_capstyle="butt", zorder=3)
        axes.plot((cut,), (row,), "o", color=colour, ms=9, zorder=4)
        axes.annotate(
            minus(f"{cut:.1f} %"), (cut, row), (0, 7), textcoords="offset points", ha="center", va="bottom",
            color=LIGHT["ink"], fontsize=FONT,
        )  # fmt: skip
    axes.set(ylim=(-0.6, len(methods) - 0.2))
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.xaxis.set_major_formatter(lambda value, _: minus(f"{value:g} %"))
    axes.spines["bottom"].set_visible(False)
    return as_svg(figure, f"methods {width}")


def style_sheet(images: NDArray[np.uint8]) -> tuple[str, int, int]:
    """Images [k, 28, 28] side by side as a PNG in a data URI, `SHEET_COLUMNS` in a row with clear gaps; its width and height.

    Grey is kept in 15 steps, which is a third of the bytes and looks the same.
    """
    columns, step = min(len(images), SHEET_COLUMNS), SIDE + 1
    rows = -(-len(images) // SHEET_COLUMNS)
    sheet = np.full((rows * step - 1, columns * step - 1), 15, np.uint8)  # 15 is clear
    for i, image in enumerate(images):
        top, left = i // SHEET_COLUMNS * step, i % SHEET_COLUMNS * step
        sheet[top : top + SIDE, left : left + SIDE] = (image.astype(np.uint16) * 14 + 127) // 255
    picture = Image.fromarray(sheet).convert("P")
    picture.putpalette([round(grey * 255 / 14) for grey in range(15) for _ in "rgb"] + [128] * 3)
    file = io.BytesIO()
    picture.save(file, "PNG", bits=4, transparency=15, optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}", sheet.shape[1], sheet.shape[0]


def _limits(figures: Figures) -> tuple[float, float]:
    """The scale of all gain plots, in points."""
    values = [100 * (share - writer.base) for writer in figures.writers for share in writer.methods.values()]
    values += [100 * end for method in figures.methods.values() for end in method.gain_ci95]
    low, high = min(0.0, *values), max(0.0, *values)
    room = 0.06 * (high - low) or 1.0
    return low - (room if low < 0 else room / 3), high + room


def _cut_with_interval(method: MethodFigures) -> tuple[float, float, float]:
    cut = method.error_cut or 0.0
    low, high = method.error_cut_ci95 or (cut, cut)
    return 100 * cut, 100 * low, 100 * high


def minus(text: str) -> str:
    """A true minus in place of each hyphen."""
    return text.replace("-", "\N{MINUS SIGN}")


def short(name: str) -> str:
    """A name cut to what fits beside a plot."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def bare_axes(width: float, height: float, below: float, left: float = 40) -> tuple[Any, Any]:
    """A figure in pixels (72 to the inch) with one bare pair of axes."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:  # pragma: no cover
        raise missing_extra("matplotlib", "research") from error

    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    axes = figure.add_axes((left / width, below / height, 1 - (left + 8) / width, 1 - (below + 10) / height))
    axes.patch.set_visible(False)
    figure.patch.set_visible(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, pad=5, labelsize=FONT, labelcolor=LIGHT["ink"])
    return figure, axes


def _add_boxes(axes: Any, boxes: Sequence[tuple[float, float, float, float]], colour: str) -> None:
    """Boxes (left, right, bottom, top) as one path: many writers stay quick and small."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not boxes:
        return
    corners = [[(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)] for x0, x1, y0, y1 in boxes]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(boxes)
    path = Path(np.array(corners).reshape(-1, 2), codes)
    axes.add_patch(PathPatch(path, facecolor=LIGHT[colour], lw=0, zorder=2))


def as_svg(figure: Any, name: str) -> str:
    """The figure as an `<svg>` element: text as text, colours as CSS variables, no ids but those it needs itself."""
    from matplotlib import rc_context

    file = io.BytesIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with warnings.catch_warnings(), rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # the reader's browser has its own fonts
        figure.savefig(file, format="svg", metadata=nothing, transparent=True)
    root = ElementTree.fromstring(file.getvalue())
    referenced = set(re.findall(r"#([\w-]+)", " ".join(value for part in root.iter() for value in part.attrib.values())))
    for part in root.iter():
        part.tag = part.tag.partition("}")[2]
        for key, value in list(part.attrib.items()):
            del part.attrib[key]
            if key != "clip-path" and (key != "id" or value in referenced):  # nothing reaches beyond the axes
                part.set(key.rpartition("}")[2], _with_variables(value))
    for defs in root.findall("defs"):
        root.remove(defs)  # clip paths, and a style sheet that would reach the whole page
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    return ElementTree.tostring(root, encoding="unicode")


def _with_variables(style: str) -> str:
    style = re.sub(r"font-family: [^;]*; ?", "", style)  # the page's
    for name, colour in LIGHT.items():
        style = style.replace(colour, f"var(--{name})")
    return style
