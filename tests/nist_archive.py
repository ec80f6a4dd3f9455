"""Small archives in the form of NIST Special Database 19: three classes, two partitions, four writers."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

Files = dict[str, bytes]
"""Contents by path in the archive."""


class Line(NamedTuple):
    """A line of a `.mit` list."""

    code: str
    partition: int
    number: int
    writer: int
    form: int
    kind: str
    number_of_form: int

    @property
    def in_class(self) -> str:
        return f"by_class/{self.code}/hsf_{self.partition}/hsf_{self.partition}_{self.number:05d}.png"

    @property
    def by_writer(self) -> str:
        return f"by_write/hsf_{self.partition}/{self.path(5)}"

    def path(self, digits: int) -> str:
        field = f"{self.writer:04d}_{self.form:02d}"
        return f"f{field}/{self.kind}{field}/{self.kind}{field}_{self.number_of_form:0{digits}d}.png"


LINES = [
    Line("30", 0, 0, 17, 4, "d", 31),
    Line("30", 0, 2, 17, 4, "d", 7),  # not in the order of their numbers
    Line("30", 0, 1, 499, 22, "d", 0),
    Line("30", 4, 0, 4100, 59, "d", 0),
    Line("4a", 0, 0, 17, 4, "u", 12),
    Line("4a", 0, 1, 499, 22, "u", 12),
    Line("7a", 0, 0, 499, 22, "l", 3),
    Line("7a", 0, 1, 499, 22, "c", 104),
    Line("7a", 4, 0, 4101, 0, "l", 3),
]
LABELS = ["0", "0", "0", "0", "J", "J", "z", "z", "z"]
WRITERS = ["f0017", "f0017", "f0499", "f4100", "f0017", "f0499", "f0499", "f0499", "f4101"]


def picture(seed: int, mode: str = "1") -> bytes:
    """A PNG, 128×128, black strokes on white, as the archives hold it: 1-bit, grey or RGB."""
    dice = random.Random(seed)
    canvas = Image.new("1", (128, 128), 1)
    corners = [(dice.uniform(35, 90), dice.uniform(32, 96)) for _ in range(4)]
    ImageDraw.Draw(canvas).line(corners, fill=0, width=5)
    file = io.BytesIO()
    canvas.convert(mode).save(file, "PNG")
    return file.getvalue()


def lists(root: str = "by_class", digits: int = 6) -> Files:
    """The `.mit` lists; the numbers in their second column have six digits, the files' names five."""
    found: Files = {}
    for code, partition in sorted({(line.code, line.partition) for line in LINES}):
        lines = [line for line in LINES if (line.code, line.partition) == (code, partition)]
        text = "".join(f"{Path(line.in_class).name} {line.path(digits)}\n" for line in lines)
        found[f"{root}/{code}/hsf_{partition}.mit"] = f"{len(lines)}\n{text}".encode()
    found[f"{root}/30/train_30.mit"] = b"1\ntrain_30_00000.png f0017_04/d0017_04/d0017_04_000031.png\n"
    return found


def by_class() -> Files:
    """All of by_class: 1-bit, grey and RGB pictures, their lists, a `train_XX` folder."""
    pictures = {line.in_class: picture(i, ("1", "L", "RGB")[i % 3]) for i, line in enumerate(LINES)}
    return {**pictures, **lists(), "by_class/30/train_30/train_30_00000.png": picture(0)}


def by_write() -> Files:
    """The same pictures in the order of by_write."""
    return {line.by_writer: by_class()[line.in_class] for line in LINES}


def zipped(path: Path, files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Pack files, in no particular order, with entries for their folders, as NIST's archives have."""
    names = sorted(files)
    random.Random(0).shuffle(names)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for folder in sorted({f"{Path(name).parent.as_posix()}/" for name in files}):
            archive.writestr(folder, b"")
        for name in names:
            archive.writestr(name, files[name])
    return path


def unpacked(root: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a folder."""
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root
