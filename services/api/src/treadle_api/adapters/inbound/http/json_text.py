"""JSON as text: split into fields without touching the values, so that a payload stays as it was sent."""

import re
from itertools import accumulate
from typing import Any, TypeVar

import msgspec

from treadle_api.adapters.inbound.http.problems import FieldError, Problem, ProblemType, invalid
from treadle_api.adapters.inbound.http.unique_names import require_unique_names

MAX_NESTING = 100

Decoded = TypeVar("Decoded")

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BOM = b"\xef\xbb\xbf"
_PLACE = re.compile(r"\(byte (\d+)\)")
_NOT_A_NUMBER = re.compile(rb"NaN|Infinity")
_HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_STEPS = bytes(set(range(256)) - set(b"[{]}"))


def fields_of(body: bytes) -> dict[str, msgspec.Raw]:
    """The members of the JSON object that `body` is, each as well-formed UTF-8 text. Raises Problem with the place."""
    fields = decode_text(_FIELDS, body, "must be a JSON object")
    require_unique_names(body)
    return fields


def decode_text(decoder: msgspec.json.Decoder[Decoded], body: bytes, otherwise: str) -> Decoded:
    """What `decoder` reads of a text that is JSON; `otherwise` says what is wrong if it is another thing.

    Raises Problem with the place.
    """
    if body.startswith(_BOM):
        raise invalid(FieldError("", "must not begin with a byte order mark (byte 0)"))
    try:
        body.decode()
        return decoder.decode(body)
    except UnicodeDecodeError as error:
        raise invalid(FieldError("", f"is not UTF-8 (byte {error.start})")) from None
    except msgspec.ValidationError:
        raise invalid(FieldError("", otherwise)) from None
    except msgspec.DecodeError as error:
        raise _not_json(body, str(error)) from None
    except RecursionError:
        raise _too_deep("") from None


def value_of(field: str, raw: msgspec.Raw) -> Any:
    """Raises Problem, also for numbers that no field can hold."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.ValidationError as error:
        raise invalid(FieldError(field, f"{error}".lower())) from None
    except RecursionError:
        raise _too_deep(field) from None


def require_shallow(field: str, text: bytes) -> None:
    """At most MAX_NESTING arrays and objects inside one another, found without recursion. Raises Problem."""
    if text.count(b"[") + text.count(b"{") > MAX_NESTING and _depth(text) > MAX_NESTING:
        raise _too_deep(field)


def _depth(text: bytes) -> int:
    unescaped = text.replace(rb"\\", b"").replace(rb"\"", b"")
    outside_strings = b"".join(unescaped.split(b'"')[::2])
    steps = outside_strings.translate(_STEPS, _NO_STEPS)
    return max(accumulate(memoryview(steps).cast("b")), default=0)


def _too_deep(field: str) -> Problem:
    return invalid(FieldError(field, f"is nested deeper than {MAX_NESTING} levels"))


def _not_json(body: bytes, message: str) -> Problem:
    """Text that some writers take for JSON is named as what it is."""
    found = _PLACE.search(message)
    place = int(found[1]) if found else len(body)
    if _NOT_A_NUMBER.match(body, place):
        return invalid(FieldError("", f"NaN and Infinity are not JSON (byte {place})"))
    if _HALF_PAIR.search(body, max(0, place - 12), place + 1):
        return invalid(
            FieldError("", f"half of a surrogate pair is not a character (byte {place})")
        )
    reason = message.removeprefix("JSON is malformed: ") if found else "the text ends too early"
    return Problem(ProblemType.MALFORMED_JSON, f"Not JSON: {reason}.")
