"""The rank: who starts first, and which verbs give a job a new place in the queue."""

from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st
from tests.builders import NOW, SECOND, a_failure
from tests.unit.domain.generated import claim_of, durations, moments, pending_jobs, running_jobs

from treadle_domain.bounds import MAX_DELAY, MAX_PRIORITY
from treadle_domain.job import Job
from treadle_domain.outcomes import Lost, Outcome, Released, Snoozed
from treadle_domain.rank import rank_of
from treadle_domain.states import JobState

HOUR_MS = 3_600_000
LATER = NOW + timedelta(days=1)
priorities = st.integers(0, MAX_PRIORITY)


def ended(job: Job, outcome: Outcome) -> Job:
    return job.finish(claim_of(job), outcome, now=LATER, chance=0.5)[1]


@given(moments, moments, priorities)
def test_of_two_equal_jobs_the_one_that_was_ready_first_starts_first(
    first: datetime, second: datetime, priority: int
) -> None:
    assume(second - first >= timedelta(milliseconds=1))

    assert rank_of(first, first, priority) < rank_of(second, second, priority)


@given(moments, st.integers(0, MAX_PRIORITY - 1))
def test_one_step_of_priority_is_worth_one_hour_of_waiting(ready: datetime, low: int) -> None:
    waited = rank_of(ready, ready, low)

    assert rank_of(ready + timedelta(hours=1), ready, low + 1) == waited
    assert rank_of(ready, ready, low + 1) == waited - HOUR_MS


@given(moments, priorities, priorities)
def test_none_starves_behind_later_jobs_of_any_priority(
    ready: datetime, mine: int, theirs: int
) -> None:
    much_later = ready + timedelta(hours=MAX_PRIORITY, milliseconds=1)

    assert rank_of(ready, ready, mine) < rank_of(much_later, much_later, theirs)


@given(moments, st.timedeltas(timedelta(0), MAX_DELAY), priorities)
def test_a_run_at_in_the_past_overtakes_nobody(
    created: datetime, past: timedelta, priority: int
) -> None:
    assert rank_of(created - past, created, priority) == rank_of(created, created, priority)


@given(moments, priorities)
def test_a_rank_is_when_the_job_was_ready_in_whole_milliseconds(
    ready: datetime, priority: int
) -> None:
    since_1970 = (ready - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)

    assert rank_of(ready, ready, priority) == since_1970 - priority * HOUR_MS


@given(moments, priorities)
def test_a_rank_is_exact_as_a_score_of_redis(ready: datetime, priority: int) -> None:
    rank = rank_of(ready, ready, priority)

    assert int(float(rank)) == rank


@given(running_jobs)
def test_a_job_given_back_or_lost_keeps_its_place_and_its_time(job: Job) -> None:
    ends = [
        job.release(LATER),
        job.lose(LATER),
        ended(job, Released()),
        ended(job, Released(unstarted=True)),
        ended(job, Lost()),
    ]

    for after in ends:
        assert (after.rank, after.run_at) == (job.rank, job.run_at)


@given(running_jobs, durations(MAX_DELAY))
def test_a_failed_or_snoozed_job_queues_up_anew(job: Job, delay: timedelta) -> None:
    snoozed, failed = ended(job, Snoozed(delay=delay)), ended(job, a_failure())

    assert snoozed.run_at == LATER + delay
    for after in (snoozed, failed):
        if after.state is JobState.PENDING:
            assert after.run_at >= LATER
            assert after.rank == rank_of(after.run_at, job.created_at, job.priority)


@given(pending_jobs)
def test_a_job_put_off_keeps_its_place(job: Job) -> None:
    due = max(NOW, job.run_at)

    after = job.put_off_or_refuse(known_types=[], handled_elsewhere=True, grace=SECOND, now=due)

    assert after.rank == job.rank
    assert after.run_at > due


@given(pending_jobs)
def test_an_operators_retry_queues_up_anew(job: Job) -> None:
    after = job.cancel(LATER).retry(LATER)

    assert after.run_at == LATER
    assert after.rank == rank_of(LATER, job.created_at, job.priority)
