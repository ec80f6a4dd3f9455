"""The bodies and parameters of requests: how they are validated, and how the OpenAPI document describes them."""

from __future__ import annotations

from itertools import chain
from typing import Annotated, Any, Literal, Self

from fastapi import Header, Path, Query
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from allograph.alphabet.labels import LONGEST_LABEL, NAMED, check_label
from allograph.corpora.lines.text import check_text
from allograph.images.frames import PIXELS, SIDE
from allograph.lines.line import CONSIDERED
from allograph.profiles.journal import LONGEST_NAME, check_name
from allograph.profiles.line_ids import LONGEST_LINE_ID, PREFIX, check_line_id
from allograph.profiles.words import LONGEST_WORD, check_word
from allograph.samples.box import FARTHEST, LONGEST_DEVICE, Box, Unit
from allograph.samples.names import check_address
from allograph.server.base64_text import decode_base64
from allograph.server.body_limits import LABELS, LIKELY_WORDS
from allograph.server.ink_forms import Form, Ink, read_strokes
from allograph.writers.context import LONGEST

CONTROL = r"\u0000-\u001f\u007f-\u009f"
IMAGE = (
    f"an image is Base64 of its {PIXELS} bytes, or {SIDE} rows of {SIDE} whole numbers, 0 (paper) … 255 (ink); "
    "any other picture goes as png, strokes as ink"
)
LONGEST_IMAGE = 2 * PIXELS
"""Characters that the Base64 of an image may have, line ends included; without them it has 1,048."""
LONGEST_TEXT = 4096
"""Code points of the text of a line; the ink of a request has room for an eighth of that."""
DECOMPOSED = 4
"""Code points that one of NFC may be sent as; what is longer than any name or label so written is not looked at."""


def _image(value: Any) -> bytes:
    """The 784 bytes of an image, from Base64 or from rows of numbers."""
    image = _image_from_base64(value) if isinstance(value, str) else _image_from_rows(value)
    if not image.strip(b"\0\1"):
        if not image.strip(b"\0"):
            raise ValueError("the image is empty: it shows no ink")
        raise ValueError("the image holds only 0 and 1, which is nearly black; grey values go up to 255 (ink): multiply by 255")
    return image


def _image_from_base64(text: str) -> bytes:
    if len(text) > LONGEST_IMAGE:
        raise ValueError(f"the image has {len(text)} characters of Base64; {IMAGE}")
    image = decode_base64(text, "the image", f"{PIXELS} bytes")
    if len(image) != PIXELS:
        raise ValueError(f"the image has {len(image)} bytes; {IMAGE}")
    return image


def _image_from_rows(rows: Any) -> bytes:
    if not isinstance(rows, list) or len(rows) != SIDE or not all(isinstance(row, list) and len(row) == SIDE for row in rows):
        raise ValueError(IMAGE)
    if set(map(type, chain.from_iterable(rows))) != {int} or not all(0 <= min(row) <= max(row) <= 255 for row in rows):
        raise ValueError(IMAGE)
    return b"".join(map(bytes, rows))


def _ink(strokes: Any, info: ValidationInfo) -> Ink:
    return read_strokes(strokes, info.data.get("ink_form"))


def _text(value: Any, what: str, longest: int) -> str:
    """A string that is not so long that it were work to look at it."""
    if not isinstance(value, str):
        raise ValueError(f"{what} is a string")
    if len(value) > DECOMPOSED * longest:
        raise ValueError(f"{what} has 1–{longest} characters; this one has {len(value)}")
    return value


def _id(value: Any) -> str:
    return check_name(_text(value, "an id", LONGEST_NAME), "correction")


def _line_id(value: Any) -> str:
    return check_line_id(_text(value, "an id", LONGEST_LINE_ID))


def _line_text(value: Any) -> str:
    text = check_text(_text(value, "the text of a line", LONGEST_TEXT))
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"the text of a line has 1–{LONGEST_TEXT} characters; this one has {len(text)}")
    return text


def _word(value: Any) -> str:
    return check_word(_text(value, "a word", LONGEST_WORD))


def _device(name: str) -> str:
    if not name.isprintable():
        raise ValueError("the name of a device holds printable characters only")
    return name


def _writer(value: Any) -> str:
    name = check_address(check_name(_text(value, "a writer's name", LONGEST_NAME), "writer"))
    if "/" in name:
        raise ValueError("the name of a writer has no slash")
    return name


def _after(value: Any) -> str:
    return value if value == "" else check_name(_text(value, "a writer's name", LONGEST_NAME), "writer")


def _label(value: Any) -> str:
    return check_label(_text(value, "a label", LONGEST_LABEL))


def _listed_label(value: Any) -> str | None:
    return None if value is None else _label(value)


def _offer(value: Any) -> str | list[str] | None:
    """The library checks what the labels are."""
    if value is None:
        return None
    if isinstance(value, str):
        if value not in NAMED:
            name = f"an alphabet named {value!r}" if len(value) <= LONGEST_NAME else "an alphabet with so long a name"
            raise ValueError(f"there is no {name[3:]}; there are {', '.join(NAMED)}, or give an array of labels")
        return value
    if not isinstance(value, list):
        raise ValueError("an alphabet is the name of one, or an array of labels")
    if not 1 <= len(value) <= LABELS:
        raise ValueError(f"an alphabet has 1–{LABELS} labels; this one has {len(value)}")
    for label in value:
        _text(label, "a label", LONGEST_LABEL)
    return value


Image = Annotated[
    bytes,
    PlainValidator(_image),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "string",
                    "contentEncoding": "base64",
                    "minLength": -(-4 * PIXELS // 3),
                    "maxLength": LONGEST_IMAGE,
                    "description": f"Base64 of the {PIXELS} bytes, the rows from top to bottom.",
                },
                {
                    "type": "array",
                    "minItems": SIDE,
                    "maxItems": SIDE,
                    "items": {
                        "type": "array",
                        "minItems": SIDE,
                        "maxItems": SIDE,
                        "items": {"type": "integer", "minimum": 0, "maximum": 255},
                    },
                },
            ],
            "description": f"{SIDE} rows of {SIDE} grey values, white ink on black, in the frame of the model.",
        }
    ),
]
Strokes = Annotated[
    Ink,
    PlainValidator(_ink),
    WithJsonSchema(
        {
            "type": "array",
            "minItems": 1,
            "items": {
                "anyOf": [
                    {
                        "type": "array",
                        "items": {"type": "array", "minItems": 2, "maxItems": 3, "items": {"type": "number"}},
                        "description": "Points [x, y]; a third number, the pressure, is ignored.",
                    },
                    {
                        "type": "array",
                        "minItems": 2,
                        "maxItems": 3,
                        "items": {"type": "array", "items": {"type": "number"}},
                        "description": "Columns, all x and all y, of one length; a third one is ignored. `ink_form` says so.",
                    },
                ]
            },
            "description": "Strokes in any unit, y down.",
        }
    ),
]
Id = Annotated[
    str,
    PlainValidator(_id),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_NAME,
            "pattern": f"^[^{CONTROL}]+$",
            "description": "Yours to choose; unique for a writer. It is kept in NFC.",
        }
    ),
]
LineId = Annotated[
    str,
    PlainValidator(_line_id),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": len(PREFIX) + 1,
            "maxLength": LONGEST_LINE_ID,
            "pattern": f"^{PREFIX}[^{CONTROL}]+$",
            "description": f"`{PREFIX}` and what you choose; unique for a writer. It is kept in NFC.",
        }
    ),
]
LineText = Annotated[
    str,
    PlainValidator(_line_text),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_TEXT,
            "pattern": f"^[^{CONTROL}\\u2028\\u2029]+$",
            "description": "What the line says. It is taken in NFC, with one space between words and none around them.",
        }
    ),
]
Word = Annotated[
    str, PlainValidator(_word), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": LONGEST_WORD, "pattern": r"^\S+$"})
]
LABEL = {"type": "string", "minLength": 1, "maxLength": LONGEST_LABEL, "description": "What a sample shows."}
Label = Annotated[str, PlainValidator(_label), WithJsonSchema(LABEL)]
OfferedLabels = Annotated[
    str | list[str] | None,
    PlainValidator(_offer),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": list(NAMED)},
                {"type": "array", "minItems": 1, "maxItems": LABELS, "items": LABEL},
                {"type": "null"},
            ],
            "description": "The labels that may be answered: a named alphabet or a list; all of them unless given.",
        }
    ),
]
WriterName = Annotated[
    str,
    PlainValidator(_writer),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_NAME,
            "pattern": f"^[^{CONTROL}/]+$",
            "not": {"enum": [".", ".."]},
        }
    ),
    Path(description="The writer's name, without a slash.", examples=["ana"]),
]
After = Annotated[
    str,
    PlainValidator(_after),
    WithJsonSchema({"type": "string", "maxLength": LONGEST_NAME, "pattern": f"^[^{CONTROL}]*$"}),
    Query(description="Only names after this one."),
]


Place = Annotated[float, Field(ge=-FARTHEST, le=FARTHEST)]
Device = Annotated[
    str,
    Field(
        max_length=LONGEST_DEVICE,
        json_schema_extra={"pattern": f"^[^{CONTROL}]*$"},
        description="What it was written on, in any words: samples of one writer and device are of one scale.",
    ),
    AfterValidator(_device),
]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
JournalPlace = Annotated[int, Query(ge=0, le=2**53, description="Only those after this place in the journal.")]
KeepImages = Annotated[
    Literal["yes", "no"], Header(alias="X-Allograph-Keep-Images", description="With `no`, these images are not stored.")
]
ListedImages = Annotated[Literal["yes", "no"], Query(description="Whether the images are listed too.")]
ListedLabel = Annotated[
    str | None, PlainValidator(_listed_label), WithJsonSchema(LABEL), Query(description="Only the corrections to this label.")
]
ListedIds = Annotated[list[Id] | None, Query(max_length=100, description="Only the corrections of these ids.")]
Incarnation = Annotated[
    str | None,
    Header(
        alias="X-Allograph-Incarnation",
        description="The profile that is meant, as an answer named it. Where it was erased, the answer is 410 and nothing is "
        "stored, also where the writer began anew.",
    ),
    WithJsonSchema({"type": "string"}),
]
SuggestionCount = Annotated[int, Query(ge=1, le=100, description="How many labels at most.")]


class RequestBody(BaseModel):
    """What every body has in common: no value is converted, and no unknown field is ignored."""

    model_config = ConfigDict(strict=True, extra="forbid")


class BoxRequest(RequestBody):
    """The edges of a character's ink, y down, before it was brought into the frame: how large it was written, and where."""

    left: Place
    top: Place
    right: Place
    bottom: Place
    unit: Unit = Field("device", description="Millimetres where the resolution is known, else whatever the device counts in.")
    device: Device = ""
    baseline: Place | None = Field(None, description="The y of the line that the character stands on, in the same unit.")

    @property
    def box(self) -> Box:
        """The same as a value."""
        return Box(self.left, self.top, self.right, self.bottom, self.unit, self.device, self.baseline)

    @model_validator(mode="after")
    def _check_edges(self) -> Self:
        _ = self.box
        return self


class SampleImage(RequestBody):
    """One character as an image, a picture or ink, with what is known of its size and place."""

    image: Image | None = None
    png: str | None = Field(
        None,
        description="Base64 of a picture of one character (PNG, JPEG, WebP, GIF or BMP), in any frame; a data: URL does as well.",
    )
    ink_form: Form | None = Field(
        None, description="What the strokes of `ink` are: `points` [x, y], unless this says `columns` [[x, …], [y, …]]."
    )
    ink: Strokes | None = None  # after its form
    box: BoxRequest | None = Field(
        None, description="Of an image or a picture; ink has its own, and a picture that of its pixels."
    )
    unit: Unit | None = Field(None, description="What the coordinates of `ink` count; `device` unless given.")
    device: Device | None = Field(None, description="What the ink, or a picture without `box`, was written on.")
    baseline: Place | None = Field(
        None, description="The y of the line that the ink, or what a picture without `box` shows, stands on, in its coordinates."
    )

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        if self.box is not None and self.ink is not None:
            raise ValueError("ink has its box in its coordinates: leave box out; unit, device and baseline stand beside the ink")
        if self.box is not None and self.image is None and self.png is None:
            raise ValueError("a box comes with the image or the png that it belongs to")
        if self.unit is not None and self.ink is None:
            raise ValueError("unit stands beside ink; that of an image or a png stands in its box")
        if self.ink is None and (self.png is None or self.box is not None):
            for name in ("device", "baseline"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name} stands beside ink or a png without a box; else it stands in the box")
        return self

    @property
    def forms(self) -> int:
        """In how many of these forms the sample is there."""
        return (self.image is not None) + (self.png is not None) + (self.ink is not None)


class SampleRequest(SampleImage):
    """One character to be read."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["image"]}, {"required": ["png"]}, {"required": ["ink"]}],
            "examples": [{"id": "5", "ink": [[[0, 0], [40, 90]], [[20, 45], [60, 40]]]}],
        }
    )
    id: Id | None = None

    @model_validator(mode="after")
    def _check_form(self) -> SampleRequest:
        if self.forms != 1:
            raise ValueError("a sample is one of image, png and ink")
        return self


class CorrectionRequest(SampleImage):
    """One character and its true label."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": "5", "label": "a", "ink": [[[0, 0], [40, 90]], [[20, 45], [60, 40]]]}]}
    )
    id: Id
    label: Label
    new: bool = Field(False, description="Teach the writer a label that the model does not know.")
    alphabet: OfferedLabels = None

    @model_validator(mode="after")
    def _check_form(self) -> CorrectionRequest:
        if self.forms > 1:
            raise ValueError("a sample is one of image, png and ink; without any, the stored one of this id is meant")
        return self


class WithContext(RequestBody):
    """A request whose samples are read beside others."""

    context: list[SampleRequest] = Field(
        default_factory=list,
        max_length=LONGEST,
        description="What this writer wrote lately on the same device, read but not corrected: it tells how large this hand "
        "writes. The samples of a request are one another's context already. It is not learned; its ids are ignored.",
    )


class ReadRequest(WithContext):
    """Samples to be read."""

    samples: Annotated[list[SampleRequest], Field(min_length=1, fail_fast=True)]
    alphabet: OfferedLabels = None
    confidence: float = Field(0.0, ge=0, le=1, description="A reading that is less probable abstains.")
    best: int = Field(5, ge=0, le=1000, description="How many of the likeliest labels to name.")
    why: bool = Field(False, description="Whether to explain each reading.")

    @model_validator(mode="after")
    def _check_ids(self) -> ReadRequest:
        ids = [sample.id for sample in self.samples if sample.id is not None]
        if len(set(ids)) != len(ids):
            raise ValueError("an id comes twice; each sample's reading has its own")
        return self


class CorrectRequest(WithContext):
    """Samples with their labels."""

    corrections: Annotated[list[CorrectionRequest], Field(min_length=1, fail_fast=True)]

    @model_validator(mode="after")
    def _check_ids(self) -> CorrectRequest:
        if len({correction.id for correction in self.corrections}) != len(self.corrections):
            raise ValueError("an id comes twice; one reading has one correction")
        return self


class UndoRequest(RequestBody):
    """The correction to take back."""

    id: Id


class ForgetRequest(RequestBody):
    """The corrections to take back: those of a label, those since a time, or where both are given, those that are both."""

    label: Label | None = None
    since: float | None = Field(None, ge=0, description="Seconds since 1970, UTC.", examples=[1767225600.0])


class LineImage(RequestBody):
    """A line of hand print as ink or a picture."""

    png: str | None = Field(
        None, description="Base64 of a picture of one line, or of a few rows (PNG, JPEG, WebP, GIF or BMP); a data: URL does too."
    )
    ink_form: Form | None = Field(
        None, description="What the strokes of `ink` are: `points` [x, y], unless this says `columns` [[x, …], [y, …]]."
    )
    ink: Strokes | None = None  # after its form
    unit: Unit | None = Field(None, description="What the coordinates of `ink` count; `device` unless given.")
    device: Device | None = Field(None, description="What it was written on.")
    alphabet: OfferedLabels = None
    confidence: float = Field(0.0, ge=0, le=1, description="A character that is less sure abstains.")
    words: list[Word] | None = Field(
        None, max_length=LIKELY_WORDS, description="Words that the line likely holds; what is none of them is still read."
    )

    @model_validator(mode="after")
    def _check_form(self) -> Self:
        if (self.png is None) == (self.ink is None):
            raise ValueError("a line is one of ink and png")
        if self.unit is not None and self.ink is None:
            raise ValueError("unit stands beside ink; a picture's file states its resolution")
        return self


EITHER: list[Any] = [{"required": ["ink"]}, {"required": ["png"]}]
LINE: dict[str, Any] = {
    "id": "line-1",
    "ink": [[[0, 0], [0, 90], [45, 90]], [[75, 0], [135, 0]], [[105, 0], [105, 90]], [[240, 0], [265, 90], [290, 0]]],
    "device": "tablet",
}


class LineReadRequest(LineImage):
    """A line to be read."""

    model_config = ConfigDict(json_schema_extra={"oneOf": EITHER, "examples": [LINE]})
    id: LineId | None = None
    best: int = Field(
        3,
        ge=0,
        le=CONSIDERED,
        description="How many of the likeliest texts to name, and of the likeliest labels of each character.",
    )


class LineCorrectRequest(LineImage):
    """A line and what it says."""

    model_config = ConfigDict(json_schema_extra={"oneOf": EITHER, "examples": [{**LINE, "text": "LT V"}]})
    id: LineId
    text: LineText
    new: bool = Field(False, description="Teach the writer labels that the model does not know.")
    keep_words: bool = Field(
        False, description="Keep the words with a character that was vouched for too, apart and in no order."
    )
    vouched: list[Annotated[int, Field(ge=0, lt=LONGEST_TEXT)]] | None = Field(
        None,
        max_length=LONGEST_TEXT,
        description="The places in the text, in code points, whose characters the person said; all of them unless given.",
    )
    left_standing: bool = Field(
        False,
        description="Learn the other characters too, as readings left standing: those that were read so and surely. Where the "
        "service has implicit corrections switched off, none of them.",
    )


class LineAcceptRequest(LineImage):
    """A line, and what it was read as."""

    model_config = ConfigDict(json_schema_extra={"oneOf": EITHER, "examples": [{**LINE, "text": "LT V"}]})
    id: LineId
    text: LineText


class ForgetWordsRequest(RequestBody):
    """The words to forget."""

    words: list[Word] | None = Field(None, max_length=LABELS, description="All of them unless given.")
