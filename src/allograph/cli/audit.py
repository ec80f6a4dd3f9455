"""`allograph audit`: who took what out of a store or erased it, made or revoked a key, or set a quota."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated, get_args

import typer

from allograph.cli.moments import parse_moment, told
from allograph.cli.output import encodable
from allograph.cli.terminal import AsJson, print_json
from allograph.cli.writers import HERE, At, existing
from allograph.profiles.audit import Action


def audit(
    since: Annotated[
        str, typer.Option(help="Only what was done since: 7d, 12h, a date, or a date and time in UTC.")
    ] = "1970-01-01",
    tenant: Annotated[str | None, typer.Option(help="Only what was done with this tenant's writers, keys and quota.")] = None,
    action: Annotated[str | None, typer.Option(help=f"Only one of: {', '.join(get_args(Action))}.")] = None,
    store: At = HERE,
    as_json: AsJson = False,
) -> None:
    """Print the audit log: when, who, the tenant, what was done, and with which writer or key. The oldest comes first."""
    with existing(store) as opened:
        found = opened.audit.events(parse_moment(since, time.time(), forward=False), tenant)
    events = [one for one in found if action in (None, one.action)]
    if as_json:
        print_json({"events": [asdict(one) for one in events]})
        return
    for one in events:
        texts = (told(one.time), one.actor, one.tenant or "-", one.action, one.subject or "-")
        print(*map(encodable, texts), sep="\t")
