"""The application: operations, the page, errors, and what runs in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

import allograph
from allograph.errors import AllographError, StorageError
from allograph.server import problems
from allograph.server.access import Access
from allograph.server.archives import Archives
from allograph.server.log import LOGGER, RequestLog, failure, storage_failure
from allograph.server.metrics import Metrics
from allograph.server.middleware import OPEN, Gate
from allograph.server.migrating import Migrating
from allograph.server.reader import Reader
from allograph.server.readiness import Readiness
from allograph.server.routes import corrections as teaching
from allograph.server.routes import habits
from allograph.server.routes import readings as reading
from allograph.server.routes import service as itself
from allograph.server.routes import suggestions as suggesting
from allograph.server.routes import writers as knowing
from allograph.server.service import Service
from allograph.server.settings import Settings
from allograph.writers.writers import Writers

PAGE = Path(__file__).parent.parent / "page"
TEXT = """Reads handwritten characters, and learns each writer's hand from that writer's corrections.

A sample is one of `image` (28×28), `png` (a picture of one character) and `ink` (strokes).
Errors are problem details (RFC 9457)."""


class Documented(FastAPI):
    """An application whose OpenAPI document names the problems and the keys."""

    def openapi(self) -> dict[str, Any]:
        """The document."""
        if not self.openapi_schema:
            document = super().openapi()
            components = document.setdefault("components", {})
            components.setdefault("schemas", {})["Problem"] = problems.Problem.model_json_schema()
            components["securitySchemes"] = {
                "key": {"type": "http", "scheme": "bearer", "description": "A key of `allograph keys add`; it names the tenant."}
            }
            for path, operations in document["paths"].items():
                for operation in operations.values():
                    operation["security"] = [] if path in OPEN else [{"key": []}, {}]  # none without keys
        return super().openapi()


def application(writers: Writers, settings: Settings | None = None, log: RequestLog | None = None) -> Gate:
    """The service as an ASGI application; its lifespan ends with the states stored. The store stays open."""
    settings, log = settings or Settings(), log or RequestLog()
    metrics = Metrics(lambda tenant: writers.of(tenant).warm[0])
    reader = Reader(writers, settings.limits.waiting, metrics.batches.observe)
    access, archives = Access(writers.store, settings), Archives(writers)
    writers.store.most_writers = settings.limits.writers

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        refreshing = asyncio.create_task(_refreshing(writers, settings.refresh_seconds))
        describing = asyncio.create_task(run_in_threadpool(app.openapi))  # it takes a second, which nobody is to wait for
        migrating = Migrating(writers) if settings.migrate else None
        if migrating:
            migrating.start()
        try:
            yield
        finally:
            if migrating:
                await run_in_threadpool(migrating.stop)
            refreshing.cancel()
            await asyncio.gather(refreshing, describing, return_exceptions=True)
            archives.close()
            await reader.close()
            access.close()
            await run_in_threadpool(_close, writers)
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
    app.state.service = Service(writers, settings, metrics, reader, access, Readiness(writers.store, settings.tenant), archives)
    problems.install(app)
    app.router.routes.extend(reading.router.routes)  # looked at first, and without detours
    for room in (teaching, knowing, habits, suggesting, itself):
        app.include_router(room.router)
    app.mount("/static", StaticFiles(directory=PAGE), name="static")
    app.add_api_route("/", _page, methods=["GET"], include_in_schema=False)
    return Gate(app, access, settings.limits, metrics, log)


async def _page() -> FileResponse:
    return FileResponse(PAGE / "index.html", media_type="text/html; charset=utf-8", headers={"cache-control": "no-cache"})


async def _refreshing(writers: Writers, seconds: float) -> None:
    """Every so often, drop what other processes erased; a store that does not answer is asked again."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await run_in_threadpool(writers.refresh)
        except Exception as error:  # whatever it is: what was erased elsewhere is to leave this process's memory
            facts = storage_failure(error) if isinstance(error, StorageError) else failure(error)
            LOGGER.log(logging.WARNING, "refresh", extra={"facts": facts})


def _close(writers: Writers) -> None:
    """Store the states; they only save time, so a store that does not answer is no reason to fail."""
    try:
        writers.close()
    except AllographError as error:
        LOGGER.log(logging.WARNING, "close", extra={"facts": storage_failure(error)})
