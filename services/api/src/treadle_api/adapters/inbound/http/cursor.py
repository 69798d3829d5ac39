"""Where a page of a list begins: an opaque text, good only with the filters that it was made for."""

import binascii
from base64 import b64decode, urlsafe_b64encode
from hashlib import blake2b
from uuid import UUID

import msgspec

from treadle_domain.errors import InvalidValue
from treadle_domain.stored_job import JobQuery, Position
from treadle_wire.scalars import from_us, to_us

_TIME_BYTES = 8
_ID_BYTES = 16
_SEAL_BYTES = 9  # 33 bytes in all: base64 without padding
_LENGTH = 44


def write_cursor(query: JobQuery, place: Position) -> str:
    """`query` without its limit and its own beginning: the size of a page may change on the way."""
    where = to_us(place.created_at).to_bytes(_TIME_BYTES, "big", signed=True) + place.job_id.bytes
    return urlsafe_b64encode(where + _seal(query, where)).decode()


def read_cursor(query: JobQuery, cursor: str) -> Position:
    """Raises InvalidValue for a text that `write_cursor` did not make for these filters."""
    try:
        text = cursor.encode("ascii") if len(cursor) == _LENGTH else b""
        sealed = b64decode(text, altchars=b"-_", validate=True)
        where = sealed[: _TIME_BYTES + _ID_BYTES]
        moment = from_us(int.from_bytes(where[:_TIME_BYTES], "big", signed=True))
        place = Position(created_at=moment, job_id=UUID(bytes=where[_TIME_BYTES:]))
        if write_cursor(query, place) == cursor:
            return place
    except (InvalidValue, ValueError, binascii.Error):
        pass
    raise InvalidValue("cursor", "is not one of a page of this list with these filters")


def _seal(query: JobQuery, where: bytes) -> bytes:
    """Against mistakes, not against forgers: a place in a list tells nothing that the filters do not."""
    filters = [
        query.namespace,
        sorted(query.states),
        query.queue,
        query.type,
        sorted(query.metadata.items()),
    ]
    return blake2b(msgspec.json.encode(filters) + where, digest_size=_SEAL_BYTES).digest()
