"""`allograph keys`: who may use the service, as which tenant, for what and until when."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from allograph.cli.actor import actor
from allograph.cli.moments import parse_moment, parse_span, told
from allograph.cli.terminal import AsJson, print_json
from allograph.cli.writers import HERE, At, existing
from allograph.errors import InputError

if TYPE_CHECKING:
    from allograph.profiles.keys import ApiKey

keys = typer.Typer(no_args_is_help=True, help="Make, list, rotate and revoke the keys of the service.")


class Scope(StrEnum):
    """What a key is for."""

    read = "read"
    teach = "teach"
    administer = "administer"


Id = Annotated[str, typer.Argument(help="The key's id, or a name that no other key has, as allograph keys list shows them.")]
Expires = Annotated[str | None, typer.Option(help="When it becomes void by itself: 90d, 12h, or a date; never unless given.")]


@keys.command()
def add(
    name: Annotated[str, typer.Argument(help="A name for the key, shown by allograph keys list.")],
    tenant: Annotated[str, typer.Option(help="The tenant whose writers the key gives access to.")] = "default",
    scope: Annotated[
        Scope,
        typer.Option(help="read: readings and what was taught; teach: also corrections; administer: also export, import, erase."),
    ] = Scope.administer,
    expires: Expires = None,
    store: At = HERE,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it. It cannot be printed again: the store keeps only its hash."""
    from allograph.profiles import open_store

    until = None if expires is None else parse_moment(expires, time.time(), forward=True)
    with closing(open_store(store)) as opened:
        key = opened.keys.add(tenant, name, scope.value, until, actor())
    if as_json:
        print_json(
            {"key": key, "id": key.partition(".")[0], "tenant": tenant, "name": name, "scope": scope.value, "expires": until}
        )
    else:
        print(key)


@keys.command("list")
def list_(store: At = HERE, as_json: AsJson = False) -> None:
    """List the keys without their secrets: id, tenant, name, scope, times of creation and expiry."""
    with existing(store) as opened:
        entries = opened.keys.list()
    if as_json:
        print_json({"keys": [asdict(key) for key in entries]})
        return
    for key in entries:
        print(key.id, key.tenant, key.name, key.scope, told(key.created), told(key.expires), sep="\t")


@keys.command()
def rotate(
    id: Id,
    grace: Annotated[str, typer.Option(help="How long the secret before is valid too: 7d, 12h, 0s.")] = "7d",
    expires: Expires = None,
    store: At = HERE,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret and print it; the one before goes on for a while, so that nobody is shut out."""
    now = time.time()
    seconds, until = parse_span(grace), None if expires is None else parse_moment(expires, now, forward=True)
    with existing(store) as opened:
        key = _named(opened.keys.list(), id)
        rotated = opened.keys.rotate(key.id, seconds, until, actor())
    if as_json:
        print_json({"key": rotated, "id": key.id, "tenant": key.tenant, "name": key.name, "old_expires": now + seconds})
    else:
        print(rotated)


@keys.command()
def revoke(id: Id, store: At = HERE) -> None:
    """Revoke a key, at once and for good; running services refuse it within two seconds."""
    with existing(store) as opened:
        key = _named(opened.keys.list(), id)
        if not opened.keys.revoke(key.id, actor()):
            raise InputError(f"the key {key.id} was revoked by somebody else meanwhile")
    print(f"the key {key.id} is void")


@keys.command()
def reopen(store: At = HERE) -> None:
    """Let the service answer without keys again, once all keys are revoked; running services must be restarted."""
    with existing(store) as opened:
        opened.keys.reopen(actor())
    print("the store is used without keys, by this machine alone, from the next start of a service on")


def _named(entries: list[ApiKey], id: str) -> ApiKey:
    """The key of this id, or the only one of this name."""
    found = [key for key in entries if key.id == id] or [key for key in entries if key.name == id]
    if len(found) == 1:
        return found[0]
    reason = f"{len(found)} keys have the name {id!r}; say which by its id" if found else f"there is no key with the id {id!r}"
    raise InputError(f"{reason}; allograph keys list shows them")
