"""One operation, from its request to its answer or error: the flow of both clients, which does no input or output itself."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from allograph import errors
from allograph.client.operations import Operation, WriterState, json_of
from allograph.errors import AllographError, ErasedWriter, ServiceError

T = TypeVar("T")
INCARNATION = "x-allograph-incarnation"
KINDS: Mapping[str, type[AllographError]] = {
    "urn:allograph:unknown-correction": errors.UnknownCorrection,
    "urn:allograph:unknown-writer": errors.UnknownWriter,
    "urn:allograph:erased": errors.ErasedWriter,
    "urn:allograph:mismatch": errors.MismatchError,
    "urn:allograph:too-many-writers": errors.TooManyWriters,
    "urn:allograph:quota": errors.QuotaError,
    "urn:allograph:unknown-label": errors.UnknownLabel,
    "urn:allograph:image": errors.ImageError,
    "urn:allograph:format": errors.FormatError,
    "urn:allograph:input": errors.InputError,
    "urn:allograph:storage": errors.StorageError,
}
"""The errors that the service's problems are: those that the library raises where it runs in the program itself."""
BUSY = (429, 503)
"""What the service answers where the same request may succeed later."""
PAUSE = 0.5
"""Seconds before the first repetition, where the service does not say how many; twice as many before each further one."""


@dataclass(frozen=True)
class Patience:
    """How often and how long a client comes again."""

    retries: int = 3
    longest: float = 30.0
    """Seconds; where the service asks for a longer pause, its error is raised at once."""


@dataclass(frozen=True)
class Attempt:
    """A request to be sent."""

    headers: Mapping[str, str]
    content: bytes | None


@dataclass(frozen=True)
class Pause:
    """Time to pass before the next attempt."""

    seconds: float


@dataclass(frozen=True)
class Received:
    """An answer, read to its end; the content is empty where it went into a file."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Lost:
    """That no answer came, and why."""

    reason: str
    unsent: bool
    """Whether the service cannot have seen the request."""


Flow = Generator[Attempt | Pause, Received | Lost | None, T]
"""Gives what to do next, and is told what came of it: of an attempt what was received or lost, of a pause nothing."""


def exchange(operation: Operation[T], incarnations: dict[str, str], patience: Patience) -> Flow[T]:
    """Send an operation until it is answered; returns what the answer holds.

    `incarnations` has the profile of each writer as the service named it last; it is sent along and kept up to date. Raises
    the error that the service's problem is, `ServiceError` where there is none or no answer came.
    """
    for attempt in range(patience.retries + 1):
        outcome = yield Attempt(_headers(operation, incarnations), json_of(operation))
        assert outcome is not None
        pause = PAUSE * 2**attempt
        if isinstance(outcome, Lost):
            if attempt == patience.retries or not (outcome.unsent or operation.repeatable):
                raise ServiceError(f"the service did not answer: {outcome.reason}")
        elif outcome.status == 200:
            return _answer(operation, outcome, incarnations)
        else:
            pause = _seconds(outcome, pause)
            if outcome.status not in BUSY or attempt == patience.retries or pause > patience.longest:
                raise _problem(operation, outcome, incarnations)
        yield Pause(pause)
    raise AssertionError("a last attempt returns or raises")  # pragma: no cover


def _headers(operation: Operation[Any], incarnations: Mapping[str, str]) -> dict[str, str]:
    headers = dict(operation.headers)
    known = incarnations.get(operation.writer or "")
    return {**headers, INCARNATION: known} if operation.says_incarnation and known else headers


def _answer(operation: Operation[T], outcome: Received, incarnations: dict[str, str]) -> T:
    if operation.writer is not None:
        if operation.method == "DELETE":
            incarnations.pop(operation.writer, None)
        elif INCARNATION in outcome.headers:
            incarnations[operation.writer] = outcome.headers[INCARNATION]
    answer: Any = operation.download
    try:
        if operation.answer == "bytes":
            answer = outcome.content
        elif operation.answer == "text":
            answer = outcome.content.decode()
        elif operation.answer == "state":
            answer = WriterState(outcome.content, int(outcome.headers["x-allograph-head"]))
        elif operation.answer == "json":
            answer = json.loads(outcome.content)
    except (ValueError, KeyError) as error:
        raise ServiceError(f"{operation.path} answered with something else; is this the address of the service?") from error
    return answer


def _problem(operation: Operation[Any], outcome: Received, incarnations: dict[str, str]) -> AllographError:
    """The error that an answer tells of; of a writer who was erased, nothing is kept."""
    try:
        problem = json.loads(outcome.content)
        detail, kind, instance = str(problem["detail"]), str(problem["type"]), str(problem["instance"])
    except (ValueError, TypeError, KeyError):
        return ServiceError(f"{operation.path} answered with status {outcome.status} and no problem details", outcome.status)
    found = KINDS.get(kind)
    if found is ErasedWriter and operation.writer is not None:
        incarnations.pop(operation.writer, None)
    if found is None:
        return ServiceError(f"{detail} (status {outcome.status}, request {instance})", outcome.status)
    return found(f"{detail} (request {instance})")


def _seconds(outcome: Received, otherwise: float) -> float:
    """The pause that the service asks for."""
    stated = outcome.headers.get("retry-after", "")
    return float(stated) if stated.isascii() and stated.isdigit() else otherwise
