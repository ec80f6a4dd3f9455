"""The report as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from allograph.bundle import Bundle
from allograph.evaluation.report.charts import Chart
from allograph.evaluation.report.content import Content
from allograph.evaluation.report.plots import COLOURS, WIDTHS, gain_plot, methods_plot, style_sheet
from allograph.evaluation.report.templates import page_template


@dataclass(frozen=True)
class Gallery:
    """The styles of one label."""

    label: str
    count: int
    sheet: str
    """Their medoids as a data URI."""
    width: int
    height: int


def html(content: Content, bundle: Bundle, tested: set[int]) -> str:
    """The page; `tested` are the places in the alphabet of the labels that were tested."""
    template = page_template("report.html.j2")
    from markupsafe import Markup

    figures = content.figures
    comparable = len(figures.methods) > 1 and all(method.error_cut is not None for method in figures.methods.values())
    galleries = _galleries(bundle)
    return template.render(
        **{**vars(content), "progress": _charts(content.progress), "sureness": _charts(content.sureness)},
        colours=COLOURS,
        gains={method: [Markup(gain_plot(figures, method, width)) for width in WIDTHS] for method in figures.methods},
        compared=[Markup(methods_plot(figures, width)) for width in WIDTHS] if comparable else [],
        tested=[gallery for label, gallery in galleries.items() if label in tested],
        untested=[gallery for label, gallery in galleries.items() if label not in tested],
    )


def _charts(charts: Sequence[Chart]) -> list[dict[str, Any]]:
    """The charts as the template takes them."""
    from markupsafe import Markup

    return [{"caption": chart.caption, "plots": [Markup(plot) for plot in chart.plots]} for chart in charts]


def _galleries(bundle: Bundle) -> dict[int, Gallery]:
    """The styles of each label that has any, by its place in the alphabet."""
    if bundle.styles is None:
        return {}
    galleries = {}
    for label in np.unique(bundle.styles.labels).tolist():
        medoids = bundle.styles.medoids[bundle.styles.labels == label]
        galleries[label] = Gallery(bundle.alphabet[label], len(medoids), *style_sheet(medoids))
    return galleries
