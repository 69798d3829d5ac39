"""The word that jobs have ended, for those who wait for them. One message holds many ids, 16 bytes each."""

from collections.abc import Iterable
from uuid import UUID

from redis.asyncio import Redis

from treadle_wire.channel import SILENCE_SECONDS, Channel

_ID_BYTES = 16


class EndedChannel(Channel[UUID]):
    def __init__(self, redis: Redis, prefix: str, silence_seconds: float = SILENCE_SECONDS) -> None:
        super().__init__(redis, f"{{{prefix}}}/ended", _write, _read, silence_seconds)


def _write(job_ids: Iterable[UUID]) -> bytes:
    return b"".join(job_id.bytes for job_id in job_ids)


def _read(message: bytes) -> tuple[UUID, ...]:
    """A rest that is too short for an id says nothing."""
    ends = range(_ID_BYTES, len(message) + 1, _ID_BYTES)
    return tuple(UUID(bytes=message[end - _ID_BYTES : end]) for end in ends)
