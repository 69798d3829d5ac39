"""Where a page of a list begins: an opaque text, good only for the list that it was made for."""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, fields
from uuid import UUID

import msgspec

from treadle_domain.errors import InvalidValue
from treadle_domain.queue_depth import QueueQuery
from treadle_domain.stored_job import JobQuery, Position
from treadle_wire.scalars import from_us, to_us

_TIME_BYTES = 8
_SEAL_BYTES = 15
_LONGEST = 512
_NOT_SEALED = ("limit", "after")
"""The size of a page may change on the way."""


@dataclass(frozen=True, slots=True)
class Cursors:
    """Sealed with a key that all replicas of the API share. What reads raises InvalidValue for a text that was not
    written with this key for this namespace and these filters."""

    key: bytes

    def write(self, query: JobQuery, place: Position) -> str:
        moment = to_us(place.created_at).to_bytes(_TIME_BYTES, "big", signed=True)
        return self._write(query, moment + place.job_id.bytes)

    def read(self, query: JobQuery, cursor: str) -> Position:
        place = self._read(query, cursor)
        moment = from_us(int.from_bytes(place[:_TIME_BYTES], "big", signed=True))
        return Position(created_at=moment, job_id=UUID(bytes=place[_TIME_BYTES:]))

    def write_queue(self, query: QueueQuery, queue: str) -> str:
        return self._write(query, queue.encode())

    def read_queue(self, query: QueueQuery, cursor: str) -> str:
        return self._read(query, cursor).decode()

    def _write(self, query: JobQuery | QueueQuery, place: bytes) -> str:
        sealed = self._seal(query, place) + place
        return urlsafe_b64encode(sealed).decode().rstrip("=")

    def _read(self, query: JobQuery | QueueQuery, cursor: str) -> bytes:
        try:
            text = cursor.encode("ascii") if len(cursor) <= _LONGEST else b""
            sealed = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        except (ValueError, binascii.Error):
            sealed = b""
        place = sealed[_SEAL_BYTES:]
        # Written again, since several texts may say the same bytes.
        if not hmac.compare_digest(self._write(query, place).encode(), cursor.encode()):
            raise InvalidValue("cursor", "is not one of a page of this list with these filters")
        return place

    def _seal(self, query: JobQuery | QueueQuery, place: bytes) -> bytes:
        """Of what the filters say: one that a newer release knows changes no cursor of a list without it."""
        unsaid = type(query)(namespace="")
        said = {
            field.name: value
            for field in fields(query)
            if field.name not in _NOT_SEALED
            and (value := getattr(query, field.name)) != getattr(unsaid, field.name)
        }
        filters = msgspec.json.encode([type(query).__name__, said], order="deterministic")
        return hmac.digest(self.key, filters + place, "sha256")[:_SEAL_BYTES]
