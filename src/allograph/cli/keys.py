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
    name: Annotated[str, typer.Argument(help="A name for the key, shown by allograph keys list.")],
    tenant: Annotated[str, typer.Option(help="The tenant whose writers the key gives access to.")] = "default",
    store: At = HERE,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it. It cannot be printed again: the store keeps only its hash."""
    from allograph.profiles import open_store

    with closing(open_store(store)) as opened:
        key = opened.keys.add(tenant, name)
    if as_json:
        print_json({"key": key, "id": key.partition(".")[0], "tenant": tenant, "name": name})
    else:
        print(key)


@keys.command("list")
def list_(store: At = HERE, as_json: AsJson = False) -> None:
    """List the keys without their secrets: id, tenant, name, time of creation."""
    with existing(store) as opened:
        entries = opened.keys.list()
    if as_json:
        print_json({"keys": [asdict(key) for key in entries]})
        return
    for key in entries:
        print(key.id, key.tenant, key.name, datetime.fromtimestamp(key.created, UTC).isoformat(timespec="seconds"), sep="\t")


@keys.command()
def revoke(
    id: Annotated[str, typer.Argument(help="The key's id, as allograph keys list shows it.")],
    store: At = HERE,
) -> None:
    """Revoke a key; running services refuse it within two seconds."""
    with existing(store) as opened:
        if not opened.keys.revoke(id):
            raise InputError(f"there is no key with the id {id!r}; allograph keys list shows them")
    print(f"the key {id} is void")


@keys.command()
def reopen(store: At = HERE) -> None:
    """Let the service answer without keys again, once all keys are revoked; running services must be restarted."""
    with existing(store) as opened:
        opened.keys.reopen()
    print("the store is used without keys, by this machine alone, from the next start of a service on")
