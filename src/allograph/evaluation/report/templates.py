"""The templates of the reports' pages: they share a style and the form of a table, and escape what they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allograph.errors import missing_extra
from allograph.evaluation.report.table import percent, points
from allograph.evaluation.report.wording import typeset, unicode_name, visible

if TYPE_CHECKING:
    from jinja2 import Template


def page_template(name: str) -> Template:
    """The template in the file of this name beside this one; raises `MissingExtraError` where jinja2 is not installed."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:  # pragma: no cover
        raise missing_extra("jinja2", "research") from error
    environment = Environment(
        loader=PackageLoader("allograph.evaluation.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (percent, points, visible, typeset, unicode_name):
        environment.filters[function.__name__] = function
    return environment.get_template(name)
