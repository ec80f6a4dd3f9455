"""From the bytes of a body to what it means, checked; what is wrong with it is said in JSON's words."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json
from starlette.exceptions import HTTPException

from allograph.server.body_limits import check_counts, check_size
from allograph.server.settings import Limits

Value = TypeVar("Value")
LONGEST = 64
"""Characters that are told of a field that is not known."""
KINDS = {
    "model_type": "this is an object, {…}",
    "list_type": "this is an array, […]",
    "string_type": "this is a string",
    "bool_type": "this is true or false",
    "float_type": "this is a number",
    "int_type": "this is a whole number",
    "int_from_float": "this is a whole number",
    "finite_number": "this is a finite number",
    "too_short": "this array is empty; it has at least one item",
}
"""pydantic's faults whose own words are Python's."""


def check_body(raw: bytes, adapter: TypeAdapter[Value], limits: Limits) -> Value:
    """What the body of a request means.

    Raises a status 400 for no JSON, `InputError` or `ImageError` for more of anything than the limits allow, which is found out
    first, and `RequestValidationError` for what cannot be used.
    """
    if not raw:
        raise _invalid([{"type": "missing", "loc": ("body",), "msg": "a body is needed, an object of JSON"}])
    check_size(raw, limits)
    try:
        value = from_json(raw, allow_inf_nan=False, cache_strings="keys")  # what strings say is not kept
    except ValueError:
        raise HTTPException(400) from None
    check_counts(value, limits)
    return check(value, adapter, ("body",))


def check(value: Any, adapter: TypeAdapter[Value], place: tuple[str, ...]) -> Value:
    """A part of a request as it is meant; raises `RequestValidationError`, which says by `place` what cannot be used."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise _invalid([_explain(fault, place) for fault in faults]) from None


def _explain(fault: ErrorDetails, place: tuple[str, ...]) -> dict[str, Any]:
    where = tuple(part if isinstance(part, int) or len(part) <= LONGEST else f"{part[:LONGEST]}…" for part in fault["loc"])
    return {**fault, "loc": (*place, *where), "msg": KINDS.get(fault["type"], fault["msg"])}


def _invalid(faults: list[dict[str, Any]]) -> RequestValidationError:
    return RequestValidationError(faults)
