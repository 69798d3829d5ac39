"""Where a page of a list begins: an opaque text, good only for the list that it was made for."""

import binascii
import hmac
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass, fields
from uuid import UUID

import msgspec

from treadle_domain.errors import InvalidValue
from treadle_domain.stored_job import JobQuery, Position
from treadle_wire.scalars import from_us, to_us

_TIME_BYTES = 8
_ID_BYTES = 16
_SEAL_BYTES = 15  # 39 bytes in all: base64 without padding
_LENGTH = 52
_NOT_SEALED = ("limit", "after")
"""The size of a page may change on the way."""


@dataclass(frozen=True, slots=True)
class Cursors:
    """Sealed with a key that all replicas of the API share."""

    key: bytes

    def write(self, query: JobQuery, place: Position) -> str:
        moment = to_us(place.created_at).to_bytes(_TIME_BYTES, "big", signed=True)
        where = moment + place.job_id.bytes
        return urlsafe_b64encode(where + self._seal(query, where)).decode()

    def read(self, query: JobQuery, cursor: str) -> Position:
        """Raises InvalidValue for a text that was not written with this key for this namespace and these filters."""
        try:
            text = cursor.encode("ascii") if len(cursor) == _LENGTH else b""
            sealed = b64decode(text, altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            sealed = b""
        where, seal = sealed[:-_SEAL_BYTES], sealed[-_SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._seal(query, where)):
            raise InvalidValue("cursor", "is not one of a page of this list with these filters")
        moment = from_us(int.from_bytes(where[:_TIME_BYTES], "big", signed=True))
        return Position(created_at=moment, job_id=UUID(bytes=where[_TIME_BYTES:]))

    def _seal(self, query: JobQuery, where: bytes) -> bytes:
        """Of what the filters say: one that a newer release knows changes no cursor of a list without it."""
        unsaid = JobQuery(namespace="")
        said = {
            field.name: value
            for field in fields(query)
            if field.name not in _NOT_SEALED
            and (value := getattr(query, field.name)) != getattr(unsaid, field.name)
        }
        filters = msgspec.json.encode(said, order="deterministic")
        return hmac.digest(self.key, where + filters, "sha256")[:_SEAL_BYTES]
