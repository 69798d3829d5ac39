"""The bounds of every value that a client may choose, each checked in one place."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from treadle_domain.errors import InvalidValue

NAME_PATTERN = r"^[A-Za-z0-9._:-]{1,128}$"
KEY_PATTERN = r"^[\x21-\x7e]{1,255}$"
"""Of idempotency and unique keys: visible ASCII."""
MAX_PRIORITY = 9
MAX_ATTEMPTS = 1_000
MAX_TIMEOUT = timedelta(days=7)
MAX_DELAY = timedelta(days=3_650)
MAX_METADATA_PAIRS = 16
MAX_METADATA_VALUE_CHARS = 512

_LONGEST_NAME = 128
_NAME = re.compile(NAME_PATTERN[1:-1])
_KEY = re.compile(KEY_PATTERN[1:-1])
_FIRST_INSTANT = datetime.min.replace(tzinfo=UTC)
_LAST_INSTANT = datetime.max.replace(tzinfo=UTC)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def require_name(field: str, value: str) -> None:
    """Names become Redis keys and metric labels; `/` is left out so that they can be joined by it."""
    if len(value) > _LONGEST_NAME or not _is_name(value):
        raise InvalidValue(field, "must be 1 to 128 characters out of A-Z a-z 0-9 . _ : -")


@lru_cache(maxsize=1_024)
def _is_name(value: str) -> bool:
    """Few names are used again and again."""
    return _NAME.fullmatch(value) is not None


def require_key(field: str, value: str) -> None:
    if not _KEY.fullmatch(value):
        raise InvalidValue(field, "must be 1 to 255 visible ASCII characters")


def require_range(field: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InvalidValue(field, f"must be between {low} and {high}")


def require_duration(field: str, value: timedelta, high: timedelta) -> None:
    """Above zero, up to and with `high`."""
    if not timedelta(0) < value <= high:
        raise InvalidValue(field, f"must be above 0 and at most {high.total_seconds():.0f} seconds")


def require_instant(field: str, value: datetime) -> None:
    """A time with a zone that lies, in UTC, in the years 1 to 9999."""
    if value.utcoffset() is None:
        raise InvalidValue(field, "must have a time zone")
    if not _FIRST_INSTANT <= value <= _LAST_INSTANT:
        raise InvalidValue(field, "must lie in the years 1 to 9999, in UTC")


def require_metadata(value: Mapping[str, str]) -> None:
    if len(value) > MAX_METADATA_PAIRS:
        raise InvalidValue("metadata", f"must have at most {MAX_METADATA_PAIRS} entries")
    for key, text in value.items():
        require_name(f"metadata.{printable(key)[:128]}", key)
        if len(text) > MAX_METADATA_VALUE_CHARS or _UNSTORABLE.search(text):
            reason = f"must be at most {MAX_METADATA_VALUE_CHARS} characters of Unicode text"
            raise InvalidValue(f"metadata.{key}", reason)


def printable(text: str) -> str:
    """`text` with what UTF-8 and PostgreSQL cannot hold (NUL, lone surrogates) replaced by U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def cut(text: str, most_bytes: int) -> str:
    """The beginning of `text`, made `printable`, that UTF-8 holds in `most_bytes`."""
    return printable(text).encode()[:most_bytes].decode(errors="ignore")
