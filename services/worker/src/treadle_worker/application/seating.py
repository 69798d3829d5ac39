"""What may be claimed beside the free slots, and how long the store puts off what finds no seat here."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from treadle_domain.claimed_run import ClaimedRun, ClaimRefusal
from treadle_domain.seats import FreeSeats, Seats
from treadle_worker.application.ports import Executors

_SHORTEST_SECONDS = 0.05
_LONGEST_SECONDS = 1.0
_LARGEST_GAP_SECONDS = 0.05
_FURTHEST_SECONDS = 30.0
_ALONE = ""
"""Stands among the kinds of seats for the own processes; no job type is empty."""


@dataclass(slots=True, kw_only=True)
class _Kind:
    """`granted_at`: the last time that one of its seats was taken; `booked_to`: what was put off comes back until
    then."""

    granted_at: float
    booked_to: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seating:
    """A job that is put off comes back after half the time for which this worker's seats of its kind have been taken,
    a second at most: soon where runs are short, seldom where they are long. Many of them come back one after the other,
    so that a long row of them costs a bounded rate, keeps nothing behind it waiting, and always has one that an idle
    worker can take.
    """

    executors: Executors
    clock: Callable[[], float]
    _kinds: dict[str, _Kind] = field(default_factory=dict, init=False)

    def free(self, running: Collection[ClaimedRun]) -> FreeSeats:
        """Counted from what runs, so that none can leak."""
        limits = self.executors.limits
        unlimited = FreeSeats(isolated=limits.isolated)
        alone = sum(map(unlimited.is_alone, running))
        return FreeSeats(
            by_type={
                name: self._seats(name, most, sum(run.type == name for run in running))
                for name, most in limits.by_type.items()
            },
            alone=self._seats(_ALONE, limits.alone, alone),
            isolated=limits.isolated,
        )

    def answered(self, seats: FreeSeats, answers: Sequence[ClaimedRun | ClaimRefusal]) -> None:
        """To a claim with these seats. Those put off do not tell their kind: they count for each that is full."""
        runs = [answer for answer in answers if isinstance(answer, ClaimedRun)]
        put_off = sum(answer is ClaimRefusal.PUT_OFF for answer in answers)
        for name, free in seats.by_type.items():
            taken = sum(run.type == name for run in runs)
            self._took(name, self.executors.limits.by_type[name], free, taken, put_off)
        if seats.alone is not None:
            taken = sum(map(seats.is_alone, runs))
            self._took(_ALONE, self.executors.limits.alone, seats.alone, taken, put_off)

    def divide(
        self, seats: FreeSeats, runs: Sequence[ClaimedRun]
    ) -> tuple[Sequence[ClaimedRun], Sequence[ClaimedRun]]:
        """Those that have a seat, and those that have none: a store that knows of no seats, or one asked twice, may
        grant these."""
        seated, beyond = list[ClaimedRun](), list[ClaimedRun]()
        for run in runs:
            (seated if seats.put_off(run, seated) is None else beyond).append(run)
        return seated, beyond

    def _seats(self, name: str, most: int, taken: int) -> Seats:
        now = self.clock()
        kind = self._kinds.setdefault(name, _Kind(granted_at=now))
        back_at = max(now + self._wait(kind, now), kind.booked_to)
        put_off = min(back_at - now, _FURTHEST_SECONDS)
        return Seats(free=max(0, most - taken), put_off=timedelta(seconds=put_off))

    def _took(self, name: str, most: int, seats: Seats, taken: int, put_off: int) -> None:
        now, kind = self.clock(), self._kinds[name]
        if put_off and taken >= seats.free:
            gap = min(_LARGEST_GAP_SECONDS, self._wait(kind, now) / (2 * most))
            kind.booked_to = now + seats.put_off.total_seconds() + put_off * gap
        if taken:
            kind.granted_at = now

    def _wait(self, kind: _Kind, now: float) -> float:
        return min(_LONGEST_SECONDS, max(_SHORTEST_SECONDS, (now - kind.granted_at) / 2))
