"""`allograph tenants`: what a tenant may have and ask for at most."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allograph.cli.actor import actor
from allograph.cli.terminal import AsJson, print_facts, print_json
from allograph.cli.writers import HERE, At, existing
from allograph.errors import InputError

if TYPE_CHECKING:
    from allograph.profiles import Store

tenants = typer.Typer(no_args_is_help=True, help="Bound what a tenant may store and ask for, and see how much it has.")
Tenant = Annotated[str, typer.Argument(help="The tenant's name.")]


@tenants.command()
def limit(
    tenant: Tenant,
    writers: Annotated[int | None, typer.Option(min=0, help="Writers at most; any number unless given.")] = None,
    corrections: Annotated[int | None, typer.Option(min=0, help="Corrections at most, of all its writers.")] = None,
    size: Annotated[int | None, typer.Option("--bytes", min=0, help="Bytes of their numbers and images at most.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Samples a second, instead of the service's --rate.")] = None,
    store: At = HERE,
    as_json: AsJson = False,
) -> None:
    """Set a tenant's quota: all of it, so that what is not given is no longer bounded. Services heed it at once, the rate in 2 s.

    The first time, what the tenant has is counted, while whoever wants to write waits. Who has more keeps it, and adds nothing.
    """
    from allograph.profiles import open_store
    from allograph.profiles.quotas import Quota

    opened = open_store(store)
    try:
        opened.quotas.set(tenant, Quota(writers, corrections, size, rate), actor())
        facts = _facts(opened, tenant)
    finally:
        opened.close()
    _say(tenant, facts, as_json)


@tenants.command()
def show(tenant: Tenant, store: At = HERE, as_json: AsJson = False) -> None:
    """Show a tenant's quota, and how much of it is used."""
    with existing(store) as opened:
        facts = _facts(opened, tenant)
    _say(tenant, facts, as_json)


@tenants.command("list")
def list_(store: At = HERE, as_json: AsJson = False) -> None:
    """List the tenants that have a quota."""
    with existing(store) as opened:
        found = {name: _facts(opened, name) for name in opened.quotas.tenants()}
    if as_json:
        print_json({"tenants": [{"tenant": name, **facts} for name, facts in found.items()]})
    for name, facts in {} if as_json else found.items():
        _say(name, facts, as_json)


def _facts(store: Store, tenant: str) -> dict[str, Any]:
    quota, usage = store.quotas.get(tenant), store.quotas.usage(tenant)
    if quota is None or usage is None:
        raise InputError(f"the tenant {tenant!r} has no quota; set one with: allograph tenants limit")
    return {"quota": asdict(quota), "used": asdict(usage)}


def _say(tenant: str, facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({"tenant": tenant, **facts})
        return
    quota, used = facts["quota"], facts["used"]
    words = {name: f"{used[name]:,} of {'any number' if quota[name] is None else f'{quota[name]:,}'}" for name in used}
    rate = "the service's" if quota["rate"] is None else f"{quota['rate']:g} samples a second"
    print_facts(tenant, {**words, "rate": rate})
