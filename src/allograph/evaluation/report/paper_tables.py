"""The paper's tables 1 to 3 for any corpus, with the paper's own figures where it has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.evaluation.measures.figures import Figures, MethodFigures
from allograph.split import SPLITS

Cell = str
PAPER: dict[str, dict[str, dict[str, Any]]] = {
    "nist": {
        "corpus": {"writers": 3596, "images": 814_255, "labels": 62, "a writer": 226.43, "a writer and label": 3.65},
        "split": {"train": (3057, 659_541), "validation": (339, 73_209), "application": (200, 81_505)},
        "method": {
            "writers": 200, "samples": 81_685, "accuracy": 0.8960, "gain": 0.0236, "largest": 0.0418, "base": 0.8724,
            "better": 167, "equal": 9, "worse": 24,
        },
    },
    "deepwriting": {
        "corpus": {"writers": 294, "images": 406_956, "labels": 70, "a writer": 1384.20, "a writer and label": 19.77},
        "split": {"train": (242, 298_313), "validation": (27, 33_484), "application": (25, 37_658)},
        "method": {
            "writers": 25, "samples": 37_672, "accuracy": 0.8477, "gain": 0.0272, "largest": 0.0433, "base": 0.8205,
            "better": 24, "equal": 0, "worse": 1,
        },
    },
}  # fmt: skip
"""What the paper prints (tables 1–3), by source."""


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


def corpus_facts(labels: NDArray[np.str_], writers: NDArray[np.str_], splits: NDArray[np.str_]) -> dict[str, Any]:
    """The numbers of tables 1 and 2, for `results.json`; labels, writers and splits are those of all samples, each [n]."""
    names = np.unique(writers)
    count, kinds = len(labels), len(np.unique(labels))
    return {
        "corpus": {
            "writers": len(names),
            "images": count,
            "labels": kinds,
            "a writer": count / len(names),
            "a writer and label": count / len(names) / kinds,
        },
        "split": {part: (len(np.unique(writers[splits == part])), int(np.count_nonzero(splits == part))) for part in SPLITS},
    }


def table_1(facts: dict[str, Any], source: str) -> Table:
    """The corpus (paper, table 1)."""
    names = {
        "writers": "Writers", "images": "Images", "labels": "Labels", "a writer": "Images a writer",
        "a writer and label": "Images a writer and label",
    }  # fmt: skip
    paper = PAPER.get(source, {}).get("corpus")
    rows = tuple(
        (name, number(facts["corpus"][key]), *([] if paper is None else [number(paper[key])])) for key, name in names.items()
    )
    return Table("Table 1. The corpus", ("", "here", *([] if paper is None else ["paper"])), rows, "table-1")


def table_2(facts: dict[str, Any], source: str) -> Table:
    """The split (paper, table 2)."""
    paper = PAPER.get(source, {}).get("split")
    rows = tuple(
        (part, *(number(value) for value in facts["split"][part]), *([] if paper is None else map(number, paper[part])))
        for part in SPLITS
    )
    extra = () if paper is None else ("writers, paper", "images, paper")
    return Table("Table 2. Writers and images of each split", ("", "writers", "images", *extra), rows, "table-2")


def table_3(figures: Figures, source: str, feedback: str, when: str = "") -> Table:
    """The methods (paper, table 3); the paper's own figures stand beside `paper` with every label revealed, its protocol.

    `when` says in the title which of several runs it shows.
    """
    columns: list[tuple[str, list[str]]] = []
    for name, method in figures.methods.items():
        columns.append((name, _method_column(figures, method)))
    paper = PAPER.get(source, {}).get("method")
    if paper is not None:
        columns.append(("the authors" if feedback == "all" else "the authors (feedback all)", _paper_column(paper)))
    heads = [
        "Writers tested", "Test images", "Base accuracy", "Accuracy", "Gain, points", "  95 % interval",
        "Errors cut", "  95 % interval", "Largest gain, points", "  with any answerer", "Better / equal / worse", "Seconds",
    ]  # fmt: skip
    rows = tuple((head, *(column[i] for _, column in columns)) for i, head in enumerate(heads))
    title = "Table 3. Accuracy of the methods" + (f", {when}" if when else "")
    return Table(title, ("", *(name for name, _ in columns)), rows, "table-3", methods_across=True)


def _method_column(figures: Figures, method: MethodFigures) -> list[str]:
    return [
        number(len(figures.writers)),
        number(figures.samples),
        percent(figures.base),
        percent(method.accuracy),
        points(method.gain),
        f"{points(method.gain_ci95[0])} … {points(method.gain_ci95[1])}",
        "–" if method.error_cut is None else percent(method.error_cut, 1),
        "–" if method.error_cut_ci95 is None else " … ".join(percent(end, 1) for end in method.error_cut_ci95),
        points(method.oracle - figures.base),
        "–" if method.oracle_any is None else points(method.oracle_any - figures.base),
        f"{method.better} / {method.equal} / {method.worse}",
        f"{method.seconds:.1f}",
    ]


def _paper_column(paper: dict[str, Any]) -> list[str]:
    return [
        number(paper["writers"]), number(paper["samples"]), percent(paper["base"]), percent(paper["accuracy"]),
        points(paper["gain"]), "–", percent(paper["gain"] / (1 - paper["base"]), 1), "–", points(paper["largest"]), "–",
        f"{paper['better']} / {paper['equal']} / {paper['worse']}", "–",
    ]  # fmt: skip


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


def percent(share: float, digits: int = 2) -> str:
    """A share in per cent.

    >>> percent(0.8724)
    '87.24 %'
    """
    return f"{100 * share:.{digits}f} %"


def points(share: float) -> str:
    """A difference of shares in points.

    >>> points(0.0236)
    '+2.36'
    """
    return f"{100 * share:+.2f}"


def number(value: float) -> str:
    """A count with commas, or a mean with two decimals.

    >>> number(3596), number(3.654)
    ('3,596', '3.65')
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
