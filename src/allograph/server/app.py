"""The ASGI application: routes, the page, errors, and background tasks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

import allograph
from allograph.errors import AllographError, StorageError
from allograph.server import page_files, problems
from allograph.server.access import Access
from allograph.server.background_migration import BackgroundMigration
from allograph.server.line_worker import LineWorker
from allograph.server.log import LOGGER, RequestLog, failure, storage_failure
from allograph.server.metrics import Metrics
from allograph.server.middleware import Gate, needs_key
from allograph.server.profile_transfer import ProfileTransfer
from allograph.server.reader import Reader
from allograph.server.readiness import Readiness
from allograph.server.routes import bundle, corrections, habits, lines, profiles, readings, service, words
from allograph.server.routes import writers as writers_routes
from allograph.server.scopes import needed_scope
from allograph.server.service import Service
from allograph.server.settings import Settings
from allograph.server.shared_metrics import SharedMetrics
from allograph.server.traces import Traces
from allograph.writers.writers import Writers

if TYPE_CHECKING:
    from allograph.server.shared_buckets import SharedBuckets

TEXT = """Reads handwritten characters, and learns each writer's hand from that writer's corrections.

A sample is one of `image` (28×28), `png` (a picture of one character) and `ink` (strokes); a line is one of `png` and `ink`.
Errors are problem details (RFC 9457)."""


KEY = (
    "A key of `allograph keys add`, which names the tenant. Of the scopes read, teach and administer it has the one that an "
    "operation names, or a later one."
)
KEEP = 1.0
"""Seconds between two looks at whether a worker's numbers changed."""


class Documented(FastAPI):
    """An application whose OpenAPI document names the problems and the keys."""

    def openapi(self) -> dict[str, Any]:
        """The document."""
        if not self.openapi_schema:
            document = super().openapi()
            components = document.setdefault("components", {})
            components.setdefault("schemas", {})["Problem"] = problems.Problem.model_json_schema()
            components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": KEY}}
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    scope = needed_scope(method.upper(), path)
                    operation["security"] = [{"key": [scope]}, {}] if needs_key(path) else []  # none without keys
        return super().openapi()


def application(writers: Writers, settings: Settings | None = None, log: RequestLog | None = None) -> Gate:
    """The service as an ASGI application; its lifespan ends with the states stored. The store stays open."""
    settings, log = settings or Settings(), log or RequestLog()
    metrics = Metrics(lambda tenant: writers.of(tenant).warm[0])
    shared = SharedMetrics(metrics, Path(settings.shared), settings.worker or "0") if settings.shared else None
    traces = Traces(settings.traces, settings.worker) if settings.traces is not None else None
    reader = Reader(writers, settings.limits.waiting, metrics.batches.observe)
    buckets = _shared_buckets(Path(settings.shared)) if settings.shared else None
    access = Access(writers.store, settings, buckets=buckets)
    line_worker, transfer = LineWorker(writers, reader), ProfileTransfer(writers)
    writers.store.most_writers = settings.limits.writers

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        refreshing = asyncio.create_task(_refresh_often(writers, settings.refresh_seconds))
        keeping = asyncio.create_task(_keep_often(shared)) if shared else None
        describing = asyncio.create_task(run_in_threadpool(app.openapi))  # it takes a second, which nobody is to wait for
        migration = BackgroundMigration(writers) if settings.migrate else None
        if migration:
            migration.start()
        try:
            yield
        finally:
            if migration:
                await run_in_threadpool(migration.stop)
            refreshing.cancel()
            await asyncio.gather(refreshing, describing, return_exceptions=True)
            transfer.close()
            await reader.close()
            access.close()
            if buckets:
                buckets.close()
            await run_in_threadpool(_store_states, writers)
            if keeping and shared:
                keeping.cancel()
                await run_in_threadpool(shared.keep)
            if traces:
                await run_in_threadpool(traces.close)
            log.flush()

    app = Documented(
        title="allograph",
        version=allograph.__version__,
        description=TEXT,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    readiness = Readiness(writers.store, settings.tenant)
    app.state.service = Service(writers, settings, metrics, reader, line_worker, access, readiness, transfer, shared)
    problems.install(app)
    app.router.routes.extend(readings.router.routes)  # matched first: it is called most
    for resource in (lines, corrections, words, writers_routes, profiles, habits, bundle, service):
        app.include_router(resource.router)
    page_files.add_to(app)
    return Gate(app, access, settings.limits, metrics, log, traces)


def _shared_buckets(folder: Path) -> SharedBuckets:
    from allograph.server.shared_buckets import SharedBuckets  # its locks are Unix's, as several workers are

    return SharedBuckets(folder)


async def _keep_often(shared: SharedMetrics) -> None:
    """Every so often, let the other workers know this one's numbers; a full disk is no reason to end."""
    while True:
        await asyncio.sleep(KEEP)
        try:
            await run_in_threadpool(shared.keep)
        except OSError as error:
            LOGGER.log(logging.WARNING, "metrics", extra={"facts": failure(error)})


async def _refresh_often(writers: Writers, seconds: float) -> None:
    """Every so often, drop what other processes erased; a store that does not answer is asked again."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await run_in_threadpool(writers.refresh)
        except Exception as error:  # whatever it is: what was erased elsewhere is to leave this process's memory
            facts = storage_failure(error) if isinstance(error, StorageError) else failure(error)
            LOGGER.log(logging.WARNING, "refresh", extra={"facts": facts})


def _store_states(writers: Writers) -> None:
    """Store the states; they only save time, so a store that does not answer is no reason to fail."""
    try:
        writers.close()
    except AllographError as error:
        LOGGER.log(logging.WARNING, "close", extra={"facts": storage_failure(error)})
