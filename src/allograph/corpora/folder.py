"""Pictures in a folder, named by a manifest: a CSV file with the columns path, label and writer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from allograph.alphabet.labels import check_label
from allograph.corpora.folder_boxes import StatedBox, stated_box
from allograph.corpora.source import Listing, Rendered
from allograph.errors import ImageError, InputError
from allograph.files.csv_rows import read_rows
from allograph.files.input import read_file
from allograph.images.frames import POLARITIES, SIDE, Frame, Polarity, read_picture, to_frame
from allograph.images.light import level_light
from allograph.samples.box import Boxes
from allograph.samples.names import check_present, check_writer
from allograph.samples.picture_box import picture_box

COLUMNS = ("path", "label", "writer")
LARGEST_PICTURE = 1 << 28
"""Bytes in the largest file of a picture that is read."""


@dataclass
class FolderSource:
    """One line of `manifest` a picture: `path` (relative to the manifest), `label`, `writer`, and optionally `order`
    and what `folder_boxes` reads of its box.

    Pictures may have any size and any mode that Pillow reads; `polarity` and `square` are those of `images.framed`. The ground of
    those in uneven light is evened out (`light.level_light`), and they are counted.
    """

    manifest: Path
    origin: str = ""
    licence: str = ""
    polarity: Polarity = "auto"
    square: int = 2
    frame: Frame = "paper"
    name: str = "folder"
    native: bool = False
    _paths: list[str] = field(default_factory=list, repr=False)
    _lines: list[int] = field(default_factory=list, repr=False)
    _boxes: list[StatedBox] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        if self.polarity not in POLARITIES:
            raise InputError(f"there is no polarity {self.polarity!r}; there are {', '.join(POLARITIES)}")
        if self.square < 0:
            raise InputError(f"square is what the square has beyond the ink, 0 pixels or more; this is {self.square}")

    def listing(self) -> Listing:
        """Read the manifest; raises `FormatError` or `InputError` naming the line that cannot be used."""
        labels, writers, orders = [], [], []
        self._paths, self._lines, self._boxes = [], [], []
        for where, line, row in read_rows(self.manifest, COLUMNS, "manifest"):
            self._paths.append(_require(row, "path", where))
            self._lines.append(line)
            self._boxes.append(stated_box(row, where))
            writers.append(_check_at(check_writer, _require(row, "writer", where), where))
            labels.append(_check_at(_label, row["label"] or "", where))
            if "order" in row:
                orders.append(_order(row["order"], where))
        order = np.array(orders, dtype=np.int32) if orders else None
        return Listing(np.array(labels, dtype=np.str_), np.array(writers, dtype=np.str_), order)

    def render(self, rows: range, frame: Frame) -> Rendered:
        """Read and frame the pictures; raises `ImageError` naming the manifest's line and the picture."""
        if not self._paths:
            self.listing()
        images, polarity = np.empty((len(rows), SIDE, SIDE), np.uint8), Counter[str]()
        boxes, uneven = [], 0
        for image, row in zip(images, rows, strict=True):
            path = self.manifest.parent / self._paths[row]
            name = f"{self.manifest}, line {self._lines[row]}: {path}"
            picture = read_picture(_bytes(path, name), name)
            level = level_light(picture.grey, self.polarity)
            evened = picture.grey if level is None else level
            result = to_frame(evened, frame, self.polarity, self.square, name=name, level=False)
            said = self._boxes[row]
            found = None if said.is_given else picture_box(result.edges, picture.resolution, said.device, said.baseline)
            boxes.append(found or said.box)
            image[:] = result.image
            polarity[result.polarity] += 1
            uneven += level is not None
        return Rendered(images, polarity, uneven, Boxes.of(boxes))


def _require(row: dict[str, str | None], column: str, where: str) -> str:
    value = row[column]
    if not value:
        raise InputError(f"{where}: the {column} is empty; every line gives {', '.join(COLUMNS)}")
    return value


def _check_at(check: Callable[[str], str], value: str, where: str) -> str:
    try:
        return check(value)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _label(value: str) -> str:
    check_present(value, "label")
    return check_label(value)


def _order(value: str | None, where: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,10}", value or "", re.ASCII) or not -(2**31) <= int(value or "") < 2**31:
        raise InputError(f"{where}: the order is a 32-bit whole number, not {value!r}; or leave the column out")
    return int(value or "")


def _bytes(path: Path, name: str) -> bytes:
    try:
        if not path.exists() and "\\" in str(path):  # a manifest that was made on Windows
            path = Path(str(path).replace("\\", "/"))
        return read_file(path, LARGEST_PICTURE)
    except FileNotFoundError:
        raise ImageError(f"{name} does not exist; paths are relative to the manifest's folder") from None
    except (OSError, ValueError) as error:
        raise ImageError(f"{name} cannot be read ({error})") from error
