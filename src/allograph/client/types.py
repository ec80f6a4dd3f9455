"""The bodies of requests and answers, as the service's OpenAPI document has them. Written by: make client-types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NotRequired, TypedDict


class AccuracyResponse(TypedDict):
    """Shares of the corrected samples that were read right before they were learned."""

    samples: int
    base: float | None
    personal: float | None


class BoxRequest(TypedDict):
    """The edges of a character's ink, y down, before it was brought into the frame: how large it was written, and where."""

    left: float
    top: float
    right: float
    bottom: float
    unit: NotRequired[Literal["millimetres", "device"]]
    device: NotRequired[str]
    baseline: NotRequired[float | None]


class BundleFileResponse(TypedDict):
    """A file of the bundle."""

    name: str
    bytes: int
    sha256: str


class BundleResponse(TypedDict):
    """What reading on a device needs."""

    model_hash: str
    adapter: str
    adapter_version: int
    files: list[BundleFileResponse]


class ConfusionPair(TypedDict):
    """A label and what it is taken for."""

    label: str
    read_as: str
    times: int
    still: int


class ConfusionsResponse(TypedDict):
    """The most frequent pairs first."""

    pairs: list[ConfusionPair]


class SampleRequest(TypedDict):
    """One character to be read."""

    image: NotRequired[str | Sequence[Sequence[int]] | None]
    png: NotRequired[str | None]
    ink_form: NotRequired[Literal["points", "columns"] | None]
    ink: NotRequired[Sequence[Sequence[Sequence[float]]] | None]
    box: NotRequired[BoxRequest | None]
    unit: NotRequired[Literal["millimetres", "device"] | None]
    device: NotRequired[str | None]
    baseline: NotRequired[float | None]
    id: NotRequired[str | None]


class CorrectionRequest(TypedDict):
    """One character and its true label."""

    image: NotRequired[str | Sequence[Sequence[int]] | None]
    png: NotRequired[str | None]
    ink_form: NotRequired[Literal["points", "columns"] | None]
    ink: NotRequired[Sequence[Sequence[Sequence[float]]] | None]
    box: NotRequired[BoxRequest | None]
    unit: NotRequired[Literal["millimetres", "device"] | None]
    device: NotRequired[str | None]
    baseline: NotRequired[float | None]
    id: str
    label: str
    new: NotRequired[bool]
    alphabet: NotRequired[Literal["digits", "upper", "lower", "letters", "alphanumeric"] | Sequence[str] | None]


class CorrectRequest(TypedDict):
    """Samples with their labels."""

    context: NotRequired[Sequence[SampleRequest]]
    corrections: Sequence[CorrectionRequest]


class CorrectionResponse(TypedDict):
    """A correction that is stored."""

    id: str
    label: str
    implicit: bool
    time: float
    doubt: float


class CorrectionsResponse(TypedDict):
    """The corrections, in the order of the request."""

    corrections: list[CorrectionResponse]


class DoubtResponse(TypedDict):
    """A character of a text that the ink does not bear out; it was not learned."""

    place: int
    label: str


class EraseResponse(TypedDict):
    """That nothing of the writer is left."""

    erased: bool


class ExpectedAccuracy(TypedDict):
    """Shares of the writer's characters that are expected to be read right."""

    now: float
    after: float


class ExplanationResponse(TypedDict):
    """Why a reading is what it is."""

    answerer: str
    base: str
    text: str
    evidence: dict[str, Any]


class ForgetRequest(TypedDict):
    """The corrections to take back: those of a label, those since a time, or where both are given, those that are both."""

    label: NotRequired[str | None]
    since: NotRequired[float | None]


class ForgetResponse(TypedDict):
    """How many corrections were taken back."""

    forgotten: int


class ForgetWordsRequest(TypedDict):
    """The words to forget."""

    words: NotRequired[Sequence[str] | None]


class HealthResponse(TypedDict):
    """That all is well."""

    status: str


class ImportResponse(TypedDict):
    """What a profile brought."""

    added: int
    removed: int


class JournalCorrection(TypedDict):
    """A correction of the journal."""

    id: str
    label: str
    implicit: bool
    time: float
    doubt: float
    seq: int
    base: str
    answer: str
    image: NotRequired[str | None]


class JournalResponse(TypedDict):
    """Corrections in the order in which they were learned."""

    corrections: list[JournalCorrection]
    next: NotRequired[int | None]


class LabelProbability(TypedDict):
    """A label and how probable it is."""

    label: str
    probability: float


class LimitsResponse(TypedDict):
    """What a request may ask for."""

    body: int
    profile: int
    images: int
    pixels: int
    points: int
    writers: int
    rate: float
    burst: float


class LineAcceptRequest(TypedDict):
    """A line, and what it was read as."""

    png: NotRequired[str | None]
    ink_form: NotRequired[Literal["points", "columns"] | None]
    ink: NotRequired[Sequence[Sequence[Sequence[float]]] | None]
    unit: NotRequired[Literal["millimetres", "device"] | None]
    device: NotRequired[str | None]
    alphabet: NotRequired[Literal["digits", "upper", "lower", "letters", "alphanumeric"] | Sequence[str] | None]
    confidence: NotRequired[float]
    words: NotRequired[Sequence[str] | None]
    id: str
    text: str


class LineCharacterResponse(TypedDict):
    """One character of a line."""

    label: str
    probability: float
    sureness: float
    abstains: bool
    base: str
    personal: str
    best: list[LabelProbability]
    pieces: list[int]
    row: int
    space_before: bool


class LineCorrectRequest(TypedDict):
    """A line and what it says."""

    png: NotRequired[str | None]
    ink_form: NotRequired[Literal["points", "columns"] | None]
    ink: NotRequired[Sequence[Sequence[Sequence[float]]] | None]
    unit: NotRequired[Literal["millimetres", "device"] | None]
    device: NotRequired[str | None]
    alphabet: NotRequired[Literal["digits", "upper", "lower", "letters", "alphanumeric"] | Sequence[str] | None]
    confidence: NotRequired[float]
    words: NotRequired[Sequence[str] | None]
    id: str
    text: str
    new: NotRequired[bool]
    keep_words: NotRequired[bool]
    vouched: NotRequired[Sequence[int] | None]
    left_standing: NotRequired[bool]


class LineCorrectionResponse(TypedDict):
    """What was learned from a line."""

    id: str
    corrections: list[CorrectionResponse]
    doubtful: list[DoubtResponse]


class LineReadRequest(TypedDict):
    """A line to be read."""

    png: NotRequired[str | None]
    ink_form: NotRequired[Literal["points", "columns"] | None]
    ink: NotRequired[Sequence[Sequence[Sequence[float]]] | None]
    unit: NotRequired[Literal["millimetres", "device"] | None]
    device: NotRequired[str | None]
    alphabet: NotRequired[Literal["digits", "upper", "lower", "letters", "alphanumeric"] | Sequence[str] | None]
    confidence: NotRequired[float]
    words: NotRequired[Sequence[str] | None]
    id: NotRequired[str | None]
    best: NotRequired[int]


class TextProbability(TypedDict):
    """A text and how probable it is, among the likeliest."""

    text: str
    probability: float


class LineResponse(TypedDict):
    """The answer to a line."""

    id: str
    text: str
    probability: float
    best: list[TextProbability]
    joined: bool
    unsure: list[int]
    characters: list[LineCharacterResponse]


class ModelResponse(TypedDict):
    """The recognizer, and what the service is set to."""

    labels: list[str]
    frame: str
    model_hash: str
    alphabets: dict[str, list[str]]
    adapter: str
    implicit: bool
    keys: bool
    limits: LimitsResponse


class RecentAccuracy(TypedDict):
    """The shares among the last 50."""

    base: float
    personal: float


class ProgressPoint(TypedDict):
    """The shares read right, of the first so many corrections."""

    corrections: int
    base: float
    personal: float
    recent: RecentAccuracy


class ProgressResponse(TypedDict):
    """How the shares went, in at most 100 points."""

    points: list[ProgressPoint]


class ReadRequest(TypedDict):
    """Samples to be read."""

    context: NotRequired[Sequence[SampleRequest]]
    samples: Sequence[SampleRequest]
    alphabet: NotRequired[Literal["digits", "upper", "lower", "letters", "alphanumeric"] | Sequence[str] | None]
    confidence: NotRequired[float]
    best: NotRequired[int]
    why: NotRequired[bool]


class ReadingResponse(TypedDict):
    """The answer to one sample."""

    id: str
    label: str
    probability: float
    abstains: bool
    base: str
    personal: str
    best: list[LabelProbability]
    why: NotRequired[ExplanationResponse | None]


class ReadingsResponse(TypedDict):
    """The answers, in the order of the samples."""

    readings: list[ReadingResponse]


class WriterStyle(TypedDict):
    """A way in which the writer writes a label."""

    label: str
    style: int
    samples: int
    image: str


class StylesResponse(TypedDict):
    """The label's most frequent style first."""

    styles: list[WriterStyle]


SuggestionResponse = TypedDict(
    "SuggestionResponse", {"label": str, "reason": Literal["confused", "alike", "unseen", "few"], "with": NotRequired[str | None]}
)
"""A label to teach a sample of."""


class SuggestionsResponse(TypedDict):
    """What to teach, the most helpful first."""

    labels: list[SuggestionResponse]
    expected: ExpectedAccuracy


class UndoRequest(TypedDict):
    """The correction to take back."""

    id: str


class UndoResponse(TypedDict):
    """What was taken back."""

    undone: str


class WordCount(TypedDict):
    """A word that was kept."""

    word: str
    lines: int


class WordsResponse(TypedDict):
    """The writer's own words, by code point."""

    words: list[WordCount]


class WriterResponse(TypedDict):
    """A writer."""

    name: str
    corrections: int
    implicit: int
    labels: list[str]
    accuracy: AccuracyResponse


class WriterSummary(TypedDict):
    """A writer in the list."""

    name: str
    corrections: int


class WritersResponse(TypedDict):
    """Writers in the order of their names."""

    writers: list[WriterSummary]
    next: NotRequired[str | None]


class Problem(TypedDict):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
