"""A submit that may be repeated."""

import re
from dataclasses import dataclass

from treadle_domain.errors import InvalidValue

KEY_PATTERN = r"^[\x21-\x7e]{1,255}$"
FINGERPRINT_BYTES = 32

_KEY = re.compile(KEY_PATTERN[1:-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """The key that a client chose for one submit, unique in its namespace, and a digest of all that it asked."""

    key: str
    fingerprint: bytes

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise InvalidValue("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
        if len(self.fingerprint) != FINGERPRINT_BYTES:
            raise InvalidValue("fingerprint", f"must be {FINGERPRINT_BYTES} bytes")
