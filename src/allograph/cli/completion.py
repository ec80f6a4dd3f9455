"""Shell completion: which shell is meant, and what can stand where a name is typed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from allograph.errors import InputError

SHELLS = ("bash", "zsh", "fish")
OPTIONS = ("--install-completion", "--show-completion")

os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"  # Typer's options then take a shell by its name


def with_shell(arguments: Sequence[str]) -> list[str]:
    """The command line with the name of the user's shell after `--install-completion` or `--show-completion`, where none is.

    Raises `InputError` where the shell cannot be told.
    """
    if len(arguments) == 1 and arguments[0] in OPTIONS:
        return [*arguments, _shell(arguments[0])]
    return list(arguments)


def one_of(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """What completes an option whose values have these names."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return complete


def _shell(option: str) -> str:
    import shellingham  # type: ignore[import-untyped]

    try:
        name = str(shellingham.detect_shell()[0])
    except shellingham.ShellDetectionFailure:
        name = Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise InputError(f"{option} needs the name of a shell: {', '.join(SHELLS)}")
    return name
