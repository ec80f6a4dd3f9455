"""FEMNIST: the characters of NIST Special Database 19 by writer, each scan of 128×128 pixels made 28×28 (Caldas et al., 2018)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.femnist.hub_file import HubFile
from allograph.corpora.femnist.leaf import LeafFile
from allograph.corpora.nist.source import CUT, LABELS, SCAN
from allograph.corpora.source import Listing, Rendered
from allograph.errors import FormatError, InputError
from allograph.images.frames import SIDE, Frame, to_frame
from allograph.progress import Progress, silent
from allograph.samples.box import Boxes
from allograph.samples.picture_box import picture_box

SHRUNK = (SCAN[0] * SIDE / CUT[0], SCAN[1] * SIDE / CUT[1])
"""Pixels a millimetre: LEAF scales whole pictures, so that ink keeps its size in them."""


@dataclass
class FemnistSource:
    """Parquet files of the hub, LEAF's JSON files, or folders of one of these; files are taken in the order of their names.

    The ink in a picture is dark, of any size and at any place; so it is framed as other scans are, and its box is known to a
    pixel of 0.39 mm.
    """

    paths: Sequence[str | Path]
    origin: str = (
        "FEMNIST (S. Caldas et al., LEAF: A Benchmark for Federated Settings, 2018), made of NIST Special Database 19, "
        "National Institute of Standards and Technology, doi 10.18434/T4H01C"
    )
    licence: str = "BSD 2-Clause (LEAF's processing); the scans are public domain, a work of the US government"
    frame: Frame = "mnist"
    name: str = "femnist"
    native: bool = False
    _files: list[HubFile | LeafFile] | None = field(default=None, repr=False)

    def read(self, progress: Progress = silent) -> None:
        """Read labels and writers, unless they were read; raises as `listing` does."""
        if self._files is None:
            paths = [path for given in self.paths for path in _files_in(Path(given))]
            files = []
            for number, path in enumerate(paths):
                progress("reading labels", number, len(paths))
                files.append(_open(path))
            self._files = files

    def listing(self) -> Listing:
        """All labels and writers; raises `InputError` for paths without such files, `FormatError` for what cannot be read."""
        files = self._opened()
        labels = [file.labels if isinstance(file, HubFile) else _named(file) for file in files]
        return Listing(np.concatenate(labels), np.concatenate([file.writers for file in files]))

    def render(self, rows: range, frame: Frame) -> Rendered:
        """Frame these pictures; raises `ImageError` for one that is empty or no picture."""
        images = np.empty((len(rows), SIDE, SIDE), np.uint8)
        boxes = []
        for i, (name, picture) in enumerate(self._pictures(rows)):
            sample = to_frame(picture, frame, "dark", name=name, level=False)
            images[i] = sample.image
            boxes.append(picture_box(sample.edges, SHRUNK if picture.shape == (SIDE, SIDE) else None))
        return Rendered(images, Counter(dark=len(rows)), boxes=Boxes.of(boxes))

    def _pictures(self, rows: range) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        first = 0
        for file in self._opened():
            here = range(max(rows.start - first, 0), min(rows.stop - first, len(file)))
            if here:
                yield from file.pictures(here)
            first += len(file)

    def _opened(self) -> list[HubFile | LeafFile]:
        self.read()
        assert self._files is not None
        return self._files


def _open(path: Path) -> HubFile | LeafFile:
    return LeafFile(path) if path.suffix == ".json" else HubFile(path)


def _files_in(path: Path) -> list[Path]:
    """The file itself, or those of a folder: all of its Parquet files, or all of its JSON files."""
    if not path.is_dir():
        if path.suffix not in (".parquet", ".json"):
            raise InputError(f"{path} is neither a Parquet file of the hub nor a JSON file of LEAF")
        return [path]
    kinds = {suffix: sorted(path.rglob(f"*{suffix}")) for suffix in (".parquet", ".json")}
    found = [files for files in kinds.values() if files]
    if len(found) != 1:
        raise InputError(f"{path} holds {'both' if found else 'neither'} Parquet and JSON files; name those to be read")
    return found[0]


def _named(file: LeafFile) -> NDArray[np.str_]:
    """LEAF's classes 0 … 61: digits, upper case, lower case."""
    wrong = (file.classes < 0) | (file.classes >= len(LABELS))
    if wrong.any():
        raise FormatError(f"{file.path}: the class {file.classes[np.argmax(wrong)]} is none of 0 … {len(LABELS) - 1}")
    return np.array(list(LABELS))[file.classes]
