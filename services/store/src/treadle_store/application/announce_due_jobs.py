"""Jobs with a delay become due."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from treadle_store.application.ports import Announcements, AnnounceTurn, Mark, ReadyQueue

PAGE = 1_000
LONGEST_TRANSACTION = timedelta(seconds=15)
"""Timeouts of the database enforce it: what was not committed by then never will be."""

_LAST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class AnnounceDueJobs:
    """Pushes the ids of delayed jobs to the ready queue as they become due, each a page at a time.

    The mark moves only after Redis answered. A transaction that commits a job behind the mark is caught by looking
    back.
    """

    announcements: Announcements
    ready_queue: ReadyQueue

    async def __call__(self) -> bool:
        """True if more may be due: call again at once."""
        async with self.announcements.turn() as turn:
            if turn is None:
                return False
            end = await self._announce(turn, turn.mark, turn.now)
            if end is not None:
                await turn.move_mark(end)
            return end is not None and end.job_id != _LAST_ID

    async def look_back(self) -> None:
        """Announces again what lies up to LONGEST_TRANSACTION behind the mark."""
        async with self.announcements.turn() as turn:
            if turn is None:
                return
            place: Mark | None = Mark(turn.mark.run_at - LONGEST_TRANSACTION, _LAST_ID)
            while place is not None and place.run_at < turn.mark.run_at:
                place = await self._announce(turn, place, turn.mark.run_at)

    async def _announce(self, turn: AnnounceTurn, after: Mark, until: datetime) -> Mark | None:
        """Up to where all is announced now; None if Redis did not answer."""
        jobs = await turn.due(after, until, PAGE)
        if jobs and not await self.ready_queue.add(jobs):
            return None
        if len(jobs) < PAGE:
            return Mark(until, _LAST_ID)
        return Mark(jobs[-1].run_at, jobs[-1].id)
