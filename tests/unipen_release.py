"""Small releases of UNIPEN: folders and archives in the form of the public one."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

CONDITIONS = """.VERSION 1.0
.COORD X Y T
.HIERARCHY TEXT CHARACTER
.X_POINTS_PER_MM 10
.Y_POINTS_PER_INCH 508
.H_LINE 100
"""
INK = """.INCLUDE abc/device.doc
.WRITER_ID ana
.PEN_UP
.PEN_DOWN
100 100 0
100 300 1
.PEN_UP
150 250 2
.DT 20
.PEN_DOWN
200 100 3
250 200 4
300 100 5
.PEN_UP
.PEN_DOWN
400 100 6
"""
"""Components 0 (a stroke), 1 (above the paper), 2 (a stroke), 3 (a dot); two sections have no points."""
RELEASE = {
    "include/abc/device.doc": CONDITIONS,
    "include/abc/data/one.dat": INK,
    "data/1a/abc/one.dat": """.VERSION 1.0
.INCLUDE abc/data/one.dat
.SEGMENT CHARACTER 0 ? "1"
.SEGMENT CHARACTER 3 OK "\\""
""",
    "data/1c/abc/one.dat": """.INCLUDE abc/data/one.dat
.SEGMENT CHARACTER 0-2 GOOD "n"
.SEGMENT CHARACTER 2:1-3 ? "\\\\"
.SEGMENT CHARACTER 2:0-2:1,3 ? "i"
.SEGMENT CHARACTER 3 ? "\\@"
""",
    "data/3/abc/one.dat": """.INCLUDE abc/data/one.dat
.SEGMENT CHARACTER 0 ? "l"
.SEGMENT CHARACTER 2,3 ? "i"
""",
    "data/8/abc/one.dat": """.INCLUDE abc/data/one.dat
.SEGMENT TEXT 0-3 ? "l  i"
.SEGMENT TEXT 2-3 ? "so it is"
""",
}
"""A release of one writer, 10 points a millimetre along x and 20 along y."""


def make_release(folder: Path, files: Mapping[str, str] = RELEASE) -> Path:
    """Write the files into a folder below this one, and return it."""
    for name, text in files.items():
        path = folder / "train_r01_v07" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "latin-1")
    return folder / "train_r01_v07"


def pack(folder: Path, archive: Path) -> Path:
    """Pack a folder as a tar or a zip, by the archive's ending."""
    names = sorted(path for path in folder.rglob("*") if path.is_file())
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for path in names:
                file.write(path, path.relative_to(folder.parent))
        return archive
    form = {".gz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}.get(archive.suffix, "w")
    with tarfile.open(archive, form) as tar:  # type: ignore[call-overload]
        for path in names:
            content = path.read_bytes()
            entry = tarfile.TarInfo(str(path.relative_to(folder.parent)))
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return archive
