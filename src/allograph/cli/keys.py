"""`allograph keys`: who may use the service, and as which tenant."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from allograph.cli.terminal import AsJson, print_json
from allograph.cli.writers import HERE, At, existing
from allograph.errors import InputError

keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke the keys of the service.")


@keys.command()
def add(
    name: Annotated[str, typer.Argument(help="What to call the key in the list.")],
    tenant: Annotated[str, typer.Option(help="Whose writers it opens.")] = "default",
    store: At = HERE,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, this once: only its hash is kept."""
    from allograph.profiles import open_store

    with closing(open_store(store)) as opened:
        key = opened.keys.add(tenant, name)
    if as_json:
        print_json({"key": key, "id": key.partition(".")[0], "tenant": tenant, "name": name})
    else:
        print(key)


@keys.command("list")
def listed(store: At = HERE, as_json: AsJson = False) -> None:
    """Show the keys without their secrets: id, tenant, name, and when it was made."""
    with existing(store) as opened:
        found = opened.keys.list()
    if as_json:
        print_json({"keys": [asdict(key) for key in found]})
        return
    for key in found:
        print(key.id, key.tenant, key.name, datetime.fromtimestamp(key.created, UTC).isoformat(timespec="seconds"), sep="\t")


@keys.command()
def revoke(
    id: Annotated[str, typer.Argument(help="The key's id, as the list shows it.")],
    store: At = HERE,
) -> None:
    """Make a key void; running services follow within two seconds."""
    with existing(store) as opened:
        if not opened.keys.revoke(id):
            raise InputError(f"there is no key with the id {id!r}; allograph keys list shows them")
    print(f"the key {id} is void")


@keys.command()
def reopen(store: At = HERE) -> None:
    """Let the service answer without keys again, once all are revoked; services that run must be started anew."""
    with existing(store) as opened:
        opened.keys.reopen()
    print("the store is used without keys, by this machine alone, from the next start of a service on")
