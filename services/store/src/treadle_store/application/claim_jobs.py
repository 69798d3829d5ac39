"""A worker asks for the jobs whose ids it popped."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, ClaimRefusal
from treadle_domain.job import Job
from treadle_domain.states import JobState
from treadle_domain.stored_job import StoredJob
from treadle_domain.worker_session import WorkerSession
from treadle_store.application.change_jobs import change_jobs
from treadle_store.application.hand_over import HandOver
from treadle_store.application.ports import (
    Change,
    Clock,
    Hold,
    JobRepository,
    ProgressRepository,
    SessionRepository,
)
from treadle_store.application.run_ports import PlainRuns

MAX_ANSWER_BYTES = 7 * 1024 * 1024
"""Of payloads, checkpoints and metadata in one answer; a message may have 9 MiB."""

Answer = ClaimedRun | ClaimRefusal


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimJobs:
    jobs: JobRepository
    plain_runs: PlainRuns
    sessions: SessionRepository
    progress: ProgressRepository
    clock: Clock
    hand_over: HandOver
    unknown_type_grace: timedelta

    async def __call__(self, batch: ClaimBatch) -> list[Answer]:
        """In the order asked. Raises SessionNotOpen."""
        session = await self.sessions.find(batch.session)
        answers: dict[UUID, Answer] = {**await self.plain_runs.claim(batch, session)}
        rest = [job_id for job_id in batch.job_ids if job_id not in answers]
        if rest:
            await self._decide(batch, rest, answers)
        return [answers[job_id] for job_id in batch.job_ids]

    async def _decide(
        self, batch: ClaimBatch, ids: Collection[UUID], answers: dict[UUID, Answer]
    ) -> None:
        """One by one, by the verbs of the domain, beside what was answered already."""
        decision = _Decision(
            batch=batch,
            session=await self.sessions.find_open(batch.session),
            grace=self.unknown_type_grace,
            now=await self.clock.now(),
            answers=answers,
        )
        load = partial(self._load, decision)
        await change_jobs(load, self.jobs.save, ids, decision.decide)
        await self.hand_over(decision.put_back.values(), decision.now)

    async def _load(self, decision: "_Decision", ids: frozenset[UUID]) -> Mapping[UUID, StoredJob]:
        """The jobs, and what the decision about them asks for."""
        batch = decision.batch
        found = await self.jobs.find_stored(batch.namespace, ids)
        jobs = [stored.job for stored in found.values()]
        if any(job.session == batch.session for job in jobs):
            held = await self.jobs.held_by(batch.session)
            decision.granted = {r.job_id: r.fence for r in held if r.claim_id == batch.claim_id}
        decision.seat(ids, jobs)
        for queue in {job.queue for job in jobs if job.type not in decision.session.handlers}:
            types = await self.sessions.live_types(batch.namespace, queue)
            decision.known_types[queue] = types
        # As long as a job is PENDING nobody records anything of it, and a claim of what has changed meanwhile misses.
        if resumed := [job.id for job in jobs if _ran_before(job)]:
            decision.checkpoints |= await self.progress.checkpoints(resumed)
        return found


def _ran_before(job: Job) -> bool:
    """The claim asked for, or the one to be repeated, is not the first."""
    match job.state:
        case JobState.PENDING:
            return job.fence > 0
        case JobState.RUNNING:
            return job.fence > 1
    return False


@dataclass(slots=True, kw_only=True)
class _Decision:
    """What one call knows, and what it answers per job."""

    batch: ClaimBatch
    session: WorkerSession
    grace: timedelta
    now: datetime
    granted: Mapping[UUID, int] = field(default_factory=dict)
    known_types: dict[str, frozenset[str]] = field(default_factory=dict)
    checkpoints: dict[UUID, bytes] = field(default_factory=dict)
    answers: dict[UUID, Answer]
    seated: dict[UUID, Job] = field(default_factory=dict)
    put_back: dict[UUID, Job] = field(default_factory=dict)
    sizes: dict[UUID, int] = field(default_factory=dict)
    """Of the runs among the answers."""

    def __post_init__(self) -> None:
        for job_id, answer in self.answers.items():
            self._measure(job_id, answer)

    def seat(self, ids: Collection[UUID], jobs: Iterable[Job]) -> None:
        """Of the jobs to decide, those that this claim got already have their seats before any other gets one."""
        for job_id in ids:
            self.seated.pop(job_id, None)
        self.seated |= {job.id: job for job in jobs if self._is_granted(job)}

    def decide(self, job_id: UUID, stored: StoredJob | None) -> Change | None:
        self.put_back.pop(job_id, None)
        self.answers.pop(job_id, None)
        self.sizes.pop(job_id, None)
        if stored is None:
            return self._answer(job_id, ClaimRefusal.GONE)
        if self._is_granted(stored.job):
            return self._answer(job_id, self._run(stored.job, stored))
        if stored.job.state is not JobState.PENDING:
            return self._answer(job_id, ClaimRefusal.GONE)
        return self._decide_pending(stored)

    def _decide_pending(self, stored: StoredJob) -> Change | None:
        job = stored.job
        if job.has_expired(self.now):
            return self._answer(job.id, ClaimRefusal.GONE, self._change(job, job.expire(self.now)))
        if not job.is_due(self.now):
            return self._answer(job.id, ClaimRefusal.NOT_DUE)
        if job.type not in self.session.handlers:
            return self._unknown_type(job)
        wait = self.batch.seats.put_off(job, self.seated.values())
        if wait is not None:
            return self._put_off(job, wait)
        if not self._has_room_for(self._run(job, stored)):
            self.put_back[job.id] = job
            return self._answer(job.id, ClaimRefusal.LEFT_OVER)
        return self._grant(stored)

    def _grant(self, stored: StoredJob) -> Change | None:
        job = stored.job
        after = job.claim(
            session=self.session.id,
            worker=self.session.worker,
            handler=self.session.options_for(job.type),
            now=self.now,
        )
        hold = Hold(claim_id=self.batch.claim_id, heartbeat_number=self.batch.heartbeat_number)
        self.seated[job.id] = after
        change = Change(before=job, after=after, now=self.now, hold=hold)
        return self._answer(job.id, self._run(after, stored), change)

    def _unknown_type(self, job: Job) -> Change | None:
        known = self.known_types[job.queue]
        after = job.put_off_or_refuse(
            known_types=sorted(known),
            handled_elsewhere=job.type in known,
            grace=self.grace,
            now=self.now,
        )
        self.put_back[job.id] = after
        return self._answer(job.id, ClaimRefusal.UNKNOWN_TYPE, self._change(job, after))

    def _put_off(self, job: Job, wait: timedelta) -> Change | None:
        self.put_back[job.id] = after = job.put_off(wait, self.now)
        return self._answer(job.id, ClaimRefusal.PUT_OFF, self._change(job, after))

    def _is_granted(self, job: Job) -> bool:
        return self.granted.get(job.id) == job.fence

    def _run(self, job: Job, stored: StoredJob) -> ClaimedRun:
        return ClaimedRun.of(job, stored.payload, self.checkpoints.get(job.id))

    def _has_room_for(self, new: ClaimedRun) -> bool:
        """The first always has, however large."""
        return not self.sizes or sum(self.sizes.values()) + new.size <= MAX_ANSWER_BYTES

    def _measure(self, job_id: UUID, answer: Answer) -> None:
        if isinstance(answer, ClaimedRun):
            self.sizes[job_id] = answer.size

    def _change(self, before: Job, after: Job) -> Change:
        return Change(before=before, after=after, now=self.now)

    def _answer(self, job_id: UUID, answer: Answer, change: Change | None = None) -> Change | None:
        self.answers[job_id] = answer
        self._measure(job_id, answer)
        return change
