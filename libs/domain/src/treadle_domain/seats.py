"""What a worker has room for beyond its free slots: types that have a limit, runs in a process of their own."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol


class Seated(Protocol):
    """A job, or a run of it."""

    @property
    def type(self) -> str: ...

    @property
    def must_run_alone(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Seats:
    """Of one kind of runs: as many as are `free` may be granted; a job beyond them is put off by `put_off`."""

    free: int
    put_off: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeSeats:
    """A type that is not in `by_type` has no limit; nor have runs `alone` if that is None. Those of the types
    `isolated` always run alone."""

    by_type: Mapping[str, Seats] = field(default_factory=dict)
    alone: Seats | None = None
    isolated: frozenset[str] = frozenset()

    def is_alone(self, job: Seated) -> bool:
        return job.must_run_alone or job.type in self.isolated

    def put_off(self, job: Seated, granted: Collection[Seated]) -> timedelta | None:
        """How long to put a job off that finds no seat beside those `granted`; None if there is one for it."""
        wanted = self._wanted(job, granted)
        return max((seats.put_off for seats, taken in wanted if taken >= seats.free), default=None)

    def _wanted(self, job: Seated, granted: Collection[Seated]) -> Iterator[tuple[Seats, int]]:
        """Each kind of seat that the job needs, with how many of those are taken."""
        if job.type in self.by_type:
            yield self.by_type[job.type], sum(run.type == job.type for run in granted)
        if self.alone is not None and self.is_alone(job):
            yield self.alone, sum(map(self.is_alone, granted))


NO_LIMITS = FreeSeats()
