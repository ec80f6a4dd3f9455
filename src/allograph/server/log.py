"""Structured logs: a line of JSON for each request, that holds no handwriting, label, name, path or key."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

LOGGER = logging.getLogger("allograph.server")
GATHER = 0.05
"""Seconds for which lines gather before they are written."""


class RequestLog:
    """Writes a line for each request; those of a moment together, for writing is what takes the time.

    `level` is the lowest that is written: `info` for every request, `warning` for those with status 400 and above, `error` for
    those with status 500.
    """

    def __init__(self, level: str = "info", stream: TextIO | None = None) -> None:
        self._lowest = {"info": 0, "warning": 400, "error": 500}[level]
        self._stream = stream
        self._lines: list[str] = []

    def request(self, route: str, method: str, status: int, seconds: float, id: str, tenant: str | None) -> None:
        """Tell of a request: the route's template, never the path."""
        if status < self._lowest or (self._lowest == 500 and status != 500):
            return
        level = "info" if status < 400 else "error" if status == 500 else "warning"
        facts = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": level,
            "event": "request",
            "route": route,
            "method": method,
            "status": status,
            "ms": round(seconds * 1000, 3),
            "id": id,
            "tenant": tenant,
        }
        if not self._lines:
            asyncio.get_running_loop().call_later(GATHER, self.flush)
        self._lines.append(json.dumps(facts))

    def flush(self) -> None:
        """Write what has gathered."""
        if self._lines:
            stream = self._stream or sys.stdout
            stream.write("\n".join(self._lines) + "\n")
            self._lines.clear()
            stream.flush()


class JsonLines(logging.Formatter):
    """A record as one line; what others say is cut down to its template, for their arguments may hold anything."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        facts: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": str(record.msg),
        }
        facts.update(getattr(record, "facts", {}))
        if record.exc_info:
            facts.update(failure(record.exc_info[1]))
        return json.dumps(facts)


def failure(error: BaseException | None) -> dict[str, Any]:
    """What kind of error it was, and where; its message may hold values, and stays out."""
    chain: list[str] = []
    where: list[str] = []
    while error is not None and len(chain) < 5:
        chain.append(type(error).__qualname__)
        where.append(_innermost(error.__traceback__))
        error = error.__cause__ or error.__context__
    return {"error": chain, "where": where}


def start(level: str, stream: TextIO | None = None) -> RequestLog:
    """Send the service's lines, and what uvicorn warns of, to standard output."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonLines())
    for name, lowest in (("allograph.server", level.upper()), ("uvicorn.error", "WARNING"), ("asyncio", "ERROR")):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(lowest)
        logger.propagate = False
    return RequestLog(level, stream)


def _innermost(trace: TracebackType | None) -> str:
    """The last few places in the code."""
    frames = traceback.extract_tb(trace)[-4:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
