"""A worker process comes, stays and goes."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from treadle_domain.worker_session import Heartbeat, Lease, SessionEnd, WorkerSession
from treadle_store.application.ports import JobRepository, SessionRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepSession:
    sessions: SessionRepository
    jobs: JobRepository
    lease: timedelta

    async def open(self, session: WorkerSession) -> timedelta:
        """Returns how long the session lives after each heartbeat. Repeating it changes nothing."""
        await self.sessions.open(session, self.lease)
        return self.lease

    async def heartbeat(self, beat: Heartbeat) -> Lease:
        """Raises SessionNotOpen."""
        expires_at = await self.sessions.extend(beat.session, beat.number, self.lease)
        asked_to_stop = await self.jobs.cancel_requests(beat.session)
        cancelled = tuple(
            (job, fence) for job, fence in asked_to_stop if beat.held.get(job) == fence
        )
        return Lease(expires_at=expires_at, cancelled=cancelled)

    async def close(self, session_id: UUID, end: SessionEnd) -> None:
        """Repeating it changes nothing."""
        await self.sessions.close(session_id, end)
