"""The command `allograph`, and how it ends: 0 done, 1 our fault, 2 bad input or usage, 130 interrupted."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

import allograph
from allograph.cli.bundle import bundle
from allograph.cli.demo import demo
from allograph.cli.embed import embed
from allograph.cli.evaluate import evaluate
from allograph.cli.info import info
from allograph.cli.prepare import prepare
from allograph.cli.train import train
from allograph.errors import AllographError

app = typer.Typer(
    name="allograph",
    help="Personalise a handwriting-character recogniser to each writer, from the writer's own corrections.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (prepare, train, embed, evaluate, bundle, info, demo):
    app.command()(command)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    """Personalise a handwriting-character recogniser to each writer, from the writer's own corrections."""
    if version:
        typer.echo(f"allograph {allograph.__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line and leave with its exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a stopped command tidies up as an interrupted one does
    try:
        app(standalone_mode=False)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        print("interrupted; nothing half-written was left behind", file=sys.stderr)
        sys.exit(130)
    except AllographError as error:
        print(f"allograph: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read our output has gone: no more to say
        sys.exit(1)


if __name__ == "__main__":
    main()
