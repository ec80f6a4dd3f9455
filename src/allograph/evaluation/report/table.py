"""A table of a report, and how its numbers are printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

Cell = str
UNKNOWN = "–"
"""What is printed where there is no figure."""


@dataclass(frozen=True)
class Table:
    """A table ready to print: a title, the columns' heads, and rows of text.

    A head, of a column or of a row, that begins with blanks belongs to the one before it.
    """

    title: str
    head: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    name: str = ""
    """What to call its file."""
    methods_across: bool = False
    """Whether the methods are its columns, which a page has room for and a terminal has not."""
    texts: int = 1
    """How many of its first columns hold names or labels; the rest are figures."""


def with_methods_as_rows(table: Table) -> Table:
    """The same table with a row a method, and with heads that say by themselves what they are.

    >>> with_methods_as_rows(Table("T", ("", "paper"), (("Gain", "+1"), ("  95 % interval", "0 … 2")), methods_across=True)).head
    ('method', 'Gain', 'Gain, 95 % interval')
    """
    if not table.methods_across:
        return replace(table, head=tuple(_whole_heads(table.head)))
    heads = _whole_heads([row[0] for row in table.rows])
    rows = zip(*(row[1:] for row in table.rows), strict=True)
    named = tuple((name, *row) for name, row in zip(table.head[1:], rows, strict=True))
    return replace(table, head=("method", *heads), rows=named, methods_across=False)


def _whole_heads(heads: Sequence[Cell]) -> list[Cell]:
    """Each head that begins with blanks, joined to the one that it belongs to."""
    whole: list[Cell] = []
    main = ""
    for head in heads:
        main = main if head.startswith(" ") else head
        whole.append(f"{main.removesuffix(', points')}, {head.strip()}" if head.startswith(" ") else head)
    return whole


def percent(share: float | None, digits: int = 2) -> str:
    """A share in per cent.

    >>> percent(0.8724), percent(None)
    ('87.24 %', '–')
    """
    return UNKNOWN if share is None else f"{100 * share:.{digits}f} %"


def points(share: float) -> str:
    """A difference of shares in points.

    >>> points(0.0236)
    '+2.36'
    """
    return f"{100 * share:+.2f}"


def percent_interval(ends: tuple[float, float] | None) -> str:
    """An interval of shares in per cent.

    >>> percent_interval((0.104, 0.2))
    '10.4 % … 20.0 %'
    """
    return UNKNOWN if ends is None else " … ".join(percent(end, 1) for end in ends)


def points_interval(ends: tuple[float, float]) -> str:
    """An interval of differences in points."""
    return " … ".join(map(points, ends))


def number(value: float) -> str:
    """A count with commas, or a mean with two decimals.

    >>> number(3596), number(3.654)
    ('3,596', '3.65')
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
