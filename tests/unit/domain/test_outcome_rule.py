"""Only the latest claim speaks, and it speaks once."""

from uuid import UUID

from hypothesis import assume, given
from hypothesis import strategies as st
from tests.builders import NOW, SECOND
from tests.unit.domain.generated import (
    claim_of,
    claimed,
    fences,
    ids,
    outcomes,
    pending_jobs,
    running_jobs,
)

from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.outcomes import Claim, Failed, Outcome, Ruling
from treadle_domain.states import JobState

LATER = NOW + SECOND
PERMANENT = Failed(error=JobError(kind=ErrorKind.PERMANENT, message="no"))


def report(job: Job, claim: Claim, outcome: Outcome) -> tuple[Ruling, Job]:
    return job.finish(claim, outcome, now=LATER, chance=0.5)


@given(running_jobs, outcomes)
def test_the_holder_is_heard(job: Job, outcome: Outcome) -> None:
    ruling, after = report(job, claim_of(job), outcome)

    assert ruling is Ruling.APPLIED
    assert after.state is not JobState.RUNNING


@given(running_jobs, outcomes, outcomes)
def test_a_repeat_is_recognised_and_changes_nothing(
    job: Job, first: Outcome, second: Outcome
) -> None:
    _, after = report(job, claim_of(job), first)

    assert report(after, claim_of(job), second) == (Ruling.ALREADY_RECORDED, after)


@given(running_jobs, outcomes)
def test_a_repeat_is_recognised_after_a_cancel_or_an_operators_retry(
    job: Job, outcome: Outcome
) -> None:
    _, failed = report(job, claim_of(job), PERMANENT)
    retried = failed.retry(LATER)
    cancelled = retried.cancel(LATER)

    for later in (retried, cancelled, cancelled.retry(LATER)):
        assert report(later, claim_of(job), outcome) == (Ruling.ALREADY_RECORDED, later)


@given(running_jobs, outcomes, outcomes)
def test_a_claim_is_void_once_the_job_is_claimed_again(
    job: Job, first: Outcome, late: Outcome
) -> None:
    _, after = report(job, claim_of(job), first)
    assume(after.state is not JobState.SUCCESS)
    pending = after.retry(LATER) if after.state.is_final else after
    again = claimed(pending)

    assert report(again, claim_of(job), late) == (Ruling.STALE, again)


@given(running_jobs, st.booleans(), outcomes)
def test_an_end_made_by_the_store_voids_the_claim(
    job: Job, cancel_first: bool, late: Outcome
) -> None:
    held = job.cancel(NOW) if cancel_first else job

    for after in (held.lose(LATER), held.release(LATER)):
        assert after.session is None
        assert report(after, claim_of(job), late) == (Ruling.STALE, after)


@given(running_jobs | pending_jobs, ids, fences, outcomes)
def test_another_session_or_fence_is_stale(
    job: Job, session: UUID, fence: int, outcome: Outcome
) -> None:
    assume(session != job.session and fence != job.fence)
    strangers = [Claim(session, job.fence), Claim(session, fence)]
    if job.session is not None:
        strangers.append(Claim(job.session, fence))

    for claim in strangers:
        assert report(job, claim, outcome) == (Ruling.STALE, job)
