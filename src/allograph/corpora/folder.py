"""Pictures in a folder, named by a manifest: a CSV file with the columns path, label and writer."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from allograph.alphabet import check_label
from allograph.corpora.source import Listing, Rendered
from allograph.errors import FormatError, ImageError, InputError
from allograph.images import POLARITIES, SIDE, Frame, Polarity, decoded, framed

COLUMNS = ("path", "label", "writer")


@dataclass
class FolderSource:
    """One line of `manifest` a picture: `path` (relative to the manifest), `label`, `writer`, and optionally `order`.

    Pictures may have any size and any mode that Pillow reads; `polarity` and `square` are those of `images.framed`.
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

    def __post_init__(self) -> None:
        if self.polarity not in POLARITIES:
            raise InputError(f"there is no polarity {self.polarity!r}; there are {', '.join(POLARITIES)}")
        if self.square < 0:
            raise InputError(f"square is what the square has beyond the ink, 0 pixels or more; this is {self.square}")

    def listing(self) -> Listing:
        """Read the manifest; raises `FormatError` or `InputError` naming the line that cannot be used."""
        labels, writers, orders = [], [], []
        self._paths, self._lines = [], []
        try:
            with open(self.manifest, newline="", encoding="utf-8-sig") as file:
                rows = csv.DictReader(file, strict=True)
                missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
                if missing:
                    raise FormatError(
                        f"{self.manifest} has no column {' and no column '.join(missing)}; its first line must name "
                        f"the columns {', '.join(COLUMNS)}, separated by commas"
                    )
                ordered = "order" in (rows.fieldnames or ())
                for row in rows:
                    where = f"{self.manifest}, line {rows.line_num}"
                    if None in row:
                        raise InputError(f"{where} has more fields than columns; put a field that holds a comma in quotes")
                    self._paths.append(_filled(row, "path", where))
                    self._lines.append(rows.line_num)
                    writers.append(_filled(row, "writer", where))
                    labels.append(_label(row["label"], where))
                    if ordered:
                        orders.append(_order(row["order"], where))
        except FileNotFoundError:
            raise InputError(f"the manifest {self.manifest} does not exist") from None
        except (UnicodeDecodeError, csv.Error, OSError) as error:
            raise FormatError(f"{self.manifest} is not a readable CSV file in UTF-8 ({error})") from error
        order = np.array(orders, dtype=np.int32) if ordered else None
        return Listing(np.array(labels, dtype=np.str_), np.array(writers, dtype=np.str_), order)

    def render(self, rows: range, frame: Frame) -> Rendered:
        """Read and frame the pictures; raises `ImageError` naming the manifest's line and the picture."""
        if not self._paths:
            self.listing()
        images, polarity = np.empty((len(rows), SIDE, SIDE), np.uint8), Counter[str]()
        for image, row in zip(images, rows, strict=True):
            path = self.manifest.parent / self._paths[row]
            name = f"{self.manifest}, line {self._lines[row]}: {path}"
            result = framed(decoded(_bytes(path, name), name), frame, self.polarity, self.square, name=name)
            image[:] = result.image
            polarity[result.polarity] += 1
        return Rendered(images, polarity)


def _filled(row: dict[str, str | None], column: str, where: str) -> str:
    value = row[column]
    if not value:
        raise InputError(f"{where}: the {column} is empty; every line gives {', '.join(COLUMNS)}")
    return value


def _label(value: str | None, where: str) -> str:
    try:
        return check_label(value or "")
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _order(value: str | None, where: str) -> int:
    try:
        return int(np.int32(int(value or "")))
    except (ValueError, OverflowError):
        raise InputError(f"{where}: the order is a 32-bit whole number, not {value!r}; or leave the column out") from None


def _bytes(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"{name} does not exist; paths are relative to the manifest's folder") from None
    except (OSError, ValueError) as error:
        raise ImageError(f"{name} cannot be read ({error})") from error
