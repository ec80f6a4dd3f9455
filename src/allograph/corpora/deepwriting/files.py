"""The two forms in which DeepWriting is published: npz files of fragments, and the JSON release of whole lines.

Coordinates have y down in both. The npz holds what DeepWriting's authors trained on: fragments of about 300 points, shuffled,
noisy ones left out. By their scripts it joins two collections that were each brought to 0…1 by their own extent, and carries
the extent of one, so the characters of the other, IAM-OnDB's, come back about twice as wide as they were written. The JSON
holds the lines as they were written.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.corpora.nist.zip_directory import check_entries
from allograph.corpora.npz.object_arrays import ObjectArchive
from allograph.errors import FormatError, InputError
from allograph.files.input import files_below, read_file
from allograph.ink import FARTHEST

LARGEST_FORM = 1 << 26
"""Bytes in the largest form of the JSON release that is read: some thousand lines."""
MOST_FORMS = 1_000_000
"""Entries in the largest archive of it."""
NUL, BLANK = "\0", " "
"""DeepWriting's label of what is no character (the paper's authors write an empty text), and how it is written here."""
ALPHABET = frozenset("'(),-./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" + NUL)
STEPS = ("normalization", "relative_representation", "scale", "origin_translation", "semantic_chunks", "fixed_length_chunks")
"""What DeepWriting's preprocessing may have done. The first three are undone; the others move or cut lines."""
DOWN, MOVE, UP = 0, 1, 2
"""What the pen does at a point of the JSON."""


class Characters(NamedTuple):
    """The characters of one file."""

    points: NDArray[np.float32]
    """[N, 2] x, y of all of them, one after the other."""
    owner: NDArray[np.int64]
    """[N] the character that each point belongs to, 0…n−1, ascending."""
    lifts: NDArray[np.int64]
    """[N] how often the pen was lifted before each point."""
    labels: list[str]
    writers: list[str]
    line: NDArray[np.int64]
    """[n] the line that holds each character."""
    clocks: NDArray[np.float64]
    """[L, 2] when each line began and ended; NaN where that is not known."""
    left_out: Counter[str]
    """How many of what was left out."""


def npz(path: Path) -> Characters:
    """The characters of a training or validation file.

    Raises `FormatError`, naming the file and the fragment, for what is damaged, foreign, or of a preprocessing not known.
    """
    with ObjectArchive(path) as archive:
        alphabet = _alphabet(path, archive.read("alphabet"))
        undo = _Undo.of(path, archive)
        strokes = archive.read("strokes" if "strokes" in archive or "samples" not in archive else "samples")
        columns = {name: archive.read(name) for name in ("char_labels", "eoc_labels", "subject_labels")}
    for name, column in columns.items():
        if np.shape(column)[:1] != np.shape(strokes)[:1]:
            raise FormatError(f"{path}: {name} is {list(column.shape)} and the strokes are {list(strokes.shape)}")
    writers, tables, marks = [], [], []
    for i, (ink, chars, ends, subject) in enumerate(zip(strokes, *columns.values(), strict=True)):
        where = f"{path}, fragment {i}"
        table, codes, eoc = _numbers(ink, where), _numbers(chars, where).ravel(), _numbers(ends, where).ravel()
        if table.ndim != 2 or table.shape[1] != 3:
            raise FormatError(f"{where}: its strokes are [n, 3] of x, y, pen-up; these are {list(table.shape)}")
        if not len(table) == len(codes) == len(eoc):
            raise FormatError(f"{where}: it has {len(table)} points, {len(codes)} char_labels and {len(eoc)} eoc_labels")
        if not np.isfinite(table).all():
            raise FormatError(f"{where}: a point is NaN or infinite")
        lifted, eoc = np.rint(table[:, 2]), np.rint(eoc)
        if ((lifted != 0) & (lifted != 1)).any():
            raise FormatError(f"{where}: pen-up is 0 or 1; prepare the file with DeepWriting's --binarize_pen")
        if ((eoc != 0) & (eoc != 1)).any():
            raise FormatError(f"{where}: eoc_labels are 0 or 1")
        if ((codes != np.rint(codes)) | (codes < 0) | (codes >= len(alphabet))).any():
            raise FormatError(f"{where}: a char_label is outside the alphabet of {len(alphabet)} characters")
        writers.append(_subject(subject, where))
        tables.append(undo(table))
        marks.append(np.stack([codes, eoc, lifted], axis=1).astype(np.int64))
    return _segments(tables, marks, alphabet, writers)


def _segments(
    tables: list[NDArray[np.float32]], marks: list[NDArray[np.int64]], alphabet: list[str], writers: list[str]
) -> Characters:
    """Cut fragments at the ends of characters; `marks` are [n, 3] of label, end of character, pen-up.

    A character is the points up to and including an end mark, without those of label 0; its label is the one that most of
    them have, of equals the first in the alphabet. Where all have label 0, it keeps them.
    """
    sizes = [len(table) for table in tables]
    codes, ends, pen = np.concatenate([*marks, np.empty((0, 3), np.int64)]).T
    fragment = np.repeat(np.arange(len(sizes)), sizes)
    begun = np.flatnonzero(changes(fragment) | np.append(False, ends[:-1] > 0)[: len(ends)])
    segment = np.repeat(np.arange(len(begun)), np.diff(begun, append=len(codes)))
    closed = np.zeros(len(begun), bool)
    closed[segment[ends > 0]] = True

    pairs, counts = np.unique(segment[codes > 0] * len(alphabet) + codes[codes > 0], return_counts=True)
    owners, voted = np.divmod(pairs, len(alphabet))
    ranked = np.lexsort((voted, -counts, owners))
    first = ranked[changes(owners[ranked])]
    label = np.zeros(len(begun), np.int64)
    label[owners[first]] = voted[first]

    left_out = Counter({"points after the last end of a character in their fragment": int(np.count_nonzero(~closed[segment]))})
    keep = closed[segment] & ((codes > 0) | (label[segment] == 0))
    return Characters(
        points=np.concatenate([*tables, np.empty((0, 2), np.float32)])[keep],
        owner=(np.cumsum(closed) - 1)[segment[keep]],
        lifts=(np.cumsum(pen) - pen)[keep],
        labels=[alphabet[code] for code in label[closed]],
        writers=[writers[i] for i in fragment[begun[closed]]],
        line=fragment[begun[closed]],
        clocks=np.full((len(sizes), 2), np.nan),
        left_out=+left_out,
    )


class _Undo(NamedTuple):
    """DeepWriting's preprocessing, backwards."""

    std: NDArray[np.float64]
    mean: NDArray[np.float64]
    relative: bool
    extent: NDArray[np.float64]
    least: NDArray[np.float64]

    @classmethod
    def of(cls, path: Path, archive: ObjectArchive) -> _Undo:
        """What is to be undone in a file: only what its `preprocessing` names."""
        steps = [str(step) for step in archive.read("preprocessing").ravel()] if "preprocessing" in archive else []
        unknown = sorted(set(steps) - set(STEPS))
        if unknown:
            raise FormatError(f"{path}: preprocessing names {', '.join(unknown)}; known are {', '.join(STEPS)}")

        def axes(name: str, step: str, otherwise: float) -> NDArray[np.float64]:
            if step not in steps:
                return np.full(2, otherwise)
            values = _numbers(archive.read(name), f"{path}: {name}").ravel()[:2]
            if len(values) != 2 or not np.isfinite(values).all():
                raise FormatError(f"{path}: preprocessing names {step}, and {name} does not hold a number for x and one for y")
            return values

        least = axes("min", "scale", 0)
        std, mean = axes("std", "normalization", 1), axes("mean", "normalization", 0)
        return cls(std, mean, "relative_representation" in steps, axes("max", "scale", 1) - least, least)

    def __call__(self, table: NDArray[np.float64]) -> NDArray[np.float32]:
        """The points [n, 2] of one fragment as they were written, but for a shift."""
        with np.errstate(over="ignore", invalid="ignore"):  # what is beyond all bounds is refused when it is drawn
            points = table[:, :2] * self.std + self.mean
            if self.relative:
                points = np.cumsum(points, axis=0)
            return (points * self.extent + self.least).astype(np.float32)


def _alphabet(path: Path, stored: NDArray[Any]) -> list[str]:
    """The labels in the order in which `char_labels` count them; NumPy may have lost the NUL, which is a text's end to it."""
    texts = [item.decode("latin1") if isinstance(item, bytes) else item for item in stored.ravel().tolist()]
    labels = sorted(text or NUL for text in texts if isinstance(text, str))
    if len(labels) != len(texts) or len(set(labels)) != len(labels) or NUL not in labels or BLANK in labels:
        raise FormatError(f"{path}: alphabet is DeepWriting's 70 characters, NUL among them, each once; this is {texts}")
    return [BLANK, *labels[1:]]


def _subject(value: object, where: str) -> str:
    """The writer of a fragment: one id, be it a number, a text, or given for each point."""
    ids = set(np.asarray(value).ravel().tolist())
    subject = ids.pop() if len(ids) == 1 else None
    if isinstance(subject, bytes):
        subject = subject.decode("latin1")
    if isinstance(subject, float) and subject.is_integer():
        subject = int(subject)
    if not isinstance(subject, str | int) or subject == "":
        raise FormatError(f"{where}: its subject_label is no writer's id, or more than one: {value!r}")
    return str(subject)


def _numbers(value: object, where: str) -> NDArray[np.float64]:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise FormatError(f"{where}: numbers were expected ({error})") from error


def release(path: Path) -> Iterator[Characters]:
    """The characters of every form of the JSON release: `WRITER/FORM/….json` in a folder or a zip, or a single file.

    Raises `FormatError`, naming the file and the line, for what is damaged or foreign; `InputError` when there is no file.
    """
    try:
        if path.is_dir():
            for form in _chosen(files_below(path.absolute())):
                yield _form(read_file(form, LARGEST_FORM), Path(form), form)
        elif path.suffix == ".zip":
            try:
                check_entries(path, MOST_FORMS)
            except FormatError as error:
                raise FormatError(f"{path} cannot be read ({error})") from error
            with zipfile.ZipFile(path) as archive:
                for form in _chosen(archive.namelist()):
                    if archive.getinfo(form).file_size > LARGEST_FORM:
                        raise FormatError(f"{path}: {form} has more than {LARGEST_FORM:,} bytes, the most that are read")
                    yield _form(archive.read(form), PurePosixPath(form.replace("\\", "/")), f"{path}: {form}")
        else:
            yield _form(read_file(path, LARGEST_FORM), path.absolute(), str(path))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except FormatError:
        raise
    except (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise FormatError(f"{path} cannot be read: it is truncated or foreign ({error})") from error


def _chosen(names: Iterable[str]) -> list[str]:
    """One file for every form: where there are several, `-nonorm` before others, then `-jsready` before others."""
    forms = [name for name in names if name.lower().endswith(".json") and not _hidden(name)]
    segmented = [form for form in forms if "segmented" in _file(form)] or forms
    best: dict[str, str] = {}
    for form in sorted(segmented, key=lambda form: ("-nonorm" not in _file(form), "-jsready" not in _file(form), form)):
        best.setdefault(form.replace("-nonorm", "").replace("-jsready", ""), form)
    return sorted(best.values())


def _file(path: str) -> str:
    """The last part of a path, of Windows' too."""
    return path.replace("\\", "/").rpartition("/")[2]


def _hidden(path: str) -> bool:
    return _file(path).startswith(".") or "__MACOSX" in path


def _form(data: bytes, path: PurePath, where: str) -> Characters:
    """The characters of one form, a JSON object of lines; some lines of the release carry no marks."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where} is not readable JSON: it is truncated or foreign ({error})") from error
    if not isinstance(document, dict):
        raise FormatError(f"{where} is no JSON object of lines: it is not of DeepWriting's JSON release")
    lines = {key: line for key, line in document.items() if isinstance(line, dict)}
    marked = {key: line for key, line in lines.items() if line.get("word_stroke") and line.get("wholeword_segments")}
    made: list[tuple[int, str, NDArray[np.float64], NDArray[np.int64]]] = []
    clocks = np.full((len(marked), 2), np.nan)
    left_out: Counter[str] = Counter({"lines without marks": len(lines) - len(marked)})
    for number, (key, line) in enumerate(marked.items()):
        table, chars = _line(line, f"{where}, {key}")
        lifts = np.cumsum(table[:, 2] == DOWN) + np.append(0, np.cumsum(table[:-1, 2] == UP))
        clocks[number] = table[:, 3].min(), table[:, 3].max()
        for label, rows in sorted(chars, key=lambda char: char[1][:1]):
            if label in ALPHABET and rows:
                made.append((number, label.replace(NUL, BLANK), table[rows, :2], lifts[rows]))
            else:
                left_out["characters outside the alphabet or without points"] += 1
    sizes = [len(points) for _, _, points, _ in made]
    return Characters(
        points=np.concatenate([np.empty((0, 2)), *(points for _, _, points, _ in made)]).astype(np.float32),
        owner=np.repeat(np.arange(len(made)), sizes),
        lifts=np.concatenate([np.empty(0, np.int64), *(lifts for _, _, _, lifts in made)]),
        labels=[label for _, label, _, _ in made],
        writers=[_writer(path, marked, where)] * len(made) if made else [],
        line=np.array([number for number, _, _, _ in made], dtype=np.int64),
        clocks=clocks,
        left_out=+left_out,
    )


def _line(line: dict[str, Any], where: str) -> tuple[NDArray[np.float64], list[tuple[str, list[int]]]]:
    """The points of a line, [n, 4] of x, y, event, time, and its characters: label and places of the points, ascending."""
    try:
        points = [[point["x"], point["y"], point["ev"], point.get("ts", np.nan)] for point in line["word_stroke"]]
        table = np.array(points, dtype=np.float64)
        if table.ndim != 2:
            raise ValueError("a point's x, y, ev or ts is no single number")
        chars = [
            (str(char["char"]), sorted({int(i) for run in char["ranges"] for i in run}))
            for word in line["wholeword_segments"]
            for char in word.get("chars", [])
        ]
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise FormatError(
            f"{where}: points have numbers x, y, ev (and ts), characters have char and ranges ({type(error).__name__}: {error})"
        ) from error
    if not (np.abs(table[:, :2]) <= FARTHEST).all():
        raise FormatError(f"{where}: a point is NaN or infinite, or lies beyond {FARTHEST:g}")
    if not np.isin(table[:, 2], (DOWN, MOVE, UP)).all():
        raise FormatError(f"{where}: ev is 0 where the pen comes down, 1 where it moves, 2 where it goes up, and nothing else")
    if any(rows and (rows[0] < 0 or rows[-1] >= len(table)) for _, rows in chars):
        raise FormatError(f"{where}: a character has points beyond the {len(table)} of its line")
    return table, chars


def _writer(path: PurePath, lines: dict[str, dict[str, Any]], where: str) -> str:
    """Who wrote a form: the folder above its own, as DeepWriting's own conversion has it, or else what the lines say."""
    folder = path.parts[-3] if len(path.parts) >= 3 else ""
    writers = {str(line["user_id"]) for line in lines.values() if "user_id" in line}
    if folder.isdecimal():
        return str(int(folder))
    if len(writers) == 1 and min(writers):
        return min(writers)
    raise FormatError(f"{where} lies in no folder WRITER/FORM/ with a number for the writer, and its lines name no user_id")


def changes(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[N] where a value differs from the one before it; the first does."""
    return np.append(True, values[1:] != values[:-1])[: len(values)]
