"""Tables in Markdown."""

from __future__ import annotations

from allograph.evaluation.report.table import Table


def markdown(table: Table) -> str:
    """The table in Markdown; the texts are escaped.

    >>> print(markdown(Table("T", ("", "a|b"), (("x", "<1"),))))
    **T**
    <BLANKLINE>
    |  | a\\|b |
    | --- | --- |
    | x | \\<1 |
    """
    lines = [table.head, *table.rows]
    text = ["| " + " | ".join(markdown_text(cell) for cell in line) + " |" for line in lines]
    return "\n".join([f"**{markdown_text(table.title)}**", "", text[0], "|" + " --- |" * len(table.head), *text[1:]])


def markdown_text(text: str) -> str:
    """Escape what Markdown would take for its own."""
    return "".join(f"\\{point}" if point in "\\`*_{}[]<>()#+!|~$&" else point for point in text)
