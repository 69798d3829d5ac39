"""The order in which ready jobs of a queue start."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, Protocol
from uuid import UUID

PRIORITY_HEAD_START = timedelta(hours=1)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_HEAD_START_MS = PRIORITY_HEAD_START // _MILLISECOND


class Ranked(Protocol):
    """What the ready queue knows of a job."""

    @property
    def id(self) -> UUID: ...
    @property
    def namespace(self) -> str: ...
    @property
    def queue(self) -> str: ...
    @property
    def rank(self) -> int: ...


class ReadyJob(NamedTuple):
    """A Ranked one of which nothing else is known."""

    id: UUID
    namespace: str
    queue: str
    rank: int


@lru_cache(maxsize=64)  # the jobs of a batch have few different ones
def rank_of(run_at: datetime, created_at: datetime, priority: int) -> int:
    """Milliseconds since 1970, lower first: one step of priority is worth one hour of waiting, so none starves."""
    since = max(run_at, created_at) - _EPOCH
    # Three times as fast as to divide by a timedelta, and as exact.
    ms = (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000
    return ms - priority * _HEAD_START_MS
