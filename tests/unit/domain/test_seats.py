"""Which jobs find a seat in a worker, and for how long those are put off that find none."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import NOW, SECOND, a_job
from tests.unit.domain.generated import claimed, pending_jobs

from treadle_domain.job import Job
from treadle_domain.seats import NO_LIMITS, FreeSeats, Seats
from treadle_domain.states import JobState

LONG, SHORT = 2 * SECOND, SECOND


def granted_of(seats: FreeSeats, jobs: list[Job]) -> list[Job]:
    granted: list[Job] = []
    for job in jobs:
        if seats.put_off(job, granted) is None:
            granted.append(job)
    return granted


def a_poison_job() -> Job:
    job = a_job(type="poison")
    for _ in range(2):
        job = claimed(job).lose(NOW)
    assert job.must_run_alone
    return job


def test_without_limits_every_job_has_a_seat() -> None:
    jobs = [a_poison_job() for _ in range(20)]

    assert granted_of(NO_LIMITS, jobs) == jobs


@given(st.lists(st.sampled_from("abc"), max_size=20), st.integers(0, 4), st.integers(0, 4))
def test_of_each_type_as_many_are_granted_as_it_has_seats(types: str, a: int, b: int) -> None:
    seats = FreeSeats(by_type={"a": Seats(free=a), "b": Seats(free=b)})

    granted = [job.type for job in granted_of(seats, [a_job(type=name) for name in types])]

    most = {"a": a, "b": b, "c": len(types)}
    assert {name: granted.count(name) for name in "abc"} == {
        name: min([*types].count(name), most[name]) for name in "abc"
    }


def test_isolated_types_and_jobs_that_must_run_alone_share_the_own_processes() -> None:
    seats = FreeSeats(alone=Seats(free=2), isolated=frozenset({"image"}))
    image, poison, plain = a_job(type="image"), a_poison_job(), a_job()

    granted = granted_of(seats, [image, plain, poison, a_job(type="image"), a_poison_job()])

    assert granted == [image, plain, poison]


def test_a_job_that_needs_two_seats_gets_both_or_waits_for_the_later() -> None:
    by_type, isolated = {"image": Seats(free=0, put_off=LONG)}, frozenset({"image"})
    job = a_job(type="image")

    both = FreeSeats(by_type=by_type, alone=Seats(free=0, put_off=SHORT), isolated=isolated)
    one = FreeSeats(by_type=by_type, alone=Seats(free=1), isolated=isolated)

    assert both.put_off(job, []) == one.put_off(job, []) == LONG


@given(pending_jobs, st.timedeltas(timedelta(0), timedelta(days=1)))
def test_a_job_that_is_put_off_keeps_all_but_its_time(job: Job, wait: timedelta) -> None:
    after = job.put_off(wait, NOW)

    assert (after.state, after.rank, after.fence) == (JobState.PENDING, job.rank, job.fence)
    assert (after.attempt, after.losses, after.interruptions, after.snoozes) == (
        job.attempt,
        job.losses,
        job.interruptions,
        job.snoozes,
    )
    assert after.version == job.version + 1
    assert 0.05 * SECOND <= after.run_at - NOW <= 30 * SECOND
    assert after.unknown_since == job.unknown_since


@pytest.mark.parametrize("wait", [-SECOND, timedelta(0), timedelta.max])
def test_no_worker_can_hide_a_job_or_make_it_come_back_in_a_loop(wait: timedelta) -> None:
    after = a_job().put_off(wait, NOW)

    assert 0.05 * SECOND <= after.run_at - NOW <= 30 * SECOND
