"""The bodies of responses, as the OpenAPI document describes them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class LabelProbability(BaseModel):
    """A label and how probable it is."""

    label: str
    probability: float


class ExplanationResponse(BaseModel):
    """Why a reading is what it is."""

    answerer: str = Field(description="Whose answer it is: `base`, or a method's.")
    base: str = Field(description="What the base classifier alone would have said.")
    text: str
    evidence: dict[str, Any]


class ReadingResponse(BaseModel):
    """The answer to one sample."""

    id: str
    label: str
    probability: float
    abstains: bool = Field(description="Whether it is less probable than was asked for.")
    base: str = Field(description="What the base classifier alone would have said.")
    personal: str = Field(
        description="What is answered with the writer's corrections; the label, unless the service runs in shadow."
    )
    best: list[LabelProbability]
    why: ExplanationResponse | None = None


class ReadingsResponse(BaseModel):
    """The answers, in the order of the samples."""

    readings: list[ReadingResponse]


class TextProbability(BaseModel):
    """A text and how probable it is, among the likeliest."""

    text: str
    probability: float


class LineCharacterResponse(BaseModel):
    """One character of a line."""

    label: str
    probability: float = Field(description="That its ink, as it was cut, shows this label.")
    sureness: float = Field(description="The probability that it is cut right and read right.")
    abstains: bool = Field(description="Whether it is less sure than was asked for.")
    base: str = Field(description="What the base classifier alone would have said of this ink.")
    personal: str = Field(
        description="What is answered with the writer's corrections; the label, unless the service runs in shadow."
    )
    best: list[LabelProbability]
    pieces: list[int] = Field(description="The strokes that it is made of, counted from 0; of a picture, the pieces of its ink.")
    row: int = Field(description="The row of the line, from 0.")
    space_before: bool


class LineResponse(BaseModel):
    """The answer to a line."""

    id: str
    text: str
    probability: float = Field(description="Of the text, among the likeliest.")
    best: list[TextProbability]
    joined: bool = Field(description="Whether it looks like joined-up writing, which is not read: do not rely on the text.")
    unsure: list[int] = Field(description="Which of the characters are less sure than one half; of joined-up writing, all.")
    characters: list[LineCharacterResponse] = Field(description="In the order of the text, without spaces.")


class CorrectionResponse(BaseModel):
    """A correction that is stored."""

    id: str
    label: str
    implicit: bool
    time: float = Field(description="Seconds since 1970, UTC.", examples=[1767225600.0])
    doubt: float = Field(
        ge=0,
        le=1,
        description="How probably the label is a slip, judged by what was known of this hand: where it is more than ½, ask "
        "again. 0 where the reading was left standing, and where the label replaced another.",
    )


class CorrectionsResponse(BaseModel):
    """The corrections, in the order of the request."""

    corrections: list[CorrectionResponse]


class DoubtResponse(BaseModel):
    """A character of a text that the ink does not bear out; it was not learned."""

    place: int = Field(description="Where it stands in the text, in code points.")
    label: str


class LineCorrectionResponse(BaseModel):
    """What was learned from a line."""

    id: str = Field(description="The line's: `undo` with it takes all of the line back.")
    corrections: list[CorrectionResponse] = Field(description="One a character, in the order of the text, which is not stored.")
    doubtful: list[DoubtResponse]


class WordCount(BaseModel):
    """A word that was kept."""

    word: str
    lines: int = Field(description="In how many corrected lines it stood.")


class WordsResponse(BaseModel):
    """The writer's own words, by code point."""

    words: list[WordCount]


class UndoResponse(BaseModel):
    """What was taken back."""

    undone: str


class ForgetResponse(BaseModel):
    """How many corrections were taken back."""

    forgotten: int


class EraseResponse(BaseModel):
    """That nothing of the writer is left."""

    erased: bool


class ImportResponse(BaseModel):
    """What a profile brought."""

    added: int = Field(description="Corrections that are new, or newer than what stood.")
    removed: int = Field(description="Corrections that had been taken back where the profile comes from.")


class WriterSummary(BaseModel):
    """A writer in the list."""

    name: str
    corrections: int


class WritersResponse(BaseModel):
    """Writers in the order of their names."""

    writers: list[WriterSummary]
    next: str | None = Field(None, description="The next page's `after`; absent on the last.")


class AccuracyResponse(BaseModel):
    """Shares of the corrected samples that were read right before they were learned."""

    samples: int
    base: float | None
    personal: float | None


class WriterResponse(BaseModel):
    """A writer."""

    name: str
    corrections: int
    implicit: int = Field(description="How many of them were readings left standing.")
    labels: list[str] = Field(description="The labels that the writer taught and the model does not know.")
    accuracy: AccuracyResponse


class JournalCorrection(CorrectionResponse):
    """A correction of the journal."""

    seq: int
    base: str
    answer: str = Field(description="What was answered before it was learned.")
    image: str | None = Field(None, description="Base64 of a PNG, 28×28; absent where images are not kept.")


class JournalResponse(BaseModel):
    """Corrections in the order in which they were learned."""

    corrections: list[JournalCorrection]
    next: int | None = Field(None, description="The next page's `after`; absent on the last.")


class RecentAccuracy(BaseModel):
    """The shares among the last 50."""

    base: float
    personal: float


class ProgressPoint(BaseModel):
    """The shares read right, of the first so many corrections."""

    corrections: int
    base: float
    personal: float
    recent: RecentAccuracy


class ProgressResponse(BaseModel):
    """How the shares went, in at most 100 points."""

    points: list[ProgressPoint]


class ConfusionPair(BaseModel):
    """A label and what it is taken for."""

    label: str
    read_as: str
    times: int = Field(description="How often the base said so.")
    still: int = Field(description="How often it was still answered, in the recent half.")


class ConfusionsResponse(BaseModel):
    """The most frequent pairs first."""

    pairs: list[ConfusionPair]


class WriterStyle(BaseModel):
    """A way in which the writer writes a label."""

    label: str
    style: int = Field(description="Its place among the label's styles.")
    samples: int = Field(description="How many of the writer's samples are nearest to it.")
    image: str = Field(description="Base64 of a PNG, 28×28: the style's most typical sample in the training corpus.")


class StylesResponse(BaseModel):
    """The label's most frequent style first."""

    styles: list[WriterStyle]


class SuggestionResponse(BaseModel):
    """A label to teach a sample of."""

    label: str
    reason: Literal["confused", "alike", "unseen", "few"] = Field(
        description="It was misread lately; it looks like the one before it; it was never taught; or little of it was."
    )
    other: str | None = Field(None, alias="with", description="What it was misread as, or looks like.")


class ExpectedAccuracy(BaseModel):
    """Shares of the writer's characters that are expected to be read right."""

    now: float
    after: float = Field(description="Once a sample of each of these labels is taught.")


class SuggestionsResponse(BaseModel):
    """What to teach, the most helpful first."""

    labels: list[SuggestionResponse]
    expected: ExpectedAccuracy


class LimitsResponse(BaseModel):
    """What a request may ask for."""

    body: int
    profile: int
    images: int
    pixels: int
    points: int
    writers: int
    rate: float = Field(description="Samples a second of a tenant; a request without any counts as one.")
    burst: float = Field(description="Samples that a tenant may send at once, after a pause.")


class ModelResponse(BaseModel):
    """The recognizer, and what the service is set to."""

    labels: list[str]
    frame: str
    model_hash: str
    alphabets: dict[str, list[str]] = Field(description="The named alphabets, as far as the model knows them.")
    adapter: str
    implicit: bool
    keys: bool = Field(description="Whether a key is needed.")
    limits: LimitsResponse


class HealthResponse(BaseModel):
    """That all is well."""

    status: str = Field(examples=["ok"])


class BundleFile(BaseModel):
    """A file of the bundle."""

    name: str
    bytes: int
    sha256: str


class BundleResponse(BaseModel):
    """What a device needs to read by itself."""

    model_hash: str
    adapter: str
    adapter_version: int
    files: list[BundleFile]
