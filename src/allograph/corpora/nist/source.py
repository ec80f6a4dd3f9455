"""NIST Special Database 19, 2nd edition: 814,255 characters by 3,596 writers."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from allograph.corpora.nist.keyed_files import Gathering, KeyedFiles, walk
from allograph.corpora.nist.mit_list import MitList, class_key, class_path, list_key, parse_list, writer_key, writer_path
from allograph.corpora.source import Listing, Rendered
from allograph.errors import FormatError, InputError
from allograph.images.frames import SIDE, Frame, Polarity, decode, to_frame
from allograph.samples.box import Box, Boxes
from allograph.samples.picture_box import picture_box

SCAN = (300 / 25.4, 300 / 25.4)
"""Pixels a millimetre: the forms were scanned at 300 pixels an inch, as the user's guide of the database says."""
CUT = (128, 128)
"""The size of a picture that was cut out of a form and not scaled."""
TOGETHER = 64
"""Pictures that are decoded before they are framed: a processor that goes back and forth between the two is slower."""
LABELS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""The 62 classes. A class's folder bears the code point of its label, hexadecimal: 30 to 7a."""

_CODES = {f"{ord(label):02x}".encode(): ord(label) for label in LABELS}
_IN_CLASS = re.compile(rb"(?:.*/)?([^/]+)/hsf_(\d)(?:\.mit|/hsf_\d_(\d{5,7})\.png)", re.IGNORECASE)
_BY_WRITER = re.compile(rb"(?:.*/)?hsf_(\d)/f(\d{4})_(\d\d)/[^/]+/([a-z])\d{4}_\d\d_(\d{5,7})\.png", re.IGNORECASE)


@dataclass
class NistSource:
    """`by_class.zip` or its folder; or `by_write.zip` or its folder, and a path that has the `.mit` lists of by_class.

    The lists say which pictures there are, and who wrote them. The `train_XX` folders repeat pictures and are not read.
    `polarity` and `square` are those of `images.framed`.
    """

    paths: Sequence[str | Path]
    polarity: Polarity = "auto"
    square: int = 2
    origin: str = (
        "NIST Special Database 19, Handprinted Forms and Characters, 2nd edition (P. J. Grother, K. K. Hanaoka, 2016), "
        "National Institute of Standards and Technology, doi 10.18434/T4H01C"
    )
    licence: str = "public domain, a work of the US government (17 U.S.C. 105)"
    frame: Frame = "paper"
    name: str = "nist"
    native: bool = False
    _pictures_of_rows: KeyedFiles | None = field(default=None, repr=False)

    def listing(self) -> Listing:
        """Read the lists and find their pictures: by class, by partition, by line.

        Raises `InputError` for paths that do not exist or do not go together; `FormatError` for an archive that is
        truncated or foreign, a folder of an unknown class or without its list, a list whose count is not that of its
        lines, and a listed picture that is missing.
        """
        shelves = [_shelf(Path(path)) for path in self.paths]
        lists = self._lists(shelves)
        pictures, by_writer = self._pictures(shelves)
        if not by_writer:
            _check_lists(pictures, lists)
        keys = np.concatenate([listing.by_writer if by_writer else listing.in_class for listing in lists.values()])
        labels = np.concatenate([listing.labels for listing in lists.values()])
        writers = np.concatenate([listing.writers for listing in lists.values()])
        once = np.sort(np.unique(keys, return_index=True)[1])
        self._pictures_of_rows = pictures.select(keys[once], writer_path if by_writer else class_path)
        repeated, unlisted = len(keys) - len(once), len(np.unique(pictures.keys)) - len(once)
        notes = []
        if repeated:
            notes.append(f"{repeated} lines of the .mit lists name a picture again; they were left out")
        if unlisted:
            notes.append(f"{unlisted} pictures are in no .mit list; they were left out")
        return Listing(labels[once], writers[once], notes=tuple(notes))

    def render(self, rows: range, frame: Frame) -> Rendered:
        """Decode and frame these pictures.

        Raises `ImageError` for one that is empty or no picture, `FormatError` for one that is damaged in its archive.
        """
        if self._pictures_of_rows is None:
            self.listing()
        assert self._pictures_of_rows is not None
        images = np.empty((len(rows), SIDE, SIDE), np.uint8)
        polarity: Counter[str] = Counter()
        boxes: list[Box] = []
        files = self._pictures_of_rows.read(rows)
        while some := [(name, decode(data, name)) for name, data in islice(files, TOGETHER)]:
            for name, picture in some:
                sample = to_frame(picture, frame, self.polarity, self.square, name=name, level=False)
                images[len(boxes)] = sample.image
                polarity[sample.polarity] += 1
                boxes.append(picture_box(sample.edges, SCAN if picture.shape == CUT else None))
        return Rendered(images, polarity, boxes=Boxes.of(boxes))

    def _lists(self, shelves: Sequence[_Shelf]) -> dict[int, MitList]:
        """The lists of all paths, in the order of their keys; where two paths have one, that of the first."""
        lists: dict[int, MitList] = {}
        for shelf in shelves:
            read = shelf.lists.read(range(len(shelf.lists)))
            for key, (name, data) in zip(shelf.lists.keys.tolist(), read, strict=True):
                if key not in lists:
                    lists[key] = parse_list(name, data, *divmod(key, 10))
        if not lists:
            raise FormatError(
                f"{self._sources_text}: there is no .mit list, such as by_class/30/hsf_0.mit, and only these say who wrote "
                "what; give by_class.zip or its folder, or by_write.zip and a path that has the lists of by_class"
            )
        return dict(sorted(lists.items()))

    def _pictures(self, shelves: Sequence[_Shelf]) -> tuple[KeyedFiles, bool]:
        """The pictures, and whether they are those of by_write."""
        by_writer = [shelf.by_writer for shelf in shelves if len(shelf.by_writer)]
        usable = by_writer or [shelf.in_class for shelf in shelves if len(shelf.in_class)]
        if not usable:
            raise FormatError(
                f"{self._sources_text}: there are .mit lists and no pictures, such as by_class/30/hsf_0/hsf_0_00000.png; "
                "fetch the archive, or unpack it, again"
            )
        if len(usable) > 1:
            raise InputError(f"{usable[0].root} and {usable[1].root} both hold pictures; give one of them")
        return usable[0], bool(by_writer)

    @property
    def _sources_text(self) -> str:
        return ", ".join(map(str, self.paths))


def _check_lists(pictures: KeyedFiles, lists: Mapping[int, MitList]) -> None:
    unlisted = ~np.isin(list_key(pictures.keys), list(lists))
    if unlisted.any():
        path = class_path(int(pictures.keys[unlisted].min()))
        raise FormatError(
            f"{pictures.root}: there is {path} and no list {Path(path).parent.as_posix()}.mit; "
            "fetch the archive, or unpack it, again"
        )


class _Shelf(NamedTuple):
    """What one of the paths holds: lists, whose keys are code point × 10 + partition, and pictures in either order."""

    lists: KeyedFiles
    in_class: KeyedFiles
    by_writer: KeyedFiles


def _shelf(root: Path) -> _Shelf:
    lists, in_class, by_writer = Gathering(), Gathering(), Gathering()
    for path, place in walk(root, skip="train_"):
        name = path.replace(b"\\", b"/")  # unpacked by a program that knows no backslashes, Windows' paths are file names
        if match := _IN_CLASS.fullmatch(name):
            folder, partition, number = match.groups()
            if folder not in _CODES:
                raise FormatError(
                    f"{root}: {os.fsdecode(path)} is in the folder {os.fsdecode(folder)}, which is no class; classes "
                    "are the code points 30-39, 41-5a and 61-7a. Give by_class without by_merge and other folders"
                )
            if number is None:
                lists.add(_CODES[folder] * 10 + int(partition), path, place)
            else:
                in_class.add(class_key(_CODES[folder], int(partition), int(number)), path, place)
        elif match := _BY_WRITER.fullmatch(name):
            partition, writer, form, kind, number = match.groups()
            by_writer.add(writer_key(int(partition), int(writer), int(form), ord(kind.lower()), int(number)), path, place)
    return _Shelf(lists.files(root), in_class.files(root), by_writer.files(root))
