"""The header Idempotency-Key, and what makes two requests the same."""

import hashlib
from collections.abc import Mapping

from starlette.requests import Request

from treadle_domain.errors import InvalidValue
from treadle_domain.idempotency import Idempotency

HEADER = "Idempotency-Key"


def read_idempotency_key(request: Request) -> str | None:
    """None if there is none. Raises InvalidValue."""
    keys = request.headers.getlist(HEADER)
    if len(keys) > 1:
        raise InvalidValue(HEADER, "must be given once")
    return keys[0] if keys else None


def take_no_idempotency_key(request: Request) -> None:
    """One that nobody reads would look as if the request could be repeated. Raises InvalidValue."""
    if HEADER in request.headers:
        raise InvalidValue(
            HEADER, "is for single jobs: give each job of a batch its idempotency_key"
        )


def idempotency_of(key: str, fields: Mapping[str, bytes]) -> Idempotency:
    """Two requests are the same if they have the same fields with the same JSON texts, in any order.

    Raises InvalidValue.
    """
    digest = hashlib.sha256()
    for name, text in sorted(fields.items()):
        said = name.encode()
        digest.update(b"%d:%b%d:" % (len(said), said, len(text)))
        digest.update(text)
    return Idempotency(key=key, fingerprint=digest.digest())
