"""The word that running jobs were cancelled, so that their workers need not wait for a heartbeat.

One message holds a line `<job id> <fence>` for each run. The answers to heartbeats repeat it until the run has ended.
"""

from collections.abc import Iterable, Iterator
from uuid import UUID

from redis.asyncio import Redis

from treadle_wire.channel import SILENCE_SECONDS, Channel

Run = tuple[UUID, int]
"""Job id and fence."""


class CancelChannel(Channel[Run]):
    def __init__(self, redis: Redis, prefix: str, silence_seconds: float = SILENCE_SECONDS) -> None:
        super().__init__(redis, f"{{{prefix}}}/cancelled", _write, _read, silence_seconds)


def _write(runs: Iterable[Run]) -> bytes:
    return "\n".join(f"{job_id} {fence}" for job_id, fence in runs).encode()


def _read(message: bytes) -> tuple[Run, ...]:
    return tuple(_runs(message))


def _runs(message: bytes) -> Iterator[Run]:
    """What is no line of ours says nothing."""
    for line in message.splitlines():
        job_id, _, fence = line.decode(errors="replace").partition(" ")
        try:
            yield UUID(job_id), int(fence)
        except ValueError:
            continue
