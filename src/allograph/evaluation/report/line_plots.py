"""Line charts: accuracy against corrections, risk against coverage, probability against accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from allograph.evaluation.report.plots import COLOURS, FONT, LIGHT, as_svg, bare_axes, minus, short

COLOUR_NAMES = [name for name in COLOURS if name.startswith("line-")]
DASHES: tuple[tuple[int, ...], ...] = ((), (5, 2), (1, 2))
"""How the lines run when the colours are used up once, twice."""


@dataclass(frozen=True)
class Line:
    """A line of a chart; y in per cent."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    control: bool = False
    """Drawn in ink and dashed: the base."""


def lines_plot(
    lines: Sequence[Line], width: int, name: str, x_label: str, ticks: Sequence[tuple[float, str]] = (), diagonal: bool = False
) -> str:
    """The lines with a legend below them; `name` is the chart's own, `ticks` are (place, text), `diagonal` adds y = x.

    Returns an `<svg>` element without size, `width` units across.
    """
    columns = max(1, (width - 48) // 130)
    legend = 20 * -(-len(lines) // columns)
    figure, axes = bare_axes(width, 270 + legend, 40 + legend, left=52)
    axes.grid(color=LIGHT["rule"], lw=0.8, zorder=1)
    if diagonal:
        ends = (min(min(line.x) for line in lines), 100)
        axes.plot(ends, ends, color=LIGHT["soft"], lw=1, zorder=2)
    coloured = 0
    for line in lines:
        style = {"color": LIGHT["ink"], "dashes": (4, 3)}
        if not line.control:
            dashes = DASHES[coloured // len(COLOUR_NAMES) % len(DASHES)]
            style = {"color": LIGHT[COLOUR_NAMES[coloured % len(COLOUR_NAMES)]], **({"dashes": dashes} if dashes else {})}
            coloured += 1
        axes.plot(line.x, line.y, lw=2, marker="o", ms=4, label=short(line.name), zorder=3, **style)
    if ticks:
        axes.set_xticks([place for place, _ in ticks], [text for _, text in ticks])
    else:
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.yaxis.set_major_formatter(lambda value, _: minus(f"{value:g} %"))
    axes.set_xlabel(x_label, color=LIGHT["soft"], fontsize=FONT)
    legend_box = axes.legend(
        loc="upper left", bbox_to_anchor=(-0.02, -40 / 220), ncol=columns, frameon=False, fontsize=FONT, handlelength=2.4,
        borderaxespad=0, labelcolor=LIGHT["ink"],
    )  # fmt: skip
    for text in legend_box.get_texts():
        text.set_parse_math(False)
    return as_svg(figure, f"{name} {width}")
