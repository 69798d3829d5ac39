"""Plain claims and successes in memory, made by the domain's verbs: tests/contract compares PostgreSQL's with them."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from tests.fakes.in_memory_store import (
    InMemoryClock,
    InMemoryJobRepository,
    InMemorySessionRepository,
)

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, RunReport
from treadle_domain.outcomes import Claim, Ruling
from treadle_domain.stored_job import StoredJob
from treadle_domain.worker_session import WorkerSession
from treadle_store.application.ports import Change, Hold
from treadle_store.application.run_ports import MAX_PLAIN_BYTES, MAX_PLAIN_METADATA_BYTES


@dataclass
class InMemoryPlainRuns:
    jobs: InMemoryJobRepository
    sessions: InMemorySessionRepository
    clock: InMemoryClock

    async def claim(self, batch: ClaimBatch, session: WorkerSession) -> Mapping[UUID, ClaimedRun]:
        if self.sessions.is_lost(session.id) is not None:
            return {}
        found = self.jobs.stored(batch.namespace, batch.job_ids)
        plain = [stored for stored in found.values() if self._is_plain(stored, batch, session)]
        return {stored.job.id: await self._claim(stored, batch, session) for stored in plain}

    async def succeed(
        self, session: UUID, namespace: str, reports: Collection[RunReport]
    ) -> frozenset[UUID]:
        found = await self.jobs.find(namespace, [report.job_id for report in reports])
        changes = []
        for report in reports:
            job = found.get(report.job_id)
            if job is None or job.cancel_requested_at is not None:
                continue
            claim = Claim(session, report.fence)
            ruling, after = job.finish(claim, report.outcome, now=self.clock.time, chance=0)
            if ruling is Ruling.APPLIED:
                changes.append(
                    Change(before=job, after=after, now=self.clock.time, result=report.result)
                )
        await self.jobs.save(changes)
        return frozenset(change.after.id for change in changes)

    def _is_plain(self, stored: StoredJob, batch: ClaimBatch, session: WorkerSession) -> bool:
        job, seats = stored.job, batch.seats
        return (
            job.has_never_run
            and job.is_due(self.clock.time)
            and not job.has_expired(self.clock.time)
            and job.type in session.handlers
            and job.type not in seats.by_type
            and not seats.is_alone(job)
            and len(stored.payload) <= MAX_PLAIN_BYTES
            and len(json.dumps(dict(job.metadata))) <= MAX_PLAIN_METADATA_BYTES
        )

    async def _claim(
        self, stored: StoredJob, batch: ClaimBatch, session: WorkerSession
    ) -> ClaimedRun:
        after = stored.job.claim(
            session=session.id,
            worker=session.worker,
            handler=session.options_for(stored.job.type),
            now=self.clock.time,
        )
        hold = Hold(claim_id=batch.claim_id, heartbeat_number=batch.heartbeat_number)
        change = Change(before=stored.job, after=after, now=self.clock.time, hold=hold)
        assert not await self.jobs.save([change])
        return ClaimedRun.of(after, stored.payload)
