"""What the service can be asked for: each function gives an operation, which a client sends."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar, Unpack
from urllib.parse import quote

from allograph.client import types
from allograph.samples.names import check_address

T = TypeVar("T")


@dataclass(frozen=True)
class Operation(Generic[T]):
    """A request before it is sent; `T` is what its answer holds."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    """Sent as JSON, unless None."""
    headers: Mapping[str, str] = field(default_factory=dict)
    writer: str | None = None
    """The writer it is about."""
    says_incarnation: bool = False
    """Whether the service is told which profile is meant."""
    repeatable: bool = True
    """Whether sending it twice does what sending it once does, so that a lost answer is asked for again."""
    upload: Path | None = None
    """The file that is sent."""
    download: Path | None = None
    """The file that the answer is written to."""
    answer: Literal["json", "bytes", "text", "state", "file"] = "json"


class WriterState(NamedTuple):
    """What the adapter knows of a writer."""

    content: bytes
    """A safetensors file."""
    head: int
    """How far the journal goes that it is learned from."""


def read(writer: str, /, **request: Unpack[types.ReadRequest]) -> Operation[types.ReadingsResponse]:
    """Read samples with what the writer taught."""
    return _verb(writer, "read", request)


def correct(
    writer: str, /, *, keep_images: bool = True, **request: Unpack[types.CorrectRequest]
) -> Operation[types.CorrectionsResponse]:
    """Learn what samples show."""
    return _verb(writer, "correct", request, keep_images)


def accept(
    writer: str, /, *, keep_images: bool = True, **request: Unpack[types.CorrectRequest]
) -> Operation[types.CorrectionsResponse]:
    """Learn that readings were left standing."""
    return _verb(writer, "accept", request, keep_images)


def undo(writer: str, id: str) -> Operation[types.UndoResponse]:
    """Take a correction back, or with a line's id all that was learned of the line."""
    return _verb(writer, "undo", {"id": id}, repeatable=False)


def forget(writer: str, /, **request: Unpack[types.ForgetRequest]) -> Operation[types.ForgetResponse]:
    """Take back all corrections to a label, or since a time, or both."""
    return _verb(writer, "forget", request, repeatable=False)


def read_line(writer: str, /, **request: Unpack[types.LineReadRequest]) -> Operation[types.LineResponse]:
    """Read a line of hand print with what the writer taught."""
    return _verb(writer, "lines/read", request)


def correct_line(
    writer: str, /, *, keep_images: bool = True, **request: Unpack[types.LineCorrectRequest]
) -> Operation[types.LineCorrectionResponse]:
    """Learn what a line says."""
    return _verb(writer, "lines/correct", request, keep_images)


def accept_line(
    writer: str, /, *, keep_images: bool = True, **request: Unpack[types.LineAcceptRequest]
) -> Operation[types.LineCorrectionResponse]:
    """Learn that a line was left standing."""
    return _verb(writer, "lines/accept", request, keep_images)


def words(writer: str) -> Operation[types.WordsResponse]:
    """The words that were kept with corrected lines."""
    return _about(writer, "/words")


def forget_words(writer: str, words: Sequence[str] | None = None) -> Operation[types.ForgetResponse]:
    """Forget some of these words, or all."""
    return _verb(writer, "words/forget", {} if words is None else {"words": list(words)}, repeatable=False)


def writers(after: str = "", limit: int = 100) -> Operation[types.WritersResponse]:
    """One page of the tenant's writers; the next begins after its `next`."""
    return Operation("GET", "/v1/writers", {"after": after, "limit": limit})


def writer(writer: str) -> Operation[types.WriterResponse]:
    """How much a writer taught, and how often reading them was right."""
    return _about(writer)


def erase(writer: str) -> Operation[types.EraseResponse]:
    """Erase a writer."""
    return _about(writer, method="DELETE", repeatable=False)


def corrections(
    writer: str,
    after: int = 0,
    limit: int = 100,
    images: bool = True,
    label: str | None = None,
    ids: Sequence[str] | None = None,
) -> Operation[types.JournalResponse]:
    """One page of the journal; the next begins after its `next`."""
    query = {"after": after, "limit": limit, "images": "yes" if images else "no", "label": label, "ids": ids and list(ids)}
    return _about(writer, "/corrections", {name: value for name, value in query.items() if value is not None})


def progress(writer: str) -> Operation[types.ProgressResponse]:
    """How the share of samples that were read right went."""
    return _about(writer, "/progress")


def confusions(writer: str) -> Operation[types.ConfusionsResponse]:
    """What the base takes for what in this hand."""
    return _about(writer, "/confusions")


def styles(writer: str) -> Operation[types.StylesResponse]:
    """In which of each label's styles the writer writes."""
    return _about(writer, "/styles")


def suggestions(writer: str, count: int = 12) -> Operation[types.SuggestionsResponse]:
    """The labels whose samples would help this writer most."""
    return _about(writer, "/suggestions", {"count": count})


def export_profile(writer: str, path: str | Path) -> Operation[Path]:
    """Write all that a writer taught to a file, whole or not at all."""
    return _about(writer, "/profile", answer="file", download=Path(path))


def import_profile(writer: str, path: str | Path) -> Operation[types.ImportResponse]:
    """Join an exported profile to a writer's own."""
    headers = {"content-type": "application/octet-stream"}
    return _about(writer, "/profile", method="PUT", upload=Path(path), headers=headers, says_incarnation=True)


def state(writer: str) -> Operation[WriterState]:
    """What the adapter knows of a writer, for reading on a device."""
    return _about(writer, "/state", answer="state", says_incarnation=True)


def bundle() -> Operation[types.BundleResponse]:
    """The files that reading on a device needs, with their hashes."""
    return Operation("GET", "/v1/bundle")


def bundle_file(name: str, sha256: str | None = None) -> Operation[bytes]:
    """A file of the bundle."""
    return Operation("GET", f"/v1/bundle/{quote(name, safe='')}", {} if sha256 is None else {"v": sha256}, answer="bytes")


def model() -> Operation[types.ModelResponse]:
    """The recognizer, and what the service is set to."""
    return Operation("GET", "/v1/model")


def live() -> Operation[types.HealthResponse]:
    """That the process answers."""
    return Operation("GET", "/v1/live")


def ready() -> Operation[types.HealthResponse]:
    """That the store would serve a request now."""
    return Operation("GET", "/v1/ready")


def metrics() -> Operation[str]:
    """The process's numbers, in Prometheus' text format."""
    return Operation("GET", "/v1/metrics", answer="text")


def json_of(operation: Operation[Any]) -> bytes | None:
    """The body as it is sent."""
    return None if operation.body is None else json.dumps(operation.body, separators=(",", ":")).encode()


def _about(
    writer: str, path: str = "", query: Mapping[str, Any] | None = None, method: str = "GET", **rest: Any
) -> Operation[Any]:
    return Operation(method, f"/v1/writers/{quote(check_address(writer), safe='')}{path}", query or {}, writer=writer, **rest)


def _verb(writer: str, verb: str, body: Mapping[str, Any], keep_images: bool = True, **rest: Any) -> Operation[Any]:
    headers = {"content-type": "application/json", **({} if keep_images else {"x-allograph-keep-images": "no"})}
    return _about(writer, f"/{verb}", method="POST", body=body, headers=headers, says_incarnation=True, **rest)
