"""`allograph backup` and `allograph restore`: a whole store as one file, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allograph.cli.actor import actor
from allograph.cli.output import encodable, say
from allograph.cli.terminal import AsJson, print_json, progress_bar
from allograph.errors import StorageError

if TYPE_CHECKING:
    from allograph.profiles.backup_file import Backup


def backup(
    store: Annotated[str, typer.Argument(help="The store: an SQLite file, or postgresql:// with user@host/database.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    as_json: AsJson = False,
) -> None:
    """Write all writers and keys of a store, as they are at one moment, into a file, while services go on.

    The file holds what people wrote, and what keys are recognised by: keep it as you keep the store.
    """
    from allograph.profiles.backup import back_up

    def tell(error: StorageError) -> None:
        say(f"allograph: the audit log does not hold this backup: {error}")

    with progress_bar() as progress:
        done = back_up(store, output, progress, actor(), tell)
    _say({"output": str(output), **_facts(done)}, as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that allograph backup wrote.")],
    store: Annotated[str, typer.Argument(help="The store to fill: an SQLite file, or postgresql:// with user@host/database.")],
    replace: Annotated[bool, typer.Option("--replace", help="Confirm: what the store holds now is given up.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a store hold what a backup holds, all or nothing. A backup of either kind of store fills either kind.

    Stop the services first. What was erased, taken back or revoked after the backup was made is there again: do it again.
    The audit log of a store that is replaced goes on, and whoever was erased by it is named.
    """
    from allograph.profiles.backup import restore as fill

    with progress_bar() as progress:
        done = fill(file, store, replace, progress, actor())
    facts = {"restored": str(file), **_facts(done.backup)}
    if as_json:
        erased = [key._asdict() for key in done.erased]
        unread = None if done.unread is None else str(done.unread)
        print_json({**facts, "erased": erased, "revoked": done.revoked, "closed": done.closed, "unread": unread})
        return
    _say(facts, as_json)
    if done.erased:
        print("erased after the backup was made, and there again:")
        for key in done.erased:
            print(encodable(f"  {key.name} (tenant {key.tenant})"))
    if done.revoked:
        print(f"revoked after the backup was made, and valid again: the keys {', '.join(done.revoked)}")
    if done.closed:
        print("the store had a key, and the backup has none: a key is needed all the same (make one: allograph keys add)")
    if done.unread is not None:
        print(
            f"the store that was replaced could not be read ({encodable(str(done.unread))}): its audit log is lost, and who was "
            "erased after the backup was made is not known; where keys were needed, see that they are: allograph keys list"
        )


def _facts(done: Backup) -> dict[str, Any]:
    made = datetime.fromtimestamp(done.made, UTC).isoformat(timespec="seconds")
    return {"made": made, "writers": done.writers, "corrections": done.corrections, "rows": done.rows, "sha256": done.sha256}


def _say(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(facts)
    else:
        print(", ".join(f"{name}: {value}" for name, value in facts.items()))
