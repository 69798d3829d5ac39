"""Changes of jobs as use cases make them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from tests.builders import NOW, a_failure

from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind
from treadle_domain.outcomes import Claim, Outcome, Succeeded
from treadle_domain.states import JobState
from treadle_domain.stored_job import StoredJob
from treadle_store.application.ports import Addition, Change, Hold, JobRepository


def a_change(before: Job, after: Job, **more: object) -> Change:
    return replace(Change(before=before, after=after, now=NOW), **more)  # type: ignore[arg-type]


def a_hold() -> Hold:
    return Hold(claim_id=uuid4(), heartbeat_number=1)


def ended(job: Job, outcome: Outcome, now: datetime = NOW) -> Job:
    assert job.session is not None
    return job.finish(Claim(job.session, job.fence), outcome, now=now, chance=0.5)[1]


async def added(jobs: JobRepository, *new: StoredJob) -> list[StoredJob]:
    """Without keys; as the repository answers."""
    return [each.stored for each in await jobs.add([Addition(new=each) for each in new])]


async def put(jobs: JobRepository, stored: StoredJob, *lives: Callable[[Job], Job]) -> Job:
    """Adds a job and takes it through the changes given."""
    await added(jobs, stored)
    job = stored.job
    for change in lives:
        after = change(job)
        hold = a_hold() if after.fence > job.fence else None
        result = b"1" if after.state is JobState.SUCCESS else None
        assert not await jobs.save([a_change(job, after, hold=hold, result=result)])
        job = after
    return job


def succeeded(job: Job) -> Job:
    return ended(job, Succeeded())


def ended_at(moment: datetime) -> Callable[[Job], Job]:
    return lambda job: ended(job, Succeeded(), now=moment)


def failed(job: Job) -> Job:
    return ended(job, a_failure())


def failed_for_good(job: Job) -> Job:
    return ended(job, a_failure(ErrorKind.PERMANENT))
