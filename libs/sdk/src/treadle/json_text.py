"""JSON out of what handlers return and keep."""

import json
from dataclasses import fields, is_dataclass
from datetime import date, time
from typing import Any
from uuid import UUID


def json_text(value: Any) -> bytes:
    """JSON as UTF-8. Lone surrogates become U+FFFD; NaN and infinities are refused.

    Beyond what `json.dumps` takes: pydantic models, dataclasses, and dates, times and UUIDs as text. ValueError for all
    else: its message goes on after the name of what was to be written.
    """
    try:
        return _utf8(_encoder.encode(value))
    except (TypeError, ValueError) as problem:
        raise ValueError(f"cannot be written as JSON: {problem}") from None
    except RecursionError:
        raise ValueError("is nested too deeply for JSON") from None


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
