"""The web page's own files: compressed where that is taken, asked for anew each time, so that no old page stays."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from allograph.server.validators import has_current

PAGE = Path(__file__).parent.parent / "page"
AT_ROOT = {"/": "index.html", "/sw.js": "sw.js", "/manifest.webmanifest": "manifest.webmanifest"}
"""What is served beside `/static`: a service worker governs what lies below its own address."""
TEXTS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}
"""What is compressed, and its media types: what a machine believes of a suffix differs from one to the next."""
OTHERS = {".gz": "application/gzip", ".png": "image/png"}
LEVEL = 6
"""Of gzip: 9 takes three times as long, and saves one byte in a hundred."""


@dataclass(frozen=True)
class _PageFile:
    """A file as it was when it was looked at last."""

    modified: tuple[int, int]
    """When, in nanoseconds, and how long it is."""
    tag: str
    """Of its content: files of two releases may have the same length and time."""
    compressed: bytes | None
    """None where it is sent as it is."""


class _Files(StaticFiles):
    """Files that a browser may keep, and asks about each time. They are hashed and compressed once, beside the event loop."""

    def __init__(self) -> None:
        super().__init__(directory=PAGE)
        self._known: dict[str, _PageFile] = {}

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file of the page; raises 404 for what is none, and 405 for what is no GET or HEAD."""
        try:
            place, status = await run_in_threadpool(self.lookup_path, path)
        except (OSError, ValueError):  # a name that no file can have: too long, or with a NUL
            return await super().get_response(path, scope)
        if status is None or not stat.S_ISREG(status.st_mode) or scope["method"] not in ("GET", "HEAD"):
            return await super().get_response(path, scope)
        file = await run_in_threadpool(self._look, place, status)
        request, suffix = Request(scope), Path(place).suffix
        headers = {"cache-control": "no-cache", "etag": f'W/"{file.tag}"', "vary": "Accept-Encoding"}
        if has_current(request, file.tag):
            return Response(status_code=304, headers=headers)
        media_type = TEXTS.get(suffix) or OTHERS.get(suffix, "application/octet-stream")
        if file.compressed is None or not _takes_gzip(request):
            return FileResponse(place, headers=headers, media_type=media_type)
        return Response(file.compressed, headers={**headers, "content-encoding": "gzip"}, media_type=media_type)

    def _look(self, place: str, status: os.stat_result) -> _PageFile:
        modified = (status.st_mtime_ns, status.st_size)
        known = self._known.get(place)
        if known is None or known.modified != modified:
            content = Path(place).read_bytes()
            compressed = gzip.compress(content, LEVEL, mtime=0) if Path(place).suffix in TEXTS else None
            known = self._known[place] = _PageFile(modified, hashlib.sha256(content).hexdigest()[:32], compressed)
        return known


def add_to(app: FastAPI) -> None:
    """Serve the page and its files."""
    files = _Files()
    for address, name in AT_ROOT.items():
        app.add_route(address, _at_root(files, name), methods=["GET"], include_in_schema=False)
    app.mount("/static", files, name="static")


def _at_root(files: _Files, name: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await files.get_response(name, request.scope)

    return answer


def _takes_gzip(request: Request) -> bool:
    """Whether the client takes gzip: `gzip`, `x-gzip` or `*` with a weight above 0 in `Accept-Encoding`."""
    weights = dict[str, float]()
    for one in request.headers.get("accept-encoding", "").split(","):
        name, _, weight = one.partition(";")
        try:
            weights[name.strip().lower()] = float(weight.strip().removeprefix("q=")) if weight.strip() else 1.0
        except ValueError:
            continue
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0
