"""How fast `prepare nist` is, and how much memory it takes, on an archive of the size and form of NIST's `by_class.zip`.

It holds as many pictures as that, and as many repeated ones that are not read: listing all of them, and starting the processes,
is the same for a smaller archive. `--images 100000` takes a tenth of the time, and finds fewer pictures a second.

The archive is made here: the pictures (some hundred distinct ones, repeated), their `.mit` lists, and further entries in
`train_XX` folders. The limit is Pillow decoding the same pictures from memory in as many processes and doing nothing else.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageDraw

from outcomes import note

LABELS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PARTITIONS = (0, 1, 2, 3, 4, 6, 7)
DISTINCT = 400
PREPARE = """
import sys
from allograph.corpora.nist.source import NistSource
from allograph.corpora.preparation import prepare
done = prepare(NistSource([sys.argv[1]]), sys.argv[2], jobs=int(sys.argv[3]))
facts = done.record
assert facts.samples == int(sys.argv[4]) and facts.polarity == {"dark": facts.samples}, facts
"""


class Archive:
    """A zip archive of any number of entries, written straight through: deflated, with a zip64 end record."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.offset, self.count, self.directory = file, 0, 0, bytearray()

    def add(self, name: str, packed: bytes, size: int, crc: int) -> None:
        """Add an entry whose contents are deflated already."""
        encoded = name.encode()
        fields = struct.pack("<5H3I2H", 20, 0, 8, 0, 33, crc, len(packed), size, len(encoded), 0)
        self.file.write(b"PK\3\4" + fields + encoded + packed)
        self.directory += b"PK\1\2\24\0" + fields + struct.pack("<3H2I", 0, 0, 0, 0, self.offset) + encoded
        self.offset += 30 + len(encoded) + len(packed)
        self.count += 1

    def close(self) -> None:
        """Write the directory and its end records."""
        size, end = len(self.directory), self.offset + len(self.directory)
        end64 = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, self.count, self.count, size, self.offset)
        pointer = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
        last = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
        self.file.write(self.directory + end64 + pointer + last)


def deflated(data: bytes) -> tuple[bytes, int, int]:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush(), len(data), zlib.crc32(data)


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def character(dice: random.Random, mode: str) -> bytes:
    """Black strokes on white, 128×128, the ink 40 to 70 pixels along its longer side."""
    longer, other = dice.uniform(40, 70), dice.uniform(25, 60)
    width, height = (longer, min(longer, other)) if dice.random() < 0.3 else (min(longer, other), longer)
    canvas = Image.new("1", (128, 128), 1)
    draw = ImageDraw.Draw(canvas)
    for _ in range(dice.randint(1, 2)):
        corners = [
            (64 + dice.uniform(-width, width) / 2, 64 + dice.uniform(-height, height) / 2) for _ in range(dice.randint(3, 7))
        ]
        draw.line(corners, fill=0, width=dice.randint(3, 6), joint="curve")
    left, top = 64 - width / 2, 64 - height / 2
    draw.line([(left, top), (left + width, top + height)], fill=0, width=4)
    return png(canvas.convert(mode))


def make(path: Path, pictures: list[bytes], images: int, further: int) -> None:
    """Write an archive of by_class's form."""
    packed = [deflated(data) for data in pictures]
    small = deflated(png(Image.new("1", (8, 8))))
    with open(path, "wb", buffering=1 << 20) as file:
        archive = Archive(file)
        written = 0
        for i, label in enumerate(LABELS):
            folder = f"by_class/{ord(label):02x}"
            share = images * (i + 1) // len(LABELS) - images * i // len(LABELS)
            for j, partition in enumerate(PARTITIONS):
                lines = []
                for number in range(share * j // len(PARTITIONS), share * (j + 1) // len(PARTITIONS)):
                    writer = f"{500 * partition + written % 500:04d}_{written % 100:02d}"
                    name = f"hsf_{partition}_{number:05d}.png"
                    lines.append(f"{name} f{writer}/d{writer}/d{writer}_{number:06d}.png\n")
                    archive.add(f"{folder}/hsf_{partition}/{name}", *packed[written * 7919 % len(packed)])
                    written += 1
                archive.add(f"{folder}/hsf_{partition}.mit", *deflated(f"{len(lines)}\n{''.join(lines)}".encode()))
            for number in range(further * i // len(LABELS), further * (i + 1) // len(LABELS)):
                archive.add(f"{folder}/train_{ord(label):02x}/train_{ord(label):02x}_{number:05d}.png", *small)
        archive.close()


def decode(pictures: list[bytes], images: int) -> tuple[float, float]:
    """Decode pictures and do nothing else: seconds, and seconds of CPU."""
    start, used = time.perf_counter(), time.process_time()
    for i in range(images):
        Image.open(io.BytesIO(pictures[i % len(pictures)])).load()
    return time.perf_counter() - start, time.process_time() - used


def limit(pictures: list[bytes], images: int, jobs: int) -> tuple[float, float]:
    """Pictures a second, and seconds of CPU a picture, of bare decoding in `jobs` processes."""
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        pool.starmap(decode, [(pictures, 100)] * jobs, chunksize=1)
        seconds, cpu = zip(*pool.starmap(decode, [(pictures, images // jobs)] * jobs, chunksize=1), strict=True)
    return images / max(seconds), sum(cpu) / images


def memory(root: int) -> tuple[int, int]:
    """PSS and RSS, in bytes, of a process and all below it, summed."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = {root}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    pss = rss = 0
    for process in found:
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
        except OSError:
            continue
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
        pss, rss = pss + kilobytes["Pss"] * 1024, rss + kilobytes["Rss"] * 1024
    return pss, rss


def run(archive: Path, output: Path, images: int, jobs: int) -> tuple[float, float, int, int]:
    """Prepare in a process of its own: seconds, seconds of CPU, and the largest PSS and RSS of all processes together."""
    start = time.perf_counter()
    command = [sys.executable, "-c", PREPARE, str(archive), str(output), str(jobs), str(images)]
    process = subprocess.Popen(command)
    pss = rss = 0
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        now = memory(process.pid)
        pss, rss = max(pss, now[0]), max(rss, now[1])
        time.sleep(0.25)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit("prepare failed")
    return seconds, usage.ru_utime + usage.ru_stime, pss, rss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=814_255)
    parser.add_argument("--further", type=int, default=731_668, help="entries that are not read")
    parser.add_argument("--mode", choices=("1", "L", "RGB"), default="RGB", help="of the PNGs; RGB is the slowest")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()

    dice = random.Random(0)
    pictures = [character(dice, given.mode) for _ in range(DISTINCT)]
    limits, runs = [], []
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "by_class.zip"
        make(archive, pictures, given.images, given.further)
        size = archive.stat().st_size
        for _ in range(given.rounds):
            limits.append(limit(pictures, min(given.images, 20_000), given.jobs))
            runs.append(run(archive, Path(folder) / "nist.parquet", given.images, given.jobs))

    bare_rate, bare_cpu = (statistics.median(column) for column in zip(*limits, strict=True))
    seconds, cpu, pss, rss = (statistics.median(column) for column in zip(*runs, strict=True))
    rows = [
        ("pictures a second", given.images / seconds, bare_rate, "Pillow decoding alone"),
        ("pictures a second", given.images / seconds, 8000.0, "to reach"),
        ("CPU a picture, µs", cpu / given.images * 1e6, bare_cpu * 1e6, "Pillow decoding alone"),
        ("memory of all processes (PSS), MB", pss / 1e6, 1000.0, "to stay under"),
        ("memory, shared pages counted for each (RSS), MB", rss / 1e6, 1000.0, "to stay under"),
    ]
    note("prepare nist: pictures a second", given.images / seconds, 8000, "high", "a second")
    note("prepare nist: memory of all processes", pss / 1e6, 1000, unit="MB")
    print(
        f"prepare nist: {given.images:,} pictures (PNG mode {given.mode}) and {given.further:,} further entries, "
        f"{size / 1e6:,.0f} MB; {given.jobs} processes; medians of {given.rounds} rounds\n"
    )
    print("| what | measured | against | ratio |\n| --- | --- | --- | --- |")
    for what, measured, against, name in rows:
        print(f"| {what} | {measured:,.0f} | {against:,.0f} ({name}) | {measured / against:.2f} |")


if __name__ == "__main__":
    main()
