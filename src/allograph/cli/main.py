"""The command `allograph`, and how it ends: 0 done, 1 our fault, 2 bad input or usage, 130 interrupted."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from types import FrameType
from typing import Annotated

import typer

import allograph
from allograph.cli.bundle import bundle
from allograph.cli.completion import with_shell
from allograph.cli.demo import demo
from allograph.cli.embed import embed
from allograph.cli.evaluate import evaluate
from allograph.cli.evaluate_lines import evaluate_lines
from allograph.cli.export import export
from allograph.cli.fold import fold
from allograph.cli.info import info
from allograph.cli.keys import keys
from allograph.cli.output import close_stdout, open_streams, say
from allograph.cli.prepare import prepare
from allograph.cli.read_lines import read_lines
from allograph.cli.serve import serve
from allograph.cli.terminal import Interrupted
from allograph.cli.train import train
from allograph.cli.train_lines import train_lines
from allograph.cli.tune import tune
from allograph.cli.writers import writers
from allograph.errors import AllographError, InputError

app = typer.Typer(
    name="allograph",
    help="Personalise a handwriting-character recognizer to each writer, from the writer's own corrections.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (prepare, train, embed, fold, tune, evaluate, bundle, info, demo, serve, train_lines, evaluate_lines, read_lines):
    app.command()(command)
app.add_typer(writers, name="writers")
app.add_typer(keys, name="keys")
app.add_typer(export, name="export")


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    """Personalise a handwriting-character recognizer to each writer, from the writer's own corrections."""
    if version:
        typer.echo(f"allograph {allograph.__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line and leave with its exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    open_streams()
    try:
        status = _run(sys.argv[1:])
        sys.stdout.flush()
    except Interrupted as interrupt:
        say(f"interrupted; {str(interrupt) or 'no half-written output was left behind'}")
        status = 130
    except AllographError as error:
        say(f"allograph: {error}")
        status = error.exit_status
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # whoever read our output has gone: no more to say
            say(f"allograph: {error if error.filename else f'standard output cannot be written ({error})'}")
        status = 1
    except MemoryError:
        say("allograph: there is not enough memory for this; work with fewer samples, or with --jobs 1")
        status = 1
    except Exception as error:  # no user should have to read a traceback; who looks for the fault can have it
        if os.environ.get("ALLOGRAPH_DEBUG"):
            traceback.print_exc()
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename}, line {place.lineno}"
        say(
            f"allograph: this is a fault of allograph's own: {type(error).__name__}: {error} ({where}); "
            "set ALLOGRAPH_DEBUG=1 to see how it came about"
        )
        status = 1
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        close_stdout()
    sys.exit(status)


def _run(arguments: list[str]) -> int:
    """What the command, or its usage message, ends with."""
    for number, argument in enumerate(arguments, 1):
        if any("\ud800" <= point <= "\udfff" for point in argument):
            hint = "" if sys.getfilesystemencoding() == "utf-8" else ", or set LC_ALL=C.UTF-8"
            raise InputError(f"argument {number}, {argument}, is no UTF-8; rename what it names{hint}")
    try:
        app(with_shell(arguments), prog_name="allograph")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted


if __name__ == "__main__":
    main()
