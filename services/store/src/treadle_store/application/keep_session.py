"""A worker process comes, stays and goes."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from treadle_domain.worker_session import Heartbeat, Lease, SessionEnd, WorkerSession
from treadle_store.application.end_runs import EndRuns
from treadle_store.application.ports import HeldRun, JobRepository, SessionRepository, VoidRun


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepSession:
    sessions: SessionRepository
    jobs: JobRepository
    end_runs: EndRuns
    lease: timedelta

    async def open(self, session: WorkerSession) -> timedelta:
        """Returns how long the session lives after each heartbeat. Repeating it changes nothing."""
        await self.sessions.open(session, self.lease)
        return self.lease

    async def heartbeat(self, beat: Heartbeat) -> Lease:
        """Gives back what the worker does not know that it holds. Raises SessionNotOpen."""
        extension = await self.sessions.extend(beat.session, beat.number, self.lease)
        if extension.is_new:
            held = await self.jobs.held_by(beat.session)
            await self.end_runs([_void(run, beat) for run in held if _is_unknown(run, beat)])
        asked_to_stop = await self.jobs.cancel_requests(beat.session)
        cancelled = tuple(
            (job, fence) for job, fence in asked_to_stop if beat.held.get(job) == fence
        )
        return Lease(expires_at=extension.expires_at, cancelled=cancelled)

    async def close(self, session_id: UUID, end: SessionEnd) -> None:
        """Repeating it changes nothing. What still runs comes back with the next tick of ReclaimLostJobs."""
        await self.sessions.close(session_id, end)


def _is_unknown(run: HeldRun, beat: Heartbeat) -> bool:
    """The answer of its claim was lost. A claim that was sent after this heartbeat was built says nothing yet."""
    return (
        run.heartbeat_number < beat.number
        and beat.held.get(run.job_id) != run.fence
        and run.claim_id not in beat.open_claims
    )


def _void(run: HeldRun, beat: Heartbeat) -> VoidRun:
    return VoidRun(job_id=run.job_id, session=beat.session, fence=run.fence, is_lost=False)
