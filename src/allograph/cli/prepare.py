"""`allograph prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.terminal import AsJson, Jobs, print_facts, print_json, progress_bar
from allograph.corpora.sources import SOURCES, make_source
from allograph.errors import InputError
from allograph.images.frames import POLARITIES, check_frame


def prepare(
    source: Annotated[str, typer.Argument(help=f"What to read: {', '.join(SOURCES)}.")],
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="nist: by_class.zip, its extracted folder, or by_write.zip and the .mit lists. deepwriting: the npz "
            "files or the JSON release. npz: the archive. folder: the manifest CSV. digits: nothing."
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The corpus to write.")] = Path("corpus.parquet"),
    split: Annotated[
        str | None,
        typer.Option(
            help="paper, all (every writer is an application writer), or a CSV file with writer and split. "
            "Paper unless said; all for digits."
        ),
    ] = None,
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
    origin: Annotated[str, typer.Option(help="Whom to name as the source; for npz and folder.")] = "",
    licence: Annotated[str, typer.Option(help="The licence of the data; for npz and folder.")] = "",
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Turn an archive of handwriting into a corpus: samples with labels, writers and splits."""
    from allograph.corpora import prepare as run
    from allograph.files.atomic import check_output
    from allograph.files.records import record_values

    check_output(output, *(path for path in [*(paths or ()), boxes] if path is not None and path.is_file()))
    if polarity not in POLARITIES:
        raise InputError(f"the polarity is {', '.join(POLARITIES)}, not {polarity!r}")
    if undistorted and source != "deepwriting":
        raise InputError(f"--undistorted is for deepwriting, whose files join two collections; {source} has none of that")
    if boxes is not None and source != "npz":
        raise InputError(f"--boxes is for npz, whose images are cut to their ink already; {source} has the boxes of its own")
    options = {
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
        done = run(chosen, output, rule, None if frame is None else check_frame(frame), jobs, progress)
    facts = {name: value for name, value in record_values(done.record).items() if name not in ("origin", "licence", "split")}
    if as_json:
        print_json({"output": str(output), **facts})
    else:
        print_facts(str(output), facts)
