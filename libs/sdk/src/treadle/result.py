"""Turns what a handler returned into the JSON that is kept as the job's result."""

from typing import Any

from treadle.json_text import json_text
from treadle.outcomes import Permanent

MAX_RESULT_BYTES = 1_048_576


class ResultNotSerializable(Permanent):
    """The handler returned what JSON cannot hold: a fault in the code, so no retry can mend it."""


class ResultTooLarge(Permanent):
    """The result's JSON is above MAX_RESULT_BYTES; large results belong into a file or an object store."""


def encode_result(result: Any) -> bytes:
    """The `json_text` of it."""
    if result is None:
        return b"null"
    encoded = _encoded(result)
    if len(encoded) > MAX_RESULT_BYTES:
        raise ResultTooLarge(
            f"the result is {len(encoded):,} bytes of JSON; the limit is {MAX_RESULT_BYTES:,}"
        )
    return encoded


def _encoded(result: Any) -> bytes:
    try:
        return json_text(result)
    except ValueError as problem:
        raise ResultNotSerializable(f"the result {problem}") from None
