"""How often a job may fail, be lost, be interrupted, and be snoozed: each bounded for itself."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import NOW, SECOND, a_failure, a_job, running
from tests.unit.domain.generated import claim_of, claimed, run_options

from treadle_domain.attempt import Attempt
from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind
from treadle_domain.outcomes import REPORTABLE, Lost, Outcome, Released, Snoozed
from treadle_domain.run_policy import DEFAULT_LIMITS, Limits, RunOptions
from treadle_domain.states import JobState

RETRIED = [kind for kind in sorted(REPORTABLE) if not kind.is_final]


def ended(job: Job, outcome: Outcome) -> Job:
    return job.finish(claim_of(job), outcome, now=NOW, chance=0.5)[1]


def runs_until_final(job: Job, end: Callable[[Job], Job]) -> tuple[int, Job]:
    runs = 0
    while not job.state.is_final:
        runs += 1
        job = end(claimed(job))
    return runs, job


@given(st.integers(1, 50), st.sampled_from(RETRIED))
def test_a_job_that_fails_runs_max_attempts_times(most: int, kind: ErrorKind) -> None:
    job = a_job(options=RunOptions(max_attempts=most))

    runs, after = runs_until_final(job, lambda held: ended(held, a_failure(kind)))

    assert (runs, after.state, after.attempt) == (most, JobState.FAILED, most)
    assert after.error == a_failure(kind).error


@pytest.mark.parametrize("kind", [ErrorKind.PERMANENT, ErrorKind.UNSTORABLE])
def test_what_no_retry_can_mend_ends_at_once(kind: ErrorKind) -> None:
    after = ended(running(a_job()), a_failure(kind))

    assert (after.state, after.attempt) == (JobState.FAILED, 1)


@pytest.mark.parametrize(
    ("end", "most", "kind"),
    [
        (lambda held: held.lose(NOW), DEFAULT_LIMITS.max_losses, ErrorKind.LOST),
        (lambda held: ended(held, Lost()), DEFAULT_LIMITS.max_losses, ErrorKind.LOST),
        (
            lambda held: held.release(NOW),
            DEFAULT_LIMITS.max_interruptions,
            ErrorKind.INTERRUPTED,
        ),
        (
            lambda held: ended(held, Released()),
            DEFAULT_LIMITS.max_interruptions,
            ErrorKind.INTERRUPTED,
        ),
        (
            lambda held: ended(held, Snoozed(delay=SECOND)),
            DEFAULT_LIMITS.max_snoozes,
            ErrorKind.SNOOZED,
        ),
    ],
    ids=["lost", "died alone", "released by the store", "released", "snoozed"],
)
def test_an_uncharged_end_is_bounded_by_its_own_limit(
    end: Callable[[Job], Job], most: int, kind: ErrorKind
) -> None:
    runs, after = runs_until_final(a_job(options=RunOptions(max_attempts=1)), end)

    assert (runs, after.state, after.attempt) == (most, JobState.FAILED, 0)
    assert after.error is not None
    assert after.error.kind is kind


def test_a_run_that_never_started_leaves_the_job_as_it_was_but_for_the_fence() -> None:
    failed_once = ended(running(a_job()), a_failure())
    claimed_again = running(failed_once)

    after = ended(claimed_again, Released(unstarted=True))

    assert after == replace(
        failed_once,
        fence=2,
        fence_base=1,
        version=claimed_again.version + 1,
        session=claimed_again.session,
        started_at=claimed_again.started_at,
    )
    assert Attempt.ended_by(claimed_again, after, NOW) is None


def test_the_limits_are_those_that_are_documented() -> None:
    assert Limits() == Limits(max_losses=3, max_interruptions=25, max_snoozes=1_000)
    assert a_job().policy.max_attempts == 3
    assert a_job().policy.timeout == 3_600 * SECOND


@given(st.integers(1, 20), st.integers(1, 20))
def test_a_handler_that_allows_fewer_attempts_than_were_used_gets_one_more(
    before: int, now: int
) -> None:
    job = a_job()
    for _ in range(before - 1):
        held = claimed(job, RunOptions(max_attempts=before))
        job = ended(held, a_failure())

    last = claimed(job, RunOptions(max_attempts=now))

    assert last.attempt == before
    assert last.policy.max_attempts == max(before, now)
    assert ended(last, a_failure()).state is (JobState.PENDING if now > before else JobState.FAILED)


@given(st.lists(run_options(most_attempts=5), min_size=1, max_size=8))
def test_handlers_that_change_their_mind_between_claims_pass_no_limit(
    handlers: list[RunOptions],
) -> None:
    job = a_job(options=RunOptions(max_attempts=4))
    for handler in handlers:
        if job.state is JobState.PENDING:
            held = claimed(job, handler)
            assert held.policy.max_attempts == 4
            job = ended(held, a_failure())

    assert job.attempt == min(4, len(handlers))


def test_an_operators_retry_starts_all_counters_anew() -> None:
    _, failed = runs_until_final(a_job(), lambda held: ended(held, a_failure()))

    runs, after = runs_until_final(failed.retry(NOW), lambda held: ended(held, a_failure()))

    assert runs == 3
    assert (after.fence_base, after.fence, after.attempt) == (3, 6, 3)


@pytest.mark.parametrize(
    ("ends", "alone"),
    [
        ([], False),
        ([Released(alone=True)], True),
        ([Released(alone=True), a_failure()], True),
        ([a_failure()], False),
        ([replace(a_failure(), alone=True)], True),
        ([Lost()], False),
        ([Lost()] * 2, True),
        ([Released()] * 4, False),
        ([Released()] * 5, True),
    ],
)
def test_a_job_that_may_have_killed_its_process_gets_one_of_its_own(
    ends: list[Outcome], alone: bool
) -> None:
    job = a_job()
    for outcome in ends:
        job = ended(claimed(job), outcome)

    assert job.must_run_alone is alone
    assert not job.cancel(NOW).retry(NOW).must_run_alone
