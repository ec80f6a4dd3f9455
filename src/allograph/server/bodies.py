"""What requests say, checked, and described in the OpenAPI document."""

from __future__ import annotations

from itertools import chain
from typing import Annotated, Any

from fastapi import Path, Request
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator

from allograph.images import SIDE
from allograph.server.pixels import parsed

NAME = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029/]+$"
PLAIN = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$"
IMAGE = f"an image is {SIDE} rows of {SIDE} whole numbers, 0 (paper) … 255 (ink); any other picture goes as png, strokes as ink"
INK = "ink is a list of strokes, each a list of points [x, y] or [x, y, pressure]"


class FastRequest(Request):
    """A request whose JSON is read as fast as may be; JSON has no NaN and no infinity."""

    async def json(self) -> Any:
        """The body; a `ValueError`, which becomes status 400, where it is no JSON."""
        if not hasattr(self, "_json"):
            self._json = parsed(await self.body())
        return self._json


def _image(rows: Any) -> bytes:
    """784 bytes; the lists that they are where they were not well made tell of a fault."""
    if not isinstance(rows, bytes):
        if not isinstance(rows, list) or len(rows) != SIDE or not all(isinstance(row, list) and len(row) == SIDE for row in rows):
            raise ValueError(IMAGE)
        if set(map(type, chain.from_iterable(rows))) != {int} or not all(0 <= min(row) <= max(row) <= 255 for row in rows):
            raise ValueError(IMAGE)
        rows = b"".join(map(bytes, rows))
    if not rows.strip(b"\0"):
        raise ValueError("the image is empty: it shows no ink")
    return rows


def _ink(strokes: Any) -> list[list[tuple[float, float]]]:
    """Strokes of points, without their pressure."""

    def point(found: Any) -> tuple[float, float]:
        if isinstance(found, list) and len(found) in (2, 3) and all(type(number) in (int, float) for number in found):
            return float(found[0]), float(found[1])
        raise ValueError(INK)

    if not isinstance(strokes, list) or not all(isinstance(stroke, list) for stroke in strokes):
        raise ValueError(INK)
    try:
        return [[point(found) for found in stroke] for stroke in strokes]
    except OverflowError:
        raise ValueError(INK) from None


Image = Annotated[
    bytes,
    PlainValidator(_image),
    WithJsonSchema(
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
            "description": f"{SIDE} rows of {SIDE} grey values, white ink on black, in the frame of the model.",
        }
    ),
]
Ink = Annotated[
    list[list[tuple[float, float]]],
    PlainValidator(_ink),
    WithJsonSchema(
        {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "array",
                "items": {"type": "array", "minItems": 2, "maxItems": 3, "items": {"type": "number"}},
            },
            "description": "Strokes of points [x, y] in any unit, y down; a third number, the pressure, is ignored.",
        }
    ),
]
Id = Annotated[str, Field(min_length=1, max_length=128, pattern=PLAIN, description="Yours to choose; unique for a writer.")]
Label = Annotated[str, Field(min_length=1, max_length=16, description="What a sample shows.")]
Offer = Annotated[
    str | list[Label] | None,
    Field(description="The labels that may be answered: a named alphabet or a list; all of them unless given."),
]
WriterName = Annotated[
    str, Path(min_length=1, max_length=128, pattern=NAME, description="The writer's name, without a slash.", examples=["ana"])
]


class Body(BaseModel):
    """What every body has in common: nothing is guessed, nothing unknown is passed over."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Picture(Body):
    """One character as an image, a picture or ink."""

    image: Image | None = None
    png: str | None = Field(None, description="Base64 of a picture of one character (PNG, JPEG, WebP, GIF or BMP), in any frame.")
    ink: Ink | None = None

    @property
    def shown(self) -> int:
        """In how many ways."""
        return (self.image is not None) + (self.png is not None) + (self.ink is not None)


class Sample(Picture):
    """One character to be read."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["image"]}, {"required": ["png"]}, {"required": ["ink"]}],
            "examples": [{"id": "5", "ink": [[[0, 0], [40, 90]], [[20, 45], [60, 40]]]}],
        }
    )
    id: Id | None = None

    @model_validator(mode="after")
    def _one(self) -> Sample:
        if self.shown != 1:
            raise ValueError("a sample is one of image, png and ink")
        return self


class Taught(Picture):
    """One character and what it shows."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": "5", "label": "a", "ink": [[[0, 0], [40, 90]], [[20, 45], [60, 40]]]}]}
    )
    id: Id
    label: Label
    new: bool = Field(False, description="Teach the writer a label that the model does not know.")
    alphabet: Offer = None

    @model_validator(mode="after")
    def _one(self) -> Taught:
        if self.shown > 1:
            raise ValueError("a sample is one of image, png and ink; without any, the stored one of this id is meant")
        return self


class ReadBody(Body):
    """Samples to be read."""

    samples: Annotated[list[Sample], Field(min_length=1)]
    alphabet: Offer = None
    confidence: float = Field(0.0, ge=0, le=1, description="A reading that is less probable abstains.")
    best: int = Field(5, ge=0, le=1000, description="How many of the likeliest labels to name.")
    why: bool = Field(False, description="Whether to explain each reading.")


class TeachBody(Body):
    """Samples with their labels."""

    corrections: Annotated[list[Taught], Field(min_length=1)]

    @model_validator(mode="after")
    def _once(self) -> TeachBody:
        if len({taught.id for taught in self.corrections}) != len(self.corrections):
            raise ValueError("an id comes twice; one reading has one correction")
        return self


class UndoBody(Body):
    """The correction to take back."""

    id: Id


class ForgetBody(Body):
    """The corrections to take back: those of a label, those since a time, or where both are given, those that are both."""

    label: Label | None = None
    since: float | None = Field(None, ge=0, description="Seconds since 1970, UTC.", examples=[1767225600.0])
