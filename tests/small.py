"""Small real things that several tests use: corpora, a bundle around data/tiny.onnx, the command line as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from allograph.alphabet.labels import Alphabet
from allograph.bundle import Bundle, BundleConfig, write_bundle
from allograph.corpora.corpus import Corpus
from allograph.corpora.digits import RUNS, DigitsSource
from allograph.corpora.npz.source import NpzSource
from allograph.corpora.preparation import prepare
from allograph.images.frames import Frame
from allograph.styles import Styles

TINY = Path(__file__).parent / "data" / "tiny.onnx"
"""A model of scikit-learn's digits, see data/make_tiny.py."""
SIZE = 8
"""Numbers in its embedding."""
DIGITS = Alphabet("0123456789")
COMMAND = [sys.executable, "-m", "allograph.cli.main"]


def digits_corpus(path: Path, split: str | Path = "all") -> Corpus:
    """The digits of scikit-learn, 14 writers."""
    content = split.read_text() if isinstance(split, Path) else None
    path.write_bytes(_prepared_digits(Path(split).name, content))
    return Corpus.open(path)


@cache
def _prepared_digits(name: str, content: str | None) -> bytes:
    """The file of that corpus, prepared once for each split: a file with this content, or None and one that has a name."""
    with TemporaryDirectory() as folder:
        split = Path(folder) / name
        if content is not None:
            split.write_text(content)
        prepare(DigitsSource(), Path(folder) / "digits.parquet", name if content is None else str(split), jobs=1)
        return (Path(folder) / "digits.parquet").read_bytes()


def digits_split(path: Path, validation: int = 2, application: int = 2) -> Path:
    """A split file for the digits: the last runs are for the application set, those before them for validation."""
    parts = ["train"] * (RUNS - validation - application) + ["validation"] * validation + ["application"] * application
    path.write_text("writer,split\n" + "".join(f"run-{run:02d},{part}\n" for run, part in enumerate(parts)))
    return path


def noise_archive(path: Path, labels: Sequence[str], writers: Sequence[str], /, **changes: Any) -> Path:
    """An npz archive of noise; `changes` replace its arrays."""
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 28, 28), dtype=np.uint8)
    arrays = {"images": images, "labels": np.array(labels), "writers": np.array(writers), **changes}
    np.savez(path, **arrays)
    return path


def noise_corpus(path: Path, labels: Sequence[str], writers: Sequence[str], split: str | Path = "all", **changes: Any) -> Corpus:
    """A corpus of noise; `changes` replace the archive's arrays."""
    prepare(NpzSource(noise_archive(path.with_suffix(".npz"), labels, writers, **changes)), path, str(split), jobs=1)
    return Corpus.open(path)


def some_styles(each: int = 2, labels: int = 10, size: int = SIZE) -> Styles:
    """So many styles of every label, at random places, their medoids noise."""
    random = np.random.default_rng(0)
    owners = np.repeat(np.arange(labels, dtype=np.int32), each)
    centroids = random.normal(size=(len(owners), size)).astype(np.float32)
    return Styles(centroids, owners, random.integers(0, 256, (len(owners), 28, 28), dtype=np.uint8))


def tiny_bundle(path: Path, styles: Styles | None = None, alphabet: Iterable[str] = DIGITS, frame: Frame = "mnist") -> Bundle:
    """A bundle around the tiny model."""
    return write_bundle(path, TINY.read_bytes(), BundleConfig(Alphabet(alphabet), frame, SIZE), styles)


def allograph(*arguments: str | Path, cwd: Path, status: int = 0, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own; it must end with this status, and never with a traceback."""
    command = [*COMMAND, *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, env=environment(), **settings)
    assert done.returncode == status, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    return done


def environment() -> dict[str, str]:
    """This process's environment, for another that imports the same allograph and does not fight over the cores."""
    source = str(Path(__file__).parent.parent / "src")
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def contents(folder: Path) -> dict[str, str]:
    """Every path below a folder, hidden ones too, and what each file holds, so that any change shows."""
    paths = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
    return {name: sha256(path.read_bytes()).hexdigest() if path.is_file() else "a folder" for name, path in paths.items()}
