from datetime import timedelta

import pytest

from treadle_worker.application.vitals import LONGEST_DEAFNESS, Vitals

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
