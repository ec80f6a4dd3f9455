"""Structured logs: a line of JSON for each request, that holds no handwriting, label, name, path or key."""

from __future__ import annotations

import errno
import json
import logging
import re
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from allograph.server.log_writer import LogWriter

LOGGER = logging.getLogger("allograph.server")
LONG = 300
"""Characters of what others say at most."""


class RequestLog:
    """Writes a line for each request, without waiting for where it goes: see `LogWriter`.

    `level` is the lowest that is written: `info` for every request, `warning` for those with status 400 and above, `error` for
    those with status 500.
    """

    def __init__(
        self, level: str = "info", stream: TextIO | None = None, writer: LogWriter | None = None, worker: str | None = None
    ) -> None:
        self._lowest = {"info": 0, "warning": 400, "error": 500}[level]
        self._writer = writer or LogWriter(stream)
        self._worker = _named(worker)

    @property
    def lost(self) -> int:
        """Lines that could not be written so far."""
        return self._writer.lost

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
            **self._worker,
        }
        self._writer.put(json.dumps(facts))

    def flush(self) -> None:
        """Wait until what has gathered is written; two seconds at most."""
        self._writer.flush()


class JsonLines(logging.Formatter):
    """A record as one line; what others say is cut down to its template, for their arguments may hold anything.

    Not so what OpenTelemetry says: what it sends holds nothing that was written, and why it fails is in its arguments.
    """

    def __init__(self, worker: str | None = None) -> None:
        super().__init__()
        self._worker = _named(worker)

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        facts: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage()[:LONG] if record.name.startswith("opentelemetry.") else str(record.msg),
        }
        facts.update(self._worker)
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


def storage_failure(error: BaseException) -> dict[str, Any]:
    """What a store's error was: as `failure` tells it, with the system's code and words, without what these quote."""
    facts = failure(error)
    said, one = error, error.__cause__
    while one is not None:
        code = getattr(one, "sqlite_errorname", None) or getattr(one, "sqlstate", None)
        if code is None and isinstance(one, OSError):
            code = errno.errorcode.get(one.errno or 0)
        if code is not None:
            said, facts["code"] = one, code
        one = one.__cause__
    lines = str(said).strip().splitlines()
    return {**facts, "reason": _QUOTED.sub("…", lines[0])[:200] if lines else ""}


_QUOTED = re.compile(r"""(?<!\w)(["']).*?\1""")
"""What stands in quotes in a message may be a name or a label."""


class Handler(logging.Handler):
    """Hands records to `LogWriter`, which makes nobody wait."""

    def __init__(self, writer: LogWriter, worker: str | None = None) -> None:
        super().__init__()
        self._writer = writer
        self.setFormatter(JsonLines(worker))

    def emit(self, record: logging.LogRecord) -> None:
        """Hand on a record."""
        self._writer.put(self.format(record))


def start(level: str, stream: TextIO | None = None, worker: str | None = None) -> RequestLog:
    """Send the service's lines, and what others warn of, to standard output; where it is one of several, each names it."""
    writer = LogWriter(stream)
    handler = Handler(writer, worker)
    levels = {"allograph.server": level.upper(), "uvicorn.error": "WARNING", "asyncio": "ERROR", "": "WARNING"}
    for name, lowest in levels.items():
        logger = logging.getLogger(name)
        if not name and logger.handlers:
            continue  # somebody listens to all others already
        logger.handlers[:] = [handler]
        logger.setLevel(lowest)
        logger.propagate = False
    return RequestLog(level, writer=writer, worker=worker)


def _named(worker: str | None) -> dict[str, Any]:
    return {} if worker is None else {"worker": worker}


def _innermost(trace: TracebackType | None) -> str:
    """The last few places in the code."""
    frames = traceback.extract_tb(trace)[-4:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
