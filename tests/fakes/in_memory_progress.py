"""What runs tell of themselves, in memory, as PostgreSQL keeps it: tests/contract runs one suite on both."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from tests.fakes.in_memory_store import InMemoryClock, InMemoryJobRepository

from treadle_domain.progress import KeptProgress, LogLine, Progress, ProgressReport
from treadle_domain.states import JobState
from treadle_store.application.errors import Unstorable


@dataclass
class InMemoryProgressRepository:
    """`progress` and `states` are kept by job, with the run's fence and the report's number; `lines` by run."""

    jobs: InMemoryJobRepository
    clock: InMemoryClock = field(default_factory=InMemoryClock)
    progress: dict[UUID, tuple[int, int, Progress]] = field(default_factory=dict)
    states: dict[UUID, tuple[int, int, bytes]] = field(default_factory=dict)
    recorded_at: dict[UUID, datetime] = field(default_factory=dict)
    lines: dict[tuple[UUID, int, int], LogLine] = field(default_factory=dict)

    async def record(self, session: UUID, reports: Sequence[ProgressReport]) -> frozenset[UUID]:
        if any(self.jobs.unstorable in (report.checkpoint or b"") for report in reports):
            raise Unstorable("a NUL byte")
        found = await self.jobs.find_anywhere([report.job_id for report in reports])
        running = {(i, j.session, j.fence) for i, j in found.items() if j.state is JobState.RUNNING}
        recorded = [r for r in reports if (r.job_id, session, r.fence) in running]
        for report in recorded:
            self._keep(report)
        return frozenset(r.job_id for r in reports) - {r.job_id for r in recorded}

    async def latest(self, job_ids: Collection[UUID]) -> Mapping[UUID, KeptProgress]:
        return {
            job_id: KeptProgress(
                progress=self.progress[job_id][-1], recorded_at=self.recorded_at[job_id]
            )
            for job_id in job_ids
            if job_id in self.progress
        }

    async def checkpoints(self, job_ids: Collection[UUID]) -> Mapping[UUID, bytes]:
        return {job_id: self.states[job_id][-1] for job_id in job_ids if job_id in self.states}

    def _keep(self, report: ProgressReport) -> None:
        job_id, fence = report.job_id, report.fence
        told_at = fence, report.number
        if report.progress is not None and told_at >= self.progress.get(job_id, told_at)[:2]:
            self.progress[job_id] = (*told_at, report.progress)
            self.recorded_at[job_id] = self.clock.time
        if report.checkpoint is not None and told_at >= self.states.get(job_id, told_at)[:2]:
            self.states[job_id] = (*told_at, report.checkpoint)
        for line in report.log_lines:
            self.lines.setdefault((job_id, fence, line.number), line)
