"""`allograph serve`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from allograph.cli.terminal import Model
from allograph.cli.writers import HERE, At
from allograph.errors import missing_extra

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
    memory: Annotated[int, typer.Option(min=1, help="MiB of memory for the profiles kept ready.")] = 256,
    log_level: Annotated[Level, typer.Option(help="info: a line of JSON a request, on standard output.")] = Level.info,
    body: Annotated[int, typer.Option(min=1, help="MiB in a body.", rich_help_panel=LIMITS)] = 8,
    profile: Annotated[int, typer.Option(min=1, help="MiB in an imported profile.", rich_help_panel=LIMITS)] = 256,
    samples: Annotated[int, typer.Option(min=1, help="Samples in a request.", rich_help_panel=LIMITS)] = 256,
    pixels: Annotated[int, typer.Option(min=1, help="Pixels in a request's pictures.", rich_help_panel=LIMITS)] = 2**24,
    points: Annotated[int, typer.Option(min=1, help="Points in a request's strokes.", rich_help_panel=LIMITS)] = 20_000,
    writers: Annotated[int, typer.Option(min=1, help="Writers of a tenant.", rich_help_panel=LIMITS)] = 1_000_000,
    rate: Annotated[float, typer.Option(min=0.1, help="Samples a second of a tenant.", rich_help_panel=LIMITS)] = 500.0,
    connections: Annotated[int, typer.Option(min=1, help="Connections at once.", rich_help_panel=LIMITS)] = 1000,
) -> None:
    """Serve readings and corrections over HTTP until interrupted; see docs/service.md."""
    try:
        from allograph.server.app import application
        from allograph.server.run import check_host, listening, run
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "fastapi", "serve") from error
    from allograph.profiles import open_store
    from allograph.recognizer import Recognizer
    from allograph.server.log import start
    from allograph.server.settings import MIB, Limits, Settings
    from allograph.writers.writers import Writers

    opened = open_store(store)
    try:
        loopback = check_host(host, bool(opened.keys))
        limits = Limits(body * MIB, profile * MIB, samples, pixels, points, writers, rate)
        recognizer = Recognizer(model, threads=1)  # others want the other cores, and more processes may be started
        served = Writers(opened, recognizer, adapter, tenant, implicit, images, shadow, memory * MIB)
        with listening(host, port) as listener:
            log = start(log_level.value)
            run(application(served, Settings(tenant, loopback, limits, migrate), log), listener, connections)
            log.flush()
    finally:
        opened.close()
