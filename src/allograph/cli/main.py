"""The command `allograph`, and how it ends: 0 done, 1 our fault, 2 bad input or usage, 130 interrupted."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

import allograph
from allograph.cli.bundle import bundle
from allograph.cli.demo import demo
from allograph.cli.embed import embed
from allograph.cli.evaluate import evaluate
from allograph.cli.fold import fold
from allograph.cli.info import info
from allograph.cli.keys import keys
from allograph.cli.prepare import prepare
from allograph.cli.serve import serve
from allograph.cli.train import train
from allograph.cli.tune import tune
from allograph.cli.writers import writers
from allograph.errors import AllographError

app = typer.Typer(
    name="allograph",
    help="Personalise a handwriting-character recognizer to each writer, from the writer's own corrections.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (prepare, train, embed, fold, tune, evaluate, bundle, info, demo, serve):
    app.command()(command)
app.add_typer(writers, name="writers")
app.add_typer(keys, name="keys")


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    """Personalise a handwriting-character recognizer to each writer, from the writer's own corrections."""
    if version:
        typer.echo(f"allograph {allograph.__version__}")
        raise typer.Exit


class Interrupted(BaseException):
    """Ctrl-C, or a request to stop, which tidies up likewise."""


def main() -> None:
    """Run the command line and leave with its exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        status = _run()
        sys.stdout.flush()
    except Interrupted:
        print("interrupted; no half-written output was left behind", file=sys.stderr)
        status = 130
    except AllographError as error:
        print(f"allograph: {error}", file=sys.stderr)
        status = error.exit_status
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what could not be printed is not tried again
        if not isinstance(error, BrokenPipeError):  # whoever read our output has gone: no more to say
            print(f"allograph: {error}", file=sys.stderr)
        status = 1
    sys.exit(status)


def _run() -> int:
    """What the command, or its usage message, ends with."""
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted


if __name__ == "__main__":
    main()
