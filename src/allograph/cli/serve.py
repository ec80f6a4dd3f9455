"""`allograph serve`."""

from __future__ import annotations

from contextlib import closing
from enum import StrEnum
from typing import Annotated

import typer

from allograph.cli.terminal import Model
from allograph.cli.writers import HERE, At
from allograph.errors import InputError, missing_extra

LIMITS = "Limits"


class Level(StrEnum):
    """The least severity that is logged."""

    info = "info"
    warning = "warning"
    error = "error"


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; one that others reach needs keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for any that is free.")] = 8000,
    store: At = HERE,
    model: Model = None,
    adapter: Annotated[str | None, typer.Option(help="The adapter; the best for the bundle unless named.")] = None,
    tenant: Annotated[str, typer.Option(help="The tenant of all requests while there are no keys.")] = "default",
    implicit: Annotated[
        bool, typer.Option("--implicit/--no-implicit", help="Learn from readings that are left standing.")
    ] = True,
    images: Annotated[bool, typer.Option("--images/--no-images", help="Keep the images of corrections.")] = True,
    shadow: Annotated[bool, typer.Option("--shadow", help="Answer with the base; record the adapter's answers.")] = False,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Bring profiles of another model over to this one, while serving.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that share the port.")] = 1,
    memory: Annotated[int, typer.Option(min=1, help="MiB of memory for the profiles kept ready, in each process.")] = 256,
    log_level: Annotated[Level, typer.Option(help="info: a line of JSON a request, on standard output.")] = Level.info,
    traces: Annotated[
        str | None,
        typer.Option(
            envvar="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            show_envvar=False,
            help="The collector that gets traces, by OTLP over HTTP.",
        ),
    ] = None,
    body: Annotated[int, typer.Option(min=1, help="MiB in a body.", rich_help_panel=LIMITS)] = 8,
    profile: Annotated[int, typer.Option(min=1, help="MiB in an imported profile.", rich_help_panel=LIMITS)] = 256,
    samples: Annotated[int, typer.Option(min=1, help="Samples in a request.", rich_help_panel=LIMITS)] = 256,
    pixels: Annotated[int, typer.Option(min=1, help="Pixels in a request's pictures.", rich_help_panel=LIMITS)] = 2**24,
    points: Annotated[int, typer.Option(min=1, help="Points in a request's strokes.", rich_help_panel=LIMITS)] = 20_000,
    most_writers: Annotated[
        int, typer.Option("--writers", min=1, help="Writers of a tenant.", rich_help_panel=LIMITS)
    ] = 1_000_000,
    rate: Annotated[float, typer.Option(min=0.1, help="Samples a second of a tenant.", rich_help_panel=LIMITS)] = 500.0,
    connections: Annotated[int, typer.Option(min=1, help="Connections at once.", rich_help_panel=LIMITS)] = 1000,
) -> None:
    """Serve readings and corrections over HTTP until interrupted; see docs/service.md."""
    try:
        from allograph.server.run import check_host, listening
        from allograph.server.serving import Serving
        from allograph.server.workers import Workers
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "fastapi", "serve") from error
    from allograph.profiles import open_store
    from allograph.server.settings import MIB, Limits, Settings

    if workers > 1 and store == "memory:":
        raise InputError("several processes cannot share a store in memory; name a file or a database with --store")
    with closing(open_store(store)) as opened:
        loopback = check_host(host, bool(opened.keys))
    limits = Limits(body * MIB, profile * MIB, samples, pixels, points, most_writers, rate)
    settings = Settings(tenant, loopback, limits, migrate, traces=traces)
    serving = Serving(store, settings, model, adapter, implicit, images, shadow, memory * MIB, connections, log_level.value)
    with listening(host, port) as listener:
        if workers == 1:
            serving.run(listener)
        elif status := Workers(serving, listener, workers).run():
            raise typer.Exit(status)
