"""Turns what a handler returned into the JSON that is kept as the job's result."""

import json
from dataclasses import fields, is_dataclass
from datetime import date, time
from typing import Any
from uuid import UUID

from treadle.outcomes import Permanent

MAX_RESULT_BYTES = 1_048_576


class ResultNotSerializable(Permanent):
    """The handler returned what JSON cannot hold: a fault in the code, so no retry can mend it."""


class ResultTooLarge(Permanent):
    """The result's JSON is above MAX_RESULT_BYTES; large results belong into a file or an object store."""


def encode_result(result: Any) -> bytes:
    """JSON as UTF-8. Lone surrogates become U+FFFD; NaN and infinities are refused.

    Beyond what `json.dumps` takes: pydantic models, dataclasses, and dates, times and UUIDs as text.
    """
    if result is None:
        return b"null"
    encoded = _utf8(_as_json(result))
    if len(encoded) > MAX_RESULT_BYTES:
        raise ResultTooLarge(
            f"the result is {len(encoded):,} bytes of JSON; the limit is {MAX_RESULT_BYTES:,}"
        )
    return encoded


def _as_json(result: Any) -> str:
    try:
        return _encoder.encode(result)
    except (TypeError, ValueError) as problem:
        raise ResultNotSerializable(f"the result cannot be written as JSON: {problem}") from None
    except RecursionError:
        raise ResultNotSerializable("the result is nested too deeply for JSON") from None


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        # The work is done: half an emoji is no reason to throw its result away. UTF-16 rejoins what is a pair.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _convert(value: Any) -> Any:
    if isinstance(value, type):
        raise TypeError(f"{value!r} is a class")
    if hasattr(value, "model_dump") and hasattr(value, "__pydantic_validator__"):
        return value.model_dump(mode="json")
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not a JSON type")


_encoder = json.JSONEncoder(
    allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_convert
)
