"""The store over memory, looked at from outside."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from tests.fakes.store_over_memory import StoreOverMemory
from tests.model.job_rules import Hold, ModelJob, Told
from tests.model.stage import Seen
from tests.model.world import LEASE, ModelSession

from treadle_domain.job import Job


@dataclass
class MemoryScene:
    runner: asyncio.Runner
    store: StoreOverMemory = field(default_factory=lambda: StoreOverMemory(lease=LEASE))

    def advance(self, by: timedelta) -> None:
        self.store.clock.advance(by)

    def look(self) -> Seen:
        jobs = {job.id: job for job in self.store.jobs.all()}
        held = self._holds()
        failed = self.runner.run(self._failed_runs([*jobs]))
        strays = [
            f"held but not running: {job_id}"
            for job_id, hold in held.items()
            if (jobs[job_id].state, jobs[job_id].session, jobs[job_id].fence)
            != ("RUNNING", hold.session, hold.fence)
        ]
        return Seen(
            jobs={i: _job(job, held.get(i), failed[i], self._told(i)) for i, job in jobs.items()},
            sessions=self._sessions(),
            up=self.store.clock.up,
            ticked_at=self.store.clock.time,
            strays=tuple(strays),
        )

    def _holds(self) -> Mapping[UUID, Hold]:
        return {
            run.job_id: Hold(
                session=session,
                fence=run.fence,
                claim_id=run.claim_id,
                beat=run.heartbeat_number,
            )
            for (session, _), run in self.store.jobs.held.items()
        }

    def _sessions(self) -> Mapping[UUID, ModelSession]:
        return {
            session_id: ModelSession(
                types=frozenset(stay.session.handlers),
                expires_at=stay.expires_at,
                expires_up=stay.expires_up,
                beat=stay.heartbeat_number,
                end=None if stay.closed is None else stay.closed[1].value,
            )
            for session_id, stay in self.store.sessions.stays.items()
        }

    def _told(self, job_id: UUID) -> Told:
        kept = self.store.progress
        said = kept.progress.get(job_id)
        return Told(
            progress=said and (*said[:2], said[2].fraction),
            checkpoint=kept.states.get(job_id),
            lines=frozenset(
                (fence, number, line.message)
                for (of_job, fence, number), line in kept.lines.items()
                if of_job == job_id
            ),
        )

    async def _failed_runs(self, ids: list[UUID]) -> Mapping[UUID, tuple[int, ...]]:
        return {i: tuple([a.fence for a in await self.store.jobs.attempts(i)]) for i in ids}


def _job(job: Job, hold: Hold | None, failed_runs: tuple[int, ...], told: Told) -> ModelJob:
    assert job.requested.max_attempts is not None
    return ModelJob(
        type=job.type,
        created_at=job.created_at,
        run_at=job.run_at,
        expires_at=job.expires_at,
        max_attempts=job.requested.max_attempts,
        state=job.state.value,
        error=None if job.error is None else job.error.kind.value,
        fence_base=job.fence_base,
        fence=job.fence,
        attempt=job.attempt,
        losses=job.losses,
        interruptions=job.interruptions,
        snoozes=job.snoozes,
        last_holder=job.session,
        hold=hold,
        is_cancelled=job.cancel_requested_at is not None,
        unknown_since=job.unknown_since,
        failed_runs=failed_runs,
        told=told,
    )
