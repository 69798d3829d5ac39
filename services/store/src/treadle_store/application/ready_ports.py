"""What the repair of the ready queue needs of the world."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

QueueName = tuple[str, str]
"""Namespace and queue."""

Place = tuple[int, UUID]
"""Rank and id: where a job stands in its queue."""

LOWEST: Place = (-(2**62), UUID(int=0))
HIGHEST: Place = (2**62, UUID(int=2**128 - 1))


class ReadyQueueUnavailable(Exception):
    """Redis gave no answer, or refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadySet:
    """A queue's set in Redis: `first` and `last` are the places of its ends, None if it is empty.

    `boundary` is the lowest place that may be in PostgreSQL only, None if there is none. `is_filling`: a top-up began
    and did not end.
    """

    queue: QueueName
    size: int
    first: Place | None
    last: Place | None
    boundary: Place | None
    is_filling: bool


class DueJob(NamedTuple):
    place: Place
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Of a queue: `start` <= place < `end`."""

    queue: QueueName
    start: Place = LOWEST
    end: Place = HIGHEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Refill:
    """`places` in order; `rest` is the first that was left behind, None when there are no more."""

    queue: QueueName
    places: Sequence[Place]
    rest: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """All queues are visited round after round, a page at a time: `after` is the last one visited.

    `seen` counts those of this round so far, `total` those of the round before.
    """

    after: QueueName = ("", "")
    seen: int = 0
    total: int = 0

    def visiting(self, page: Sequence[QueueName], is_last: bool) -> "Rounds":
        seen = self.seen + len(page)
        if is_last:
            return Rounds(total=seen)
        return Rounds(after=page[-1], seen=seen, total=max(seen, self.total))


class ReadyTurn(Protocol):
    """One short transaction in which no other replica repairs."""

    epoch: str
    """What Redis has to remember; empty before the first turn."""
    rounds: Rounds
    now: datetime

    async def queues(self, after: QueueName, limit: int) -> Sequence[QueueName]:
        """Those with live jobs, in order."""
        ...

    async def due(
        self, stretches: Sequence[Stretch], limit: int
    ) -> Mapping[QueueName, Sequence[DueJob]]:
        """PENDING jobs that are due as the call begins, lowest place first, at most `limit` of each stretch."""
        ...

    async def remember(self, epoch: str, rounds: Rounds) -> None: ...


class ReadyTurns(Protocol):
    """Raises DatabaseUnavailable."""

    def turn(self) -> AbstractAsyncContextManager[ReadyTurn | None]:
        """None while another replica has its turn."""
        ...


class ReadyStock(Protocol):
    """The sets in Redis. Every method is one atomic step and may raise ReadyQueueUnavailable."""

    async def advance_epoch(self, epoch: str, next_epoch: str) -> bool:
        """False if Redis remembers another epoch, or none: it is not what it was."""
        ...

    async def forget_all(self) -> None:
        """All boundaries and the epoch."""
        ...

    async def distrust(self, queues: Sequence[QueueName]) -> None:
        """Empties the sets: all jobs of these queues may be in PostgreSQL only."""
        ...

    async def begin_epoch(self, epoch: str) -> None: ...

    async def bounded(self, limit: int) -> Collection[QueueName]:
        """Some of the queues that have a boundary."""
        ...

    async def look(self, queues: Sequence[QueueName], cap: int) -> Sequence[ReadySet]:
        """Sets the cap of every queue and trims these to it."""
        ...

    async def open(self, queues: Sequence[QueueName], token: str) -> None:
        """From now on the queues take ids beyond their boundaries, so that none pushed during a top-up is lost."""
        ...

    async def fill(self, refills: Sequence[Refill], token: str) -> int:
        """Ends what `open` began with this token: adds, and sets each boundary to the lowest that was left behind or
        evicted meanwhile. Returns how many were added.
        """
        ...

    async def restore(
        self, found: Mapping[QueueName, Sequence[DueJob]], now: datetime, patience: timedelta
    ) -> Mapping[QueueName, int]:
        """Adds what is absent and was absent, at the same version, at every call for at least `patience`.

        Returns how many were added.
        """
        ...
