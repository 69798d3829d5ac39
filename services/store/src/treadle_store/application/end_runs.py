"""Runs that nobody will report on any more: the store ends them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog

from treadle_domain.job import Job
from treadle_domain.outcomes import Claim, Ruling
from treadle_domain.run_policy import Limits
from treadle_domain.trace_context import trace_id_of
from treadle_store.application.change_jobs import change_jobs
from treadle_store.application.hand_over import HandOver
from treadle_store.application.ports import Change, Clock, Happening, JobRepository, Tally, VoidRun

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRuns:
    jobs: JobRepository
    clock: Clock
    hand_over: HandOver
    limits: Limits
    tally: Tally

    async def __call__(self, runs: Sequence[VoidRun]) -> None:
        """A lost run costs its job a loss, any other an interruption. One that has ended meanwhile is left alone."""
        if not runs:
            return
        # Of two runs of one job only the later can still be running.
        by_job = {run.job_id: run for run in sorted(runs, key=lambda run: run.fence)}
        decision = _Decision(runs=by_job, limits=self.limits, now=await self.clock.now())
        await change_jobs(self.jobs.find_anywhere, self.jobs.save, by_job, decision.decide)
        await self._forget([run for run in runs if run.job_id not in decision.ended])
        for job_id, change in decision.ended.items():
            self._tell(by_job[job_id], change.before)
        await self.hand_over([change.after for change in decision.ended.values()], decision.now)

    async def _forget(self, runs: Sequence[VoidRun]) -> None:
        """Else a hold whose job is gone would be found again for ever."""
        if runs:
            await self.jobs.drop_holds(runs)

    def _tell(self, run: VoidRun, job: Job) -> None:
        """`job`: as it was in the run."""
        self.tally.count(Happening.RUN_LOST if run.is_lost else Happening.RUN_RELEASED)
        if run.is_lost:
            _log.warning(
                "run lost",
                job_id=str(job.id),
                type=job.type,
                queue=job.queue,
                attempt=job.attempt,
                fence=run.fence,
                session=str(run.session),
                trace_id=None if job.trace_context is None else trace_id_of(job.trace_context),
            )


@dataclass(slots=True, kw_only=True)
class _Decision:
    runs: dict[UUID, VoidRun]
    limits: Limits
    now: datetime
    ended: dict[UUID, Change] = field(default_factory=dict)

    def decide(self, job_id: UUID, job: Job | None) -> Change | None:
        self.ended.pop(job_id, None)
        run = self.runs[job_id]
        if job is None or job.rule_on(Claim(run.session, run.fence)) is not Ruling.APPLIED:
            return None
        end = job.lose if run.is_lost else job.release
        self.ended[job_id] = change = Change(
            before=job, after=end(self.now, self.limits), now=self.now
        )
        return change
