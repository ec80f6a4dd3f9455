"""The web page's own files: compressed where that is taken, asked for anew each time, so that no old page stays."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

PAGE = Path(__file__).parent.parent / "page"
AT_ROOT = {"/": "index.html", "/sw.js": "sw.js", "/manifest.webmanifest": "manifest.webmanifest"}
"""What is served beside `/static`: a service worker governs what lies below its own address."""
KINDS = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".webmanifest": "application/manifest+json"}
REVALIDATED = {"cache-control": "no-cache"}


class _Files(StaticFiles):
    """Files that a browser may keep, and asks about each time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(REVALIDATED)
        return response


class _Compressed(GZipMiddleware):
    """Compresses files that are not compressed already."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        packed = scope["type"] == "http" and scope["path"].endswith((".gz", ".png"))
        if packed:
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def add_to(app: FastAPI) -> None:
    """Serve the page and its files."""
    for address, name in AT_ROOT.items():
        app.add_route(address, _at_root(name), methods=["GET"], include_in_schema=False)
    app.mount("/static", _Compressed(_Files(directory=PAGE), minimum_size=500), name="static")


def _at_root(name: str) -> Callable[[Request], Awaitable[Response]]:
    path = PAGE / name

    async def answer(_: Request) -> Response:
        return FileResponse(path, media_type=KINDS[path.suffix], headers=REVALIDATED)

    return answer
