"""Workers report how runs ended."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from treadle_domain.claimed_run import RunReport
from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.outcomes import Claim, Failed, Outcome, Ruling, Succeeded, Verdict
from treadle_domain.run_policy import Limits
from treadle_domain.states import JobState
from treadle_store.application.change_jobs import change_jobs
from treadle_store.application.errors import Unstorable
from treadle_store.application.hand_over import HandOver
from treadle_store.application.ports import Change, Clock, Happening, JobRepository, Tally
from treadle_store.application.run_ports import PlainRuns

_UNSTORABLE = JobError(
    kind=ErrorKind.UNSTORABLE, message="PostgreSQL refused to store what the run returned"
)

_SUCCESS = Verdict(Ruling.APPLIED, JobState.SUCCESS)
_STALE = Verdict(Ruling.STALE, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishJobs:
    jobs: JobRepository
    plain_runs: PlainRuns
    clock: Clock
    hand_over: HandOver
    limits: Limits
    chance: Callable[[], float]
    tally: Tally

    async def __call__(self, session: UUID, reports: Sequence[RunReport]) -> list[Verdict]:
        """In the order given. A job that is gone is ruled STALE."""
        verdicts: dict[tuple[UUID, int], Verdict] = {}
        for namespace, batch in _batches(reports):
            recorded = await self._succeed(session, namespace, batch.values())
            rest = {i: report for i, report in batch.items() if i not in recorded}
            ruled = await self._decide(session, namespace, rest) if rest else {}
            ruled |= dict.fromkeys(recorded, _SUCCESS)
            verdicts |= {(i, report.fence): ruled[i] for i, report in batch.items()}
        return [verdicts[report.job_id, report.fence] for report in reports]

    async def _succeed(
        self, session: UUID, namespace: str, reports: Iterable[RunReport]
    ) -> frozenset[UUID]:
        successes = [report for report in reports if isinstance(report.outcome, Succeeded)]
        if not successes:
            return frozenset()
        try:
            return await self.plain_runs.succeed(session, namespace, successes)
        except Unstorable:
            return frozenset()

    async def _decide(
        self, session: UUID, namespace: str, reports: dict[UUID, RunReport]
    ) -> dict[UUID, Verdict]:
        """One by one, by the verbs of the domain."""
        decision = _Decision(
            session=session,
            reports=reports,
            now=await self.clock.now(),
            limits=self.limits,
            chance=self.chance,
        )
        load = partial(self.jobs.find, namespace)
        await change_jobs(load, self.jobs.save, reports, decision.decide, decision.refused)
        await self.hand_over(decision.again.values(), decision.now)
        stale = Counter(decision.verdicts.values())[_STALE]
        self.tally.count(Happening.STALE_OUTCOME, stale)
        return decision.verdicts


def _batches(reports: Sequence[RunReport]) -> list[tuple[str, dict[UUID, RunReport]]]:
    """By namespace, and no job twice in one: of two runs of a job the later in order is ruled on after the earlier."""
    batches: defaultdict[tuple[str, int], dict[UUID, RunReport]] = defaultdict(dict)
    for report in reports:
        turn = 0
        while report.job_id in batches[report.namespace, turn]:
            turn += 1
        batches[report.namespace, turn][report.job_id] = report
    return [(namespace, batch) for (namespace, _), batch in batches.items()]


@dataclass(slots=True, kw_only=True)
class _Decision:
    """What one batch knows, and how it is ruled per job."""

    session: UUID
    reports: dict[UUID, RunReport]
    now: datetime
    limits: Limits
    chance: Callable[[], float]
    verdicts: dict[UUID, Verdict] = field(default_factory=dict)
    again: dict[UUID, Job] = field(default_factory=dict)
    unstorable: set[UUID] = field(default_factory=set)

    def decide(self, job_id: UUID, job: Job | None) -> Change | None:
        self.again.pop(job_id, None)
        if job is None:
            self.verdicts[job_id] = _STALE
            return None
        claim = Claim(self.session, self.reports[job_id].fence)
        ruling, after = job.finish(
            claim, self._outcome(job_id), now=self.now, chance=self.chance(), limits=self.limits
        )
        self.verdicts[job_id] = _STALE if ruling is Ruling.STALE else Verdict(ruling, after.state)
        if ruling is not Ruling.APPLIED:
            return None
        self.again[job_id] = after
        result = self.reports[job_id].result if after.state is JobState.SUCCESS else None
        return Change(before=job, after=after, now=self.now, result=result)

    def refused(self, job_id: UUID) -> None:
        self.unstorable.add(job_id)

    def _outcome(self, job_id: UUID) -> Outcome:
        if job_id in self.unstorable:
            return Failed(error=_UNSTORABLE)
        return self.reports[job_id].outcome
