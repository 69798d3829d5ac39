"""What can happen to a job before it starts: it expires, or nobody knows its type, or a claim takes it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import NOW, SECOND, a_job
from tests.unit.domain.generated import claimed, durations, pending_jobs, run_options

from treadle_domain.errors import TransitionRefused
from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind
from treadle_domain.run_policy import UNSAID, RunOptions, RunPolicy
from treadle_domain.states import JobState

GRACE = timedelta(seconds=60)
DAY = timedelta(days=1)


def put_off(job: Job, *, after: timedelta, handled_elsewhere: bool = False) -> Job:
    return job.put_off_or_refuse(
        known_types=["b", "a"], handled_elsewhere=handled_elsewhere, grace=GRACE, now=NOW + after
    )


@given(st.timedeltas(-DAY, DAY), st.timedeltas(-DAY, DAY))
def test_a_job_expires_from_its_time_on_and_not_before(
    expires: timedelta, passed: timedelta
) -> None:
    job = a_job(expires_at=NOW + expires)

    if passed < expires:
        with pytest.raises(TransitionRefused):
            job.expire(NOW + passed)
    else:
        after = job.expire(NOW + passed)
        assert (after.state, after.finished_at) == (JobState.FAILED, NOW + passed)
        assert after.error is not None
        assert after.error.kind is ErrorKind.EXPIRED


def test_an_expired_job_cannot_be_claimed() -> None:
    with pytest.raises(TransitionRefused):
        claimed(a_job(expires_at=NOW))


def test_expiry_counts_until_the_first_start_only() -> None:
    started = claimed(a_job(expires_at=NOW + SECOND))

    given_back = started.release(NOW + DAY)

    assert not given_back.has_expired(NOW + DAY)
    with pytest.raises(TransitionRefused):
        given_back.expire(NOW + DAY)


def test_a_job_without_an_expiry_never_expires() -> None:
    assert not a_job().has_expired(NOW + 10_000 * DAY)


def test_an_operators_retry_lifts_the_expiry() -> None:
    expired = a_job(expires_at=NOW).expire(NOW)

    again = expired.retry(NOW + DAY)

    assert again.expires_at is None
    assert claimed(again).state is JobState.RUNNING


@given(durations(DAY))
def test_a_delayed_job_cannot_start_early(delay: timedelta) -> None:
    job = a_job(delay=delay)

    with pytest.raises(TransitionRefused):
        job.claim(session=job.id, worker="w", handler=UNSAID, now=NOW)


def test_a_job_of_an_unknown_type_waits_longer_and_longer_until_the_grace_has_passed() -> None:
    job, now, waits = a_job(), timedelta(0), []

    while (job := put_off(job, after=now)).state is JobState.PENDING:
        waits.append((job.run_at - NOW - now).total_seconds())
        now = job.run_at - NOW

    assert waits[0] == 0.2
    assert waits == sorted(waits)
    assert max(waits) == 10
    assert GRACE <= now < GRACE + timedelta(seconds=10)
    assert job.error is not None
    assert job.error.kind is ErrorKind.UNKNOWN_TYPE
    assert "'echo'" in job.error.message
    assert "a, b" in job.error.message


@given(pending_jobs, st.timedeltas(timedelta(0), 300 * DAY))
def test_it_waits_for_ever_while_a_live_worker_handles_its_type(
    job: Job, passed: timedelta
) -> None:
    start = max(NOW, job.run_at) - NOW
    once = put_off(job, after=start, handled_elsewhere=True)

    again = put_off(once, after=once.run_at - NOW + passed, handled_elsewhere=True)

    assert again.state is JobState.PENDING
    assert again.unknown_since == once.unknown_since == NOW + start
    assert (again.attempt, again.fence, again.losses) == (job.attempt, job.fence, job.losses)


def test_a_claim_or_a_retry_forgets_that_the_type_was_unknown() -> None:
    waiting = put_off(a_job(), after=timedelta(0))

    assert claimed(waiting).unknown_since is None
    assert waiting.cancel(NOW).retry(NOW).unknown_since is None


@given(run_options(), run_options())
def test_the_requests_word_counts_before_the_handlers_and_that_before_the_defaults(
    request: RunOptions, handler: RunOptions
) -> None:
    held = claimed(a_job(options=request), handler)

    assert held.policy == RunPolicy(
        max_attempts=request.max_attempts or handler.max_attempts or 3,
        timeout=request.timeout or handler.timeout or timedelta(hours=1),
        retry=request.retry or handler.retry or RunPolicy().retry,
    )
    assert held.requested == request


@given(run_options(), run_options())
def test_each_claim_takes_the_handlers_word_anew(first: RunOptions, second: RunOptions) -> None:
    job = a_job()

    again = claimed(claimed(job, first).release(NOW), second)

    assert again.policy == claimed(job, second).policy
