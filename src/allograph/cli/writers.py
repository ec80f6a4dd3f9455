"""`allograph writers`: the profiles in a store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allograph.cli.actor import actor
from allograph.cli.output import say
from allograph.cli.terminal import AsJson, Model, print_facts, print_json, progress_bar
from allograph.errors import StorageError
from allograph.profiles.audit import Action, Event

if TYPE_CHECKING:
    from allograph.profiles import Store
    from allograph.profiles.journal import Key

writers = typer.Typer(no_args_is_help=True, help="List, show, move, migrate or erase the writers of a store.")

At = Annotated[str, typer.Option("--store", help="An SQLite file, or postgresql:// with user@host/database.")]
Tenant = Annotated[str, typer.Option(help="The tenant whose writers are meant.")]
Name = Annotated[str, typer.Argument(help="The writer's name.")]
HERE = "allograph.db"
DOUBTFUL = 0.5
"""A correction that is more probably a slip than not is counted as doubtful."""


@writers.command("list")
def list_(
    store: At = HERE,
    tenant: Tenant = "default",
    after: Annotated[str, typer.Option(help="Only names after this one.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="The most writers to list.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the writers of a tenant, with the number of corrections of each."""
    from allograph.profiles.journal import check_name

    with existing(store) as opened:
        profiles = opened.profiles(check_name(tenant, "tenant"), after, limit)
    if as_json:
        print_json({"tenant": tenant, "writers": [one._asdict() for one in profiles]})
    else:
        print_facts(f"{len(profiles)} writers", {one.name: f"{one.corrections} corrections" for one in profiles})


@writers.command()
def show(name: Name, store: At = HERE, tenant: Tenant = "default", as_json: AsJson = False) -> None:
    """Show the number of corrections and labels in a profile, and how many readings were right."""
    from allograph.profiles.journal import FARTHEST, Key, unknown_writer

    key = Key.stored(tenant, name)
    with existing(store) as opened:
        tail = opened.tail(key, FARTHEST)
        if tail is None:
            raise unknown_writer(key)
        rows, taken_back = opened.rows(key, waiting=True), opened.taken_back(key)
    facts: dict[str, Any] = {
        "corrections": len(rows),
        "implicit": sum(row.implicit for row in rows),
        "labels": len({row.label for row in rows}),
        "with an image": sum(row.has_image for row in rows),
        "with a box": sum(row.box is not None for row in rows),
        "doubtful": sum(row.doubt > DOUBTFUL for row in rows),
        "taken back": taken_back,
        "base right": _share([row.base == row.label for row in rows]),
        "answer right": _share([row.answer == row.label for row in rows]),
        "model": tail.model_hash,
        "of other models": sum(row.model_hash != tail.model_hash for row in rows),
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
    from allograph.files.atomic import atomic_file
    from allograph.profiles import changes
    from allograph.profiles.archive import pack
    from allograph.profiles.journal import Key

    key = Key.stored(tenant, name)
    with existing(store) as opened:
        contents = changes.contents(opened, key)
        _note(opened, "export", key)
    with atomic_file(output, private=True) as temporary:
        temporary.write_bytes(pack(contents))
    _say({"output": str(output), "corrections": len(contents.entries)}, as_json)


@writers.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A file that allograph writers export wrote.")],
    name: Annotated[str, typer.Option("--as", help="The writer to import into; made where there is none.")],
    model: Model = None,
    store: At = HERE,
    tenant: Tenant = "default",
    as_json: AsJson = False,
) -> None:
    """Merge an exported profile into a writer's: of a correction that is in both, the later change counts."""
    from allograph.errors import FormatError
    from allograph.profiles import open_store
    from allograph.profiles.archive import unpack
    from allograph.profiles.journal import Key
    from allograph.recognizer import Recognizer
    from allograph.writers.writers import Writers

    key = Key.of(tenant, name)
    try:
        blob = file.read_bytes() if file.is_file() else b""
    except OSError as error:
        raise FormatError(f"{file} cannot be read ({error.strerror})") from error
    if not blob:
        raise FormatError(f"{file} is no file, or is empty; it should be an exported profile")
    unpack(blob, str(file))  # before a store is made for it
    with closing(open_store(store)) as opened:
        done = Writers(opened, Recognizer(model, threads=1), tenant=key.tenant).merge(key.name, blob, actor=actor())
    _say({"name": name, **done._asdict()}, as_json)


@writers.command()
def erase(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm: an erased writer cannot be restored.")] = False,
    store: At = HERE,
    tenant: Tenant = "default",
    as_json: AsJson = False,
) -> None:
    """Erase a writer's profile from the store."""
    from allograph.errors import InputError
    from allograph.profiles.journal import Key, unknown_writer

    if not yes:
        raise InputError(f"erasing {name!r} cannot be taken back; say --yes")
    key = Key.stored(tenant, name)
    with existing(store) as opened:
        if not opened.erase(key, actor()):
            raise unknown_writer(key)
    _say({"erased": name}, as_json)


@writers.command()
def migrate(
    names: Annotated[list[str] | None, typer.Argument(help="The writers' names; all writers unless some are named.")] = None,
    everyone: Annotated[bool, typer.Option("--all", help="All writers: the default.")] = False,
    model: Model = None,
    store: At = HERE,
    tenant: Annotated[str | None, typer.Option(help="The tenant; all, or default where writers are named.")] = None,
    as_json: AsJson = False,
) -> None:
    """Bring profiles that were made for another model over to this one, by reading their images anew.

    Each writer by itself, while others go on; started again after an interruption, it goes on with those that are left.
    Corrections without an image wait: they count again when the profile comes back to their model.
    """
    from allograph.errors import InputError
    from allograph.profiles.journal import Key, check_name, unknown_writer
    from allograph.profiles.migration import Outcome, all_keys, migrate_all
    from allograph.recognizer import Recognizer

    if names and everyone:
        raise InputError("name writers, or say --all; not both")
    done: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    recognizer = Recognizer(model)
    with existing(store) as opened, progress_bar() as progress:
        if names:
            keys = [Key.of(tenant or "default", name) for name in names]
            for key, version in zip(keys, opened.versions(keys), strict=True):
                if version is None:
                    raise unknown_writer(key)
        else:
            keys = list(all_keys(opened, None if tenant is None else check_name(tenant, "tenant")))

        def tell(outcome: Outcome) -> None:
            whose = {"tenant": outcome.key.tenant, "name": outcome.key.name}
            if outcome.done is None:
                failed.append({**whose, "error": str(outcome.error)})
            else:
                done.append({**whose, **outcome.done._asdict()})
            progress("migrating", len(done) + len(failed), len(keys))

        migrate_all(opened, recognizer, iter(keys), told=tell)
    if as_json:
        totals = {name: sum(one[name] for one in done) for name in ("moved", "without_image")}
        print_json({"writers": done, "failed": failed, **totals})
    else:
        for one in done:
            print(f"{one['name']}: {one['moved']} samples read anew; {one['without_image']} have no image and wait")
    if failed:
        first = failed[0]
        raise StorageError(f"{len(failed)} writers were not brought over; {first['name']!r}: {first['error']}")


@writers.command()
def compact(
    names: Annotated[list[str] | None, typer.Argument(help="The writers' names; all writers unless some are named.")] = None,
    store: At = HERE,
    tenant: Annotated[str | None, typer.Option(help="The tenant; all, or default where writers are named.")] = None,
    as_json: AsJson = False,
) -> None:
    """Delete what journals hold of corrections that were taken back or replaced, but for the ids.

    Nothing that stands changes, and no older copy brings back what was taken back. Services go on meanwhile; they do the same by
    themselves, whenever a journal has grown by a thousand rows.
    """
    from allograph.errors import UnknownWriter
    from allograph.profiles import changes
    from allograph.profiles.journal import Key, check_name
    from allograph.profiles.migration import all_keys

    done = rows = 0
    with existing(store) as opened, progress_bar() as progress:
        if names:
            keys = [Key.of(tenant or "default", name) for name in names]
        else:
            keys = list(all_keys(opened, None if tenant is None else check_name(tenant, "tenant")))
        for key in keys:
            try:
                rows += changes.compact(opened, key)
            except UnknownWriter:
                if names:
                    raise
            done += 1
            progress("compacting", done, len(keys))
        opened.tidy()
    _say({"writers": done, "rows": rows}, as_json)


@contextmanager
def existing(store: str) -> Iterator[Store]:
    """A store that is there, to be read where it cannot be written; raises `InputError` rather than make one."""
    from allograph.profiles import open_store

    with closing(open_store(store, existing=True)) as opened:
        yield opened


def _note(store: Store, action: Action, key: Key) -> None:
    """Keep in the audit log what is done with a writer; a store that can only be read is read all the same."""
    try:
        store.audit.add(Event(actor(), key.tenant, action, key.name))
    except StorageError as error:
        say(f"allograph: the audit log does not hold this {action}: {error}")


def _share(right: list[bool]) -> float | None:
    return sum(right) / len(right) if right else None


def _say(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(facts)
    else:
        print(", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in facts.items()))
