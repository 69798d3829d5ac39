"""A cancel that was answered with yes always ends CANCELLED."""

import pytest
from hypothesis import given
from tests.builders import NOW, SECOND, a_job
from tests.unit.domain.generated import claim_of, claimed, outcomes, pending_jobs, running_jobs

from treadle_domain.errors import TransitionRefused
from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind
from treadle_domain.outcomes import Outcome, Ruling, Succeeded
from treadle_domain.states import JobState

LATER = NOW + SECOND


@given(pending_jobs)
def test_a_waiting_job_is_cancelled_at_once(job: Job) -> None:
    after = job.cancel(LATER)

    assert (after.state, after.finished_at) == (JobState.CANCELLED, LATER)
    assert after.error is not None
    assert after.error.kind is ErrorKind.CANCELLED


@given(running_jobs)
def test_a_running_job_is_marked_and_goes_on(job: Job) -> None:
    after = job.cancel(LATER)

    assert (after.state, after.cancel_requested_at) == (JobState.RUNNING, LATER)
    assert after.rule_on(claim_of(job)) is Ruling.APPLIED


@given(running_jobs, outcomes)
def test_every_end_after_a_cancel_is_cancelled(job: Job, outcome: Outcome) -> None:
    asked = job.cancel(NOW)

    reported = asked.finish(claim_of(job), outcome, now=LATER, chance=0.5)[1]

    for after in (reported, asked.lose(LATER), asked.release(LATER)):
        assert (after.state, after.finished_at) == (JobState.CANCELLED, LATER)
        assert after.error is not None
        assert after.error.kind is ErrorKind.CANCELLED


def test_the_message_says_that_the_code_had_finished_and_its_result_is_gone() -> None:
    asked = claimed(a_job()).cancel(NOW)

    _, after = asked.finish(claim_of(asked), Succeeded(), now=LATER, chance=0.5)

    assert after.error is not None
    assert "had finished" in after.error.message
    assert "dropped" in after.error.message


@given(pending_jobs | running_jobs)
def test_cancelling_again_changes_nothing(job: Job) -> None:
    once = job.cancel(NOW)

    assert once.cancel(LATER) is once


def test_a_cancel_of_a_job_that_ended_otherwise_is_refused() -> None:
    running = claimed(a_job())
    _, done = running.finish(claim_of(running), Succeeded(), now=NOW, chance=0.5)

    with pytest.raises(TransitionRefused):
        done.cancel(LATER)


@given(running_jobs, outcomes)
def test_a_retry_of_a_cancelled_job_forgets_the_cancel(job: Job, outcome: Outcome) -> None:
    asked = job.cancel(NOW)
    _, cancelled = asked.finish(claim_of(job), outcome, now=NOW, chance=0.5)

    again = claimed(cancelled.retry(LATER))
    _, after = again.finish(claim_of(again), Succeeded(), now=LATER, chance=0.5)

    assert again.cancel_requested_at is None
    assert after.state is JobState.SUCCESS
