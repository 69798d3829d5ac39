"""Jobs with a delay become due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from treadle_domain.job import Job
from treadle_store.application.hand_over import HandOver
from treadle_store.application.ports import Announcements, AnnounceTurn, Mark, ReadyQueue

PAGE = 1_000
AHEAD = timedelta(seconds=1.2)
"""Longer than from one look of the store to the next."""
LONGEST_TRANSACTION = timedelta(seconds=15)
"""Timeouts of the database enforce it: what was not committed by then never will be."""

_LAST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class AnnounceDueJobs:
    """Pushes the ids of delayed jobs to the ready queue as they become due, each a page at a time. Those that are due
    AHEAD are handed over, to be pushed to the moment.

    The mark moves only after Redis answered, and never ahead of the time: what was handed over and did not get there is
    announced a second later. A transaction that commits a job behind the mark is caught by looking back.
    """

    announcements: Announcements
    ready_queue: ReadyQueue
    hand_over: HandOver

    async def __call__(self) -> bool:
        """True if more may be due: call again at once."""
        async with self.announcements.turn() as turn:
            if turn is None:
                return False
            end = await self._announce(turn, turn.mark, turn.now)
            if end is None:
                return False
            await turn.move_mark(end)
            if end.job_id != _LAST_ID:
                return True
            soon = await self._soon(turn, end)
        await self.hand_over(soon, turn.now)
        return False

    async def look_back(self) -> None:
        """Announces again what lies up to LONGEST_TRANSACTION behind the mark."""
        async with self.announcements.turn() as turn:
            if turn is None:
                return
            place: Mark | None = Mark(turn.mark.run_at - LONGEST_TRANSACTION, _LAST_ID)
            while place is not None and place.run_at < turn.mark.run_at:
                place = await self._announce(turn, place, turn.mark.run_at)

    async def _soon(self, turn: AnnounceTurn, now: Mark) -> Sequence[Job]:
        """Those that no replica handed over before, up to a page: the rest is announced when it is due."""
        until = Mark(turn.now + AHEAD, _LAST_ID)
        # One beyond was set before the clock went back.
        is_ahead = turn.handed_over and now.run_at < turn.handed_over.run_at <= until.run_at
        after = turn.handed_over if turn.handed_over and is_ahead else now
        jobs = await turn.due(after, until.run_at, PAGE)
        if jobs:
            await turn.move_handed_over(until)
        return jobs

    async def _announce(self, turn: AnnounceTurn, after: Mark, until: datetime) -> Mark | None:
        """Up to where all is announced now; None if Redis did not answer."""
        jobs = await turn.due(after, until, PAGE)
        if jobs and not await self.ready_queue.add(jobs):
            return None
        if len(jobs) < PAGE:
            return Mark(until, _LAST_ID)
        return Mark(jobs[-1].run_at, jobs[-1].id)
