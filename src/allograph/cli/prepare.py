"""`allograph prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.terminal import AsJson, Jobs, print_facts, print_json, progress_bar
from allograph.errors import InputError
from allograph.images.frames import POLARITIES, Polarity, check_frame

SOURCES = ("nist", "deepwriting", "digits", "npz", "folder")


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
    origin: Annotated[str, typer.Option(help="Whom to name as the source; for npz and folder.")] = "",
    licence: Annotated[str, typer.Option(help="The licence of the data; for npz and folder.")] = "",
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Turn an archive of handwriting into a corpus: samples with labels, writers and splits."""
    from allograph.corpora import preparation as corpora
    from allograph.files.atomic import check_output
    from allograph.files.records import record_values

    check_output(output, *(path for path in paths or () if path.is_file()))
    if polarity not in POLARITIES:
        raise InputError(f"the polarity is {', '.join(POLARITIES)}, not {polarity!r}")
    chosen = _source(source, paths or [], polarity, square, undistorted, origin, licence)
    rule = split or ("all" if source == "digits" else "paper")
    with progress_bar() as progress:
        done = corpora.prepare(chosen, output, rule, None if frame is None else check_frame(frame), jobs, progress)
    facts = {name: value for name, value in record_values(done.record).items() if name not in ("origin", "licence", "split")}
    if as_json:
        print_json({"output": str(output), **facts})
    else:
        print_facts(str(output), facts)


def _source(  # type: ignore[no-untyped-def]
    name: str, paths: list[Path], polarity: Polarity, square: int, undistorted: bool, origin: str, licence: str
):
    """The source of that name; each is imported only when it is asked for."""
    if undistorted and name != "deepwriting":
        raise InputError(f"--undistorted is for deepwriting, whose files join two collections; {name} has none of that")
    if name in ("nist", "deepwriting") and not paths:
        raise InputError(f"{name} needs the path of what to read; see allograph prepare --help")
    if name in ("npz", "folder") and len(paths) != 1:
        raise InputError(f"{name} reads exactly one {'archive' if name == 'npz' else 'manifest'}; {len(paths)} were given")
    if name == "nist":
        from allograph.corpora.nist.source import NistSource

        return NistSource(paths, polarity=polarity, square=square)
    if name == "deepwriting":
        from allograph.corpora.deepwriting.source import DeepWritingSource

        return DeepWritingSource(paths, square=square, undistorted=undistorted)
    if name == "digits":
        from allograph.corpora.digits import DigitsSource

        if paths:
            raise InputError("the digits come with scikit-learn; no path is needed")
        return DigitsSource()
    if name == "npz":
        from allograph.corpora.npz.source import NpzSource

        return NpzSource(paths[0], origin, licence)
    if name == "folder":
        from allograph.corpora.folder import FolderSource

        return FolderSource(paths[0], origin=origin, licence=licence, polarity=polarity, square=square)
    raise InputError(f"there is no source {name!r}; there are {', '.join(SOURCES)}")
