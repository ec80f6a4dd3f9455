"""Make src/allograph/corpora/unipen/shipped.npz of the shared data: python tests/make_unipen_table.py ../shared"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from allograph.corpora.unipen import shipped
from allograph.corpora.unipen.shipped import Table, make_table
from allograph.split import read_split


def table_of(shared: Path) -> Table:
    """The table of the shared data: where each sample stands in the release, its writer, and the writer's split."""
    with np.load(shared / "data" / "unipen_release.npz", allow_pickle=False) as release:
        digests = release["digest"].tolist()
    with np.load(shared / "data" / "unipen.npz", allow_pickle=False) as samples:
        writers = samples["writers"].tolist()
    return make_table(digests, writers, read_split(shared / "data" / "unipen_split.csv"))


if __name__ == "__main__":
    np.savez_compressed(Path(shipped.__file__).with_name("shipped.npz"), **table_of(Path(sys.argv[1])).arrays())  # type: ignore[arg-type]
