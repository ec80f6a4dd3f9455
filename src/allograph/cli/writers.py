"""`allograph writers`: what a store holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allograph.cli.terminal import AsJson, Model, print_facts, print_json, progress_bar

if TYPE_CHECKING:
    from allograph.profiles import Store

writers = typer.Typer(no_args_is_help=True, help="List, show, move, migrate or erase the writers of a store.")

At = Annotated[str, typer.Option("--store", help="An SQLite file, or postgresql:// with user@host/database.")]
Tenant = Annotated[str, typer.Option(help="Whose writers.")]
Name = Annotated[str, typer.Argument(help="The writer's name.")]
HERE = "allograph.db"


@writers.command("list")
def list_(store: At = HERE, tenant: Tenant = "default", as_json: AsJson = False) -> None:
    """The writers of a tenant, and how many corrections each has."""
    with existing(store) as opened:
        found = opened.profiles(tenant)
    if as_json:
        print_json({"tenant": tenant, "writers": [one._asdict() for one in found]})
    else:
        print_facts(f"{len(found)} writers", {one.name: f"{one.corrections} corrections" for one in found})


@writers.command()
def show(name: Name, store: At = HERE, tenant: Tenant = "default", as_json: AsJson = False) -> None:
    """What a profile holds, without its content."""
    from allograph.profiles import profile
    from allograph.profiles.journal import Key

    with existing(store) as opened:
        contents = profile.contents(opened, Key(tenant, name))
    entries = contents.entries
    facts: dict[str, Any] = {
        "corrections": len(entries),
        "implicit": sum(entry.implicit for entry in entries),
        "labels": len({entry.label for entry in entries}),
        "with an image": sum(entry.image is not None for entry in entries),
        "taken back": len(contents.tombstones),
        "base right": _share([entry.base == entry.label for entry in entries]),
        "answer right": _share([entry.answer == entry.label for entry in entries]),
        "model": contents.model_hash,
        "of other models": sum(entry.model_hash != contents.model_hash for entry in entries),
    }
    if as_json:
        print_json({"name": name, "tenant": tenant, **facts})
    else:
        print_facts(name, facts)


@writers.command()
def export(
    name: Name,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    store: At = HERE,
    tenant: Tenant = "default",
    as_json: AsJson = False,
) -> None:
    """Write a profile to a file, which another store can import."""
    from allograph.files import written
    from allograph.profiles import profile
    from allograph.profiles.archive import packed
    from allograph.profiles.journal import Key

    with existing(store) as opened:
        contents = profile.contents(opened, Key(tenant, name))
    with written(output) as temporary:
        temporary.write_bytes(packed(contents))
    _say({"output": str(output), "corrections": len(contents.entries)}, as_json)


@writers.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A profile that was exported.")],
    name: Annotated[str, typer.Option("--as", help="The writer's name here, new or not.")],
    store: At = HERE,
    tenant: Tenant = "default",
    as_json: AsJson = False,
) -> None:
    """Join an exported profile to a writer's own: of each correction the latest word counts."""
    from allograph.errors import FormatError
    from allograph.profiles import open_store, profile
    from allograph.profiles.archive import unpacked
    from allograph.profiles.journal import Key, check_name

    try:
        contents = unpacked(file.read_bytes(), str(file))
    except OSError as error:
        raise FormatError(f"{file} cannot be read ({error.strerror})") from error
    key = Key(check_name(tenant, "tenant"), check_name(name, "writer"))
    opened = open_store(store)
    try:
        done = profile.merge(opened, key, contents)
    finally:
        opened.close()
    _say({"name": name, **done._asdict()}, as_json)


@writers.command()
def erase(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do it: there is no way back.")] = False,
    store: At = HERE,
    tenant: Tenant = "default",
    as_json: AsJson = False,
) -> None:
    """Remove every trace of a writer from the store."""
    from allograph.errors import InputError
    from allograph.profiles.journal import Key, unknown_writer

    if not yes:
        raise InputError(f"erasing {name!r} cannot be taken back; say --yes")
    with existing(store) as opened:
        if not opened.erase(Key(tenant, name)):
            raise unknown_writer(Key(tenant, name))
    _say({"erased": name}, as_json)


@writers.command()
def migrate(
    name: Annotated[str | None, typer.Argument(help="The writer's name.")] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Every writer of the tenant.")] = False,
    model: Model = None,
    store: At = HERE,
    tenant: Tenant = "default",
    as_json: AsJson = False,
) -> None:
    """Bring profiles that were made for another model over to this one, by reading their images anew."""
    from allograph.errors import InputError
    from allograph.recognizer import Recognizer
    from allograph.writers import Writers

    if (name is None) == (not everyone):
        raise InputError("name a writer, or say --all")
    done = []
    with existing(store) as opened, progress_bar() as progress:
        of_tenant = Writers(opened, Recognizer(model), tenant=tenant)
        names = [name] if name is not None else list(of_tenant)
        for i, one in enumerate(names):
            progress("migrating", i, len(names))
            done.append({"name": one, **of_tenant.migrate(one)._asdict()})
    if as_json:
        print_json({"writers": done})
        return
    for found in done:
        print(f"{found['name']}: {found['moved']} samples read anew; {found['without_image']} have no image and wait")


@contextmanager
def existing(store: str) -> Iterator[Store]:
    """A store that is there; raises `InputError` for a file that is not, rather than make it."""
    from allograph.errors import InputError
    from allograph.profiles import open_store

    if "://" not in store and not Path(store).exists():
        raise InputError(f"the store {store} does not exist; name it with --store")
    opened = open_store(store)
    try:
        yield opened
    finally:
        opened.close()


def _share(right: list[bool]) -> float | None:
    return sum(right) / len(right) if right else None


def _say(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(facts)
    else:
        print(", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in facts.items()))
