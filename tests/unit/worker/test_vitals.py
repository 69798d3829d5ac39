from datetime import timedelta

import pytest

from treadle_worker.application.vitals import LONGEST_DEAFNESS, QUEUE_CHECK_PERIOD, Vitals

LEASE = timedelta(seconds=30)


class Monotonic:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Monotonic:
    return Monotonic()


@pytest.fixture
def vitals(clock: Monotonic) -> Vitals:
    return Vitals(clock)


def test_without_a_session_it_is_not_ready(vitals: Vitals) -> None:
    assert "no session" in (vitals.complaint() or "")


def test_with_a_session_it_is_ready(vitals: Vitals) -> None:
    vitals.session_opened(LEASE)

    assert vitals.complaint() is None


def test_a_store_that_is_silent_for_half_a_lease_is_told(vitals: Vitals, clock: Monotonic) -> None:
    vitals.session_opened(LEASE)
    clock.seconds += LEASE.total_seconds() / 2 + 1

    assert "store" in (vitals.complaint() or "")

    vitals.store_answered()
    assert vitals.complaint() is None


def test_a_worker_that_is_deaf_for_a_minute_says_so(vitals: Vitals, clock: Monotonic) -> None:
    vitals.session_opened(LEASE)
    vitals.queue_asked()
    clock.seconds += LONGEST_DEAFNESS.total_seconds() + 1
    vitals.store_answered()
    vitals.queue_asked()

    assert "Redis" in (vitals.complaint() or "")

    vitals.queue_answered()
    assert vitals.complaint() is None


def test_a_worker_whose_slots_are_all_taken_is_not_deaf(vitals: Vitals, clock: Monotonic) -> None:
    vitals.session_opened(LEASE)
    vitals.queue_asked()
    vitals.queue_answered()
    clock.seconds += 10 * LONGEST_DEAFNESS.total_seconds()
    vitals.store_answered()

    assert vitals.complaint() is None


def test_failures_of_the_ready_queue_are_counted_until_it_answers(vitals: Vitals) -> None:
    assert [vitals.queue_failed(), vitals.queue_failed()] == [1, 2]

    vitals.queue_answered()

    assert vitals.queue_failed() == 1


def test_a_worker_that_stops_is_not_ready(vitals: Vitals) -> None:
    vitals.session_opened(LEASE)

    vitals.draining = True

    assert vitals.complaint() == "stopping"


def test_without_a_session_again_it_is_not_ready_until_the_next(vitals: Vitals) -> None:
    vitals.session_opened(LEASE)

    vitals.session_lost()

    assert "no session" in (vitals.complaint() or "")
    vitals.session_opened(LEASE)
    assert vitals.complaint() is None


def test_losses_are_counted_until_the_store_answers_something(vitals: Vitals) -> None:
    for _ in range(2):
        vitals.session_opened(LEASE)
        vitals.session_lost()
    vitals.session_opened(LEASE)

    assert vitals.losses == 2

    vitals.store_answered()
    assert vitals.losses == 0


def test_deafness_is_counted_from_the_first_question(vitals: Vitals, clock: Monotonic) -> None:
    assert vitals.deaf_for == timedelta(0)
    vitals.queue_asked()
    clock.seconds += 5
    vitals.queue_failed()
    vitals.queue_asked()
    clock.seconds += 5

    assert vitals.deaf_for == timedelta(seconds=10)

    vitals.queue_answered()
    assert vitals.deaf_for == timedelta(0)


def test_a_problem_of_the_queue_is_told_until_it_is_gone(vitals: Vitals) -> None:
    vitals.session_opened(LEASE)

    vitals.queue_checked("Redis may evict keys")

    assert vitals.complaint() == "Redis may evict keys"
    vitals.queue_checked(None)
    assert vitals.complaint() is None


def test_the_queue_is_checked_now_and_then_and_only_while_it_answers(
    vitals: Vitals, clock: Monotonic
) -> None:
    assert vitals.queue_check_is_due
    vitals.queue_checked(None)
    assert not vitals.queue_check_is_due
    clock.seconds += QUEUE_CHECK_PERIOD.total_seconds()
    assert vitals.queue_check_is_due

    vitals.queue_failed()

    assert not vitals.queue_check_is_due
