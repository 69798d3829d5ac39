"""How long a job waited for its latest run."""

from datetime import timedelta

import pytest
from tests.builders import NOW, SECOND, a_failure, a_job, running
from tests.contract.changes import ended

from treadle_domain.job import Job
from treadle_domain.outcomes import Lost, Outcome, Released, Snoozed


def again(job: Job, outcome: Outcome, *, after: timedelta) -> Job:
    """Its run ended so, and the next one was claimed that long after it was due."""
    back = ended(running(job), outcome)
    return running(back, now=back.run_at + after)


def test_the_wait_begins_when_the_job_is_due() -> None:
    assert a_job().waited is None
    assert running(a_job(), now=NOW + 3 * SECOND).waited == 3 * SECOND
    assert running(a_job(delay=60 * SECOND), now=NOW + 63 * SECOND).waited == 3 * SECOND
    assert running(a_job(run_at=NOW - 60 * SECOND), now=NOW + 3 * SECOND).waited == 3 * SECOND


@pytest.mark.parametrize("outcome", [a_failure(), Snoozed(delay=60 * SECOND)])
def test_of_a_later_run_it_begins_when_that_is_due(outcome: Outcome) -> None:
    assert again(a_job(), outcome, after=3 * SECOND).waited == 3 * SECOND


@pytest.mark.parametrize("outcome", [Released(), Lost()])
def test_since_when_a_job_waits_that_came_back_unfinished_nobody_knows(outcome: Outcome) -> None:
    assert again(a_job(), outcome, after=3 * SECOND).waited is None


def test_a_run_whose_code_was_never_called_has_not_ended_the_wait() -> None:
    assert again(a_job(), Released(unstarted=True), after=3 * SECOND).waited == 3 * SECOND


def test_a_clock_that_was_set_back_makes_no_negative_wait() -> None:
    job = a_job(now=NOW + 5 * SECOND, run_at=NOW)

    assert running(job, now=NOW).waited == timedelta(0)
