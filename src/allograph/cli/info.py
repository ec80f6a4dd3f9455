"""`allograph info`."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allograph.cli.terminal import AsJson, print_facts, print_json, progress_bar
from allograph.corpora.place import RECORD, Place, as_place, read_record
from allograph.errors import FormatError, InputError
from allograph.files.input import check_file
from allograph.progress import Progress, silent

if TYPE_CHECKING:
    from allograph.corpora.record import CorpusRecord

LINES = "evaluation of lines"
"""What the results of `allograph evaluate-lines` call themselves."""
REPORT = 256
"""Lines between two reports of progress."""


def info(
    path: Annotated[
        str,
        typer.Argument(
            help="A corpus, a corpus of lines, an embedded corpus, any of these at a URL, predictions, a bundle, an exported "
            "profile, a backup of a store, or a report's folder or JSON."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Say what a file or folder is, what is in it, and whether it is sound."""
    with progress_bar() as progress:
        kind, facts = describe(as_place(path), progress)
    if as_json:
        print_json({"path": str(path), "kind": kind, "sound": True, **facts})
    else:
        print_facts(f"{path}: {kind}, sound", facts)


def describe(path: Place, progress: Progress = silent) -> tuple[str, dict[str, Any]]:
    """What stands at a place, read to its end: its kind and the facts about it; raises `FormatError` when it is not sound."""
    if isinstance(path, Path) and path.is_dir() and not (path / RECORD).exists():
        if (path / "results.json").exists():
            return _results(path / "results.json")
        if (path / "config.json").exists():
            return _bundle(path)
        if any(path.glob("part-*.parquet")):
            read_record(path)  # which says that the folder of parts was not finished
        raise InputError(f"{path} is neither a bundle nor a report: it holds no config.json and no results.json")
    if isinstance(path, Path) and not path.is_dir():
        check_file(path)
        if path.suffix == ".json":
            return _results(path)
        if is_sqlite(path):
            return _backup(path, progress)
        if is_profile(path):
            return _profile(path)
    from allograph.corpora.parquet import kind_of

    kind = kind_of(path)
    if kind == "predictions":
        from allograph.evaluation.report.predictions import describe_predictions

        return kind, describe_predictions(path)
    if kind == "corpus of lines":
        return kind, _lines(path, progress)
    return _corpus(path, progress) if kind == "corpus" else _embedded(path, progress)


def is_sqlite(path: Path) -> bool:
    """Whether a file begins like SQLite's, as a store's backup does."""
    return _head(path, 16) == b"SQLite format 3\0"


def is_profile(path: Path) -> bool:
    """Whether a file begins like an exported profile: the length of a JSON text, then that text."""
    head = _head(path, 9)
    return len(head) == 9 and head[8:] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size


def _head(path: Path, size: int) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(size)
    except OSError as error:
        raise FormatError(f"{path} cannot be read ({error.strerror})") from error


def _backup(path: Path, progress: Progress) -> tuple[str, dict[str, Any]]:
    from allograph.profiles.backup_file import check_backup

    found = check_backup(path, progress)
    return "backup of a store", {
        "made": datetime.fromtimestamp(found.made, UTC).isoformat(timespec="seconds"),
        "writers": found.writers,
        "corrections": found.corrections,
        "rows": found.rows,
        "release": found.release,
        "tables": found.migration,
    }


def _profile(path: Path) -> tuple[str, dict[str, Any]]:
    from allograph.profiles.archive import unpack

    contents = unpack(path.read_bytes(), str(path))
    return "exported profile", {
        "corrections": len(contents.entries),
        "labels": len({entry.label for entry in contents.entries}),
        "with an image": sum(entry.image is not None for entry in contents.entries),
        "taken back": len(contents.tombstones),
        "model": contents.model_hash,
    }


def _bundle(path: Path) -> tuple[str, dict[str, Any]]:
    from allograph.adapters.size_statistics import SizeStatistics
    from allograph.bundle import Bundle
    from allograph.lines.line_model import LineModel
    from allograph.recognizer import Recognizer

    bundle = Bundle.open(path)
    sizes = SizeStatistics.of(bundle)
    lines = LineModel.of(bundle) if bundle.lines else None
    Recognizer(bundle)
    size = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    return "bundle", {
        "labels": len(bundle.alphabet),
        "alphabet": " ".join(bundle.alphabet),
        "frame": bundle.frame,
        "embedding size": bundle.embedding_size,
        "styles": 0 if bundle.styles is None else len(bundle.styles),
        "sizes": {} if sizes is None else sizes.summary(bundle.alphabet),
        "lines": {} if lines is None else {"cut units": len(lines.strokes.cut.outer), "gap units": len(lines.strokes.gap.outer)},
        "bytes": size,
        "model": bundle.model_hash,
        **{key: value for key in ("corpus", "accuracy") if (value := getattr(bundle.config, key))},
    }


def _corpus(path: Place, progress: Progress) -> tuple[str, dict[str, Any]]:
    from allograph.corpora.corpus import Corpus

    corpus, read = Corpus.open(path), 0
    for samples in corpus.batches():
        read += len(samples)
        progress("reading", read, len(corpus))
    if read != len(corpus):
        raise FormatError(f"{path} says it has {len(corpus)} samples and holds {read}; make it anew")
    return "corpus", {"samples": read, **_columns(corpus.labels, corpus.writers, corpus.splits), **_record(corpus.record)}


def _lines(path: Place, progress: Progress) -> dict[str, Any]:
    from allograph.corpora.lines.corpus import LineCorpus

    corpus = LineCorpus.open(path)
    count, characters, known, units = 0, 0, 0, Counter[str]()
    split_of: dict[str, str] = {}
    for count, line in enumerate(corpus.lines(), 1):
        characters += len(line.labels)
        known += line.characters is not None
        units[line.unit] += 1
        if split_of.setdefault(line.writer, line.split) != line.split:
            raise FormatError(f"{path} has the writer {line.writer!r} in two splits; make it anew")
        if count % REPORT == 0 or count == len(corpus):
            progress("reading", count, len(corpus))
    if not count or count != corpus.record.lines:
        raise FormatError(f"{path} says it has {corpus.record.lines} lines and holds {count}; make it anew")
    return {
        "lines": count,
        "characters": characters,
        **_columns(list(corpus.alphabet), corpus.writers, corpus.splits),
        "known cuts": known / count,
        "units": dict(units),
        **{key: value for key in ("source", "origin", "licence", "shared_lines") if (value := getattr(corpus.record, key)) != ""},
        "alphabet": " ".join(corpus.alphabet),
    }


def _embedded(path: Place, progress: Progress) -> tuple[str, dict[str, Any]]:
    import numpy as np

    from allograph.embedding import EmbeddedCorpus

    corpus = EmbeddedCorpus.open(path)
    read = 0
    for split in ("train", "validation", "application"):
        for samples in corpus.parts(corpus.columns[2] == split):
            if not (np.isfinite(samples.embeddings).all() and np.isfinite(samples.logits).all()):
                raise FormatError(f"{path} holds embeddings or logits that are not finite; embed the corpus again")
            read += len(samples)
            progress("reading", read, len(corpus))
    if read != len(corpus):
        raise FormatError(f"{path}: {len(corpus) - read} of {len(corpus)} samples are of no known split; embed the corpus again")
    facts = {"samples": read, **_columns(*corpus.columns), "frame": corpus.frame, "model": corpus.record.model_hash}
    return "embedded corpus", facts | {"corpus": _record(corpus.record.corpus)}


def _results(path: Path) -> tuple[str, dict[str, Any]]:
    from allograph.evaluation.report.results import read_results
    from allograph.files.json_files import read_json

    value = read_json(path)
    if isinstance(value, dict) and value.get("kind") == LINES:
        return LINES, _line_results(path, value)
    results = read_results(path)
    try:
        facts: dict[str, Any] = {"corpus": results["corpus"], "model": results["model"]}
        for number, run in enumerate(results["runs"], 1):
            facts[f"run {number}"] = run["protocol"]
            for name, method in run["methods"].items():
                facts[f"run {number}, {name}"] = {key: method[key] for key in ("accuracy", "gain", "error_cut", "worse")}
    except (KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path} is not the result of an evaluation, or is damaged ({error})") from error
    return "evaluation result", facts


def _line_results(path: Path, results: dict[str, Any]) -> dict[str, Any]:
    from allograph.evaluation.lines.outcome import FORMAT
    from allograph.files.records import check_version

    check_version(path, LINES, results.get("format"), FORMAT)
    try:
        facts = {key: results[key] for key in ("corpus", "model", "protocol", "lines", "worse")}
        stages = [("all lines", results["all_lines"]), *((stage["name"], stage) for stage in results["stages"])]
        for name, stage in stages:
            shares = {key: stage[key] for key in ("characters_wrong", "words_wrong", "cuts_right")}
            facts[name if name == "all lines" else f"learned {name}"] = shares
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FormatError(f"{path} is not the result of an evaluation of lines, or is damaged ({error})") from error
    return facts


def _columns(labels: Any, writers: Any, splits: Any) -> dict[str, Any]:
    import numpy as np

    names, counts = np.unique(splits, return_counts=True)
    return {
        "labels": len(np.unique(labels)),
        "writers": len(np.unique(writers)),
        "splits": dict(zip(names.tolist(), counts.tolist(), strict=True)),
    }


def _record(record: CorpusRecord) -> dict[str, Any]:
    keys = ("source", "origin", "licence", "frame", "polarity", "boxes", "shared_images", "notes")
    return {key: value for key in keys if (value := getattr(record, key)) not in ("", (), {})}
