"""One record for each run that did not succeed, and none for anything else."""

from hypothesis import given
from tests.builders import NOW, SECOND, a_job
from tests.unit.domain.generated import (
    claim_of,
    claimed,
    pending_jobs,
    running_jobs,
    unsuccessful_outcomes,
)

from treadle_domain.attempt import Attempt
from treadle_domain.job import Job
from treadle_domain.outcomes import Outcome, Succeeded

LATER = NOW + SECOND


@given(running_jobs, unsuccessful_outcomes)
def test_a_run_that_did_not_succeed_is_recorded_with_its_holder_and_times(
    job: Job, outcome: Outcome
) -> None:
    reported = job.finish(claim_of(job), outcome, now=LATER, chance=0.5)[1]

    for after in (reported, job.lose(LATER), job.release(LATER)):
        record = Attempt.ended_by(job, after, LATER)

        assert record is not None
        assert (record.job_id, record.session, record.worker) == (job.id, job.session, "worker-1")
        assert (record.fence, record.number) == (job.fence, job.attempt)
        assert (record.started_at, record.ended_at) == (job.started_at, LATER)
        assert record.error == after.error


@given(running_jobs)
def test_a_success_is_recorded_only_if_a_cancel_made_it_void(job: Job) -> None:
    _, done = job.finish(claim_of(job), Succeeded(), now=LATER, chance=0.5)
    asked = job.cancel(NOW)
    _, dropped = asked.finish(claim_of(job), Succeeded(), now=LATER, chance=0.5)

    assert Attempt.ended_by(job, done, LATER) is None
    assert Attempt.ended_by(asked, dropped, LATER) is not None


@given(pending_jobs)
def test_a_change_that_ends_no_run_is_not_recorded(job: Job) -> None:
    cancelled = job.cancel(LATER)
    running = claimed(job)
    changes = [(job, cancelled), (cancelled, cancelled.retry(LATER)), (job, running)]

    for before, after in [*changes, (running, running.cancel(LATER))]:
        assert Attempt.ended_by(before, after, LATER) is None


def test_the_record_of_a_job_that_never_ran_does_not_exist() -> None:
    expired = a_job(expires_at=NOW)

    assert Attempt.ended_by(expired, expired.expire(NOW), NOW) is None
