"""The split of writers into train, validation and application sets (paper §4.3)."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, get_args

from allograph.errors import FormatError, InputError
from allograph.files.csv_rows import read_rows
from allograph.samples.names import check_writer

Split = Literal["train", "validation", "application"]
SPLITS: tuple[Split, ...] = get_args(Split)

RULES = ("paper", "all", "knn-per")
"""What `assign` knows besides files."""
KNN_PER_SEED = 12345
"""The seed that kNN-Per's authors give for their splits of FEMNIST."""
VALIDATION_REMAINDER = {"deepwriting": 5}
"""By source: writers outside the application set whose rank, modulo 10, is this number form the validation set; 9 by default."""


def paper_split(samples: Mapping[str, int], source: str = "") -> dict[str, Split]:
    """Split writers by the paper's rule, given how many samples each has (§4.3).

    Writers are ranked by their number of samples, ascending, ties by name. The last go to the application set, one by one, until
    it has at least 10 % of all samples; every tenth of the others goes to the validation set, the rest to the train set.

    >>> counts = {f"w{i}": 10 for i in range(20)}
    >>> split = paper_split(counts)
    >>> [w for w in counts if split[w] == "application"], [w for w in counts if split[w] == "validation"]
    (['w8', 'w9'], ['w17'])
    """
    ranked = sorted(samples, key=lambda writer: (samples[writer], writer))
    total, held = sum(samples.values()), 0
    split: dict[str, Split] = {}
    while ranked and 10 * held < total:
        writer = ranked.pop()
        held += samples[writer]
        split[writer] = "application"
    remainder = VALIDATION_REMAINDER.get(source, 9)
    split.update((writer, "validation" if i % 10 == remainder else "train") for i, writer in enumerate(ranked))
    return split


def knn_per_split(samples: Iterable[str]) -> dict[str, Split]:
    """Split writers as kNN-Per's experiments on FEMNIST do (Marfoq et al., ICML 2022; their seed): a fifth is judged.

    Names in order are shuffled and the first ⌊n/5⌋ form the application set; theirs come in the order of a folder, which
    differs from machine to machine. Of the others, whom their experiments leave out, every tenth is for validation.

    >>> split = knn_per_split([f"w{i}" for i in range(11)])
    >>> [writer for writer in split if split[writer] == "application"]
    ['w6', 'w9']
    """
    names = sorted(samples)
    random.Random(KNN_PER_SEED).shuffle(names)
    judged = len(names) // 5
    split: dict[str, Split] = dict.fromkeys(names[:judged], "application")
    split.update((writer, "validation" if i % 10 == 9 else "train") for i, writer in enumerate(names[judged:]))
    return split


def read_split(path: str | Path) -> dict[str, Split]:
    """Read a split from a CSV file with the columns `writer` and `split`, the writers as `check_writer` has them.

    Raises `FormatError` or `InputError`, naming the line, for what cannot be used and for a writer in two splits.
    """
    split: dict[str, Split] = {}
    for where, _, row in read_rows(path, ("writer", "split"), "split file"):
        part = row["split"]
        if part not in SPLITS:
            raise FormatError(f"{where}: the split {part!r} is none of {', '.join(SPLITS)}")
        try:
            writer = check_writer(row["writer"] or "")
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        if split.setdefault(writer, part) != part:
            raise InputError(f"{where}: the writer {writer!r} is in two splits, {split[writer]} and {part}")
    return split


def assign(rule: str, samples: Mapping[str, int], source: str) -> dict[str, Split]:
    """Split the writers of a corpus: `paper`, `all` (everyone is an application writer), `knn-per` or a CSV file.

    Raises `InputError` when the file leaves out a writer of the corpus.
    """
    if rule == "paper":
        return paper_split(samples, source)
    if rule == "all":
        return dict.fromkeys(samples, "application")
    if rule == "knn-per":
        return knn_per_split(samples)
    split = read_split(rule)
    named = {writer: check_writer(writer) for writer in samples}
    missing = sorted(writer for writer in samples if named[writer] not in split)
    if missing:
        raise InputError(f"{rule} names no split for {len(missing)} of {len(samples)} writers, the first of them {missing[0]!r}")
    return {writer: split[named[writer]] for writer in samples}
