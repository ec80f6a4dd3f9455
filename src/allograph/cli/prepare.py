"""`allograph prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from allograph.cli.terminal import AsJson, Cluster, Jobs, jobs_of, print_facts, print_json, progress_bar
from allograph.corpora.sources import SOURCES, make_source
from allograph.errors import InputError
from allograph.files.records import record_values
from allograph.images.frames import POLARITIES, check_frame

FOR_LINES = ("source", "paths", "output", "split", "lines", "origin", "licence", "jobs", "cluster", "as_json")
"""The parameters that lines have; all others are about images."""


def prepare(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help=f"What to read: {', '.join(SOURCES)}, or lines.")],
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="nist: by_class.zip, its extracted folder, or by_write.zip and the .mit lists. femnist: the hub's "
            "Parquet files, LEAF's JSON files, or their folder. deepwriting: the npz "
            "files or the JSON release. unipen: the release, a folder or an archive. inkml: files or folders. npz: the archive. "
            "folder: the manifest CSV. digits: nothing. lines: an npz archive with points, stroke_start, line_start, texts, "
            "writers and perhaps stroke_character, splits, millimetres, device, as docs/corpora.md describes them."
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="The corpus to write; corpus.parquet unless said, for lines lines.parquet. With / at its end a folder of parts; "
            "it may be a URL.",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="paper, all (every writer is an application writer), knn-per (a fifth are), a CSV file with writer and "
            "split, or for unipen shipped: the samples, writers and split of the shipped bundle. Paper unless said; all for "
            "digits; for lines the archive's own, where it has one."
        ),
    ] = None,
    lines: Annotated[
        bool, typer.Option("--lines", help="unipen, inkml: the lines of text instead of the characters: a corpus of lines.")
    ] = False,
    frame: Annotated[str | None, typer.Option(help="paper or mnist; the source's own unless said.")] = None,
    polarity: Annotated[
        str, typer.Option(help="auto, dark (ink on light) or light (ink on dark); for nist and folder.")
    ] = "auto",
    square: Annotated[
        int,
        typer.Option(min=0, help="Pixels the paper frame's square has beyond the ink: 2 in the authors' code, 0 in the text."),
    ] = 2,
    undistorted: Annotated[
        bool,
        typer.Option(
            "--undistorted",
            help="deepwriting's npz: make IAM-OnDB's characters as narrow as they were written; the paper has them stretched.",
        ),
    ] = False,
    boxes: Annotated[
        Path | None,
        typer.Option(help="npz: the archive with the samples' boxes, in their order, where they are not in the archive itself."),
    ] = None,
    origin: Annotated[str, typer.Option(help="Whom to name as the source; for npz, folder, inkml and lines.")] = "",
    licence: Annotated[str, typer.Option(help="The licence of the data; for npz, folder, inkml and lines.")] = "",
    jobs: Jobs = None,
    cluster: Cluster = None,
    as_json: AsJson = False,
) -> None:
    """Turn an archive of handwriting into a corpus: samples with labels, writers and splits.

    With lines, or --lines, it is a corpus of lines: strokes with the text they show. Of the options these take --output,
    --split, --origin, --licence, --jobs, --cluster and --json.
    """
    if source == "lines" or lines:
        _refuse_others(context)
        _prepare_lines(source, paths or [], output or "lines.parquet", split, origin, licence, jobs_of(jobs, cluster), as_json)
        return
    from allograph.corpora import prepare as run
    from allograph.corpora.place import check_table_output
    from allograph.corpora.preparation import SHIPPED

    output, workers = output or "corpus.parquet", jobs_of(jobs, cluster)
    check_table_output(output, *(path for path in [*(paths or ()), boxes] if path is not None and path.is_file()))
    if polarity not in POLARITIES:
        raise InputError(f"the polarity is {', '.join(POLARITIES)}, not {polarity!r}")
    if undistorted and source != "deepwriting":
        raise InputError(f"--undistorted is for deepwriting, whose files join two collections; {source} has none of that")
    if boxes is not None and source != "npz":
        raise InputError(f"--boxes is for npz, whose images are cut to their ink already; {source} has the boxes of its own")
    options = {
        "shipped": split == SHIPPED,
        "polarity": polarity,
        "square": square,
        "undistorted": undistorted,
        "boxes": boxes,
        "origin": origin,
        "licence": licence,
    }
    taken = SOURCES[source].options if source in SOURCES else ()
    chosen = make_source(source, paths or [], **{name: options[name] for name in taken})
    rule = split or ("all" if source == "digits" else "paper")
    with progress_bar() as progress:
        done = run(chosen, output, rule, None if frame is None else check_frame(frame), workers, progress)
    _show(output, done.record, as_json)


def _prepare_lines(
    source: str,
    paths: list[Path],
    output: str,
    split: str | None,
    origin: str,
    licence: str,
    jobs: int | str | None,
    as_json: bool,
) -> None:
    from allograph.corpora import prepare_lines
    from allograph.corpora.lines.source import open_lines
    from allograph.corpora.place import check_table_output
    from allograph.corpora.preparation import SHIPPED

    check_table_output(output, *(path for path in paths if path.is_file()))
    if split == SHIPPED:
        raise InputError(
            "--split shipped is of unipen's characters: which of the release's lines the shipped data hold is not recorded; "
            "name paper, all or a CSV file"
        )
    with progress_bar() as progress:
        opened = open_lines(source, paths, progress)
        done = prepare_lines(opened, output, split, progress, jobs, origin=origin, licence=licence)
    _show(output, done.record, as_json)


def _refuse_others(context: typer.Context) -> None:
    """Raise `InputError` where an option was given that lines do not have."""
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "")
        if parameter.name not in FOR_LINES and given is not None and given.name == "COMMANDLINE":
            raise InputError(f"{parameter.opts[0]} is not for lines, whose strokes are kept as they are; leave it out")


def _show(output: str, record: Any, as_json: bool) -> None:
    """Say what was made."""
    facts = {name: value for name, value in record_values(record).items() if name not in ("origin", "licence", "split")}
    if as_json:
        print_json({"output": output, **facts})
    else:
        print_facts(output, facts)
