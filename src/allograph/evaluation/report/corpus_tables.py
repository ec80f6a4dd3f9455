"""The paper's tables 1 and 2: how large the corpus is, and how its writers are split."""

from __future__ import annotations

from typing import Any

import numpy as np

from allograph.corpora.text_column import TextColumn
from allograph.evaluation.report.published import PAPER
from allograph.evaluation.report.table import Table, number
from allograph.split import SPLITS


def corpus_facts(labels: TextColumn, writers: TextColumn, splits: TextColumn) -> dict[str, Any]:
    """The numbers of tables 1 and 2, for `results.json`; labels, writers and splits are those of all samples, each [n]."""
    names, kinds, count = len(writers.values), len(labels.values), len(labels)
    in_part = {part: splits.isin([part]) for part in SPLITS}
    return {
        "corpus": {
            "writers": names,
            "images": count,
            "labels": kinds,
            "a writer": count / names,
            "a writer and label": count / names / kinds,
        },
        "split": {part: (len(np.unique(writers.codes[here])), int(np.count_nonzero(here))) for part, here in in_part.items()},
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
