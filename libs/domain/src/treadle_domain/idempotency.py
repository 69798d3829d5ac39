"""A submit that may be repeated."""

from dataclasses import dataclass

from treadle_domain.bounds import require_key
from treadle_domain.errors import InvalidValue

FINGERPRINT_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """The key that a client chose for one submit, unique in its namespace, and a digest of all that it asked."""

    key: str
    fingerprint: bytes

    def __post_init__(self) -> None:
        require_key("Idempotency-Key", self.key)
        if len(self.fingerprint) != FINGERPRINT_BYTES:
            raise InvalidValue("fingerprint", f"must be {FINGERPRINT_BYTES} bytes")
