"""What a worker takes of types that have a limit; and that what it cannot run comes back soon, seldom and in turn."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from tests.builders import SECOND
from tests.eventually import eventually
from tests.unit.worker.fakes import FakeExecutors, a_run
from tests.unit.worker.played import SLOTS, Played, ids

from treadle_domain.claimed_run import ClaimedRun, ClaimRefusal
from treadle_domain.outcomes import Snoozed
from treadle_domain.seats import Seats
from treadle_worker.application.runs import ExecutorLimits
from treadle_worker.application.seating import Seating


def slow_ones(played: Played, count: int) -> list[UUID]:
    played.executors.limits = ExecutorLimits(by_type={"slow": 1})
    slow = ids(count)
    played.store.types |= dict.fromkeys(slow, "slow")
    return slow


def types_of(runs: list[ClaimedRun]) -> list[str]:
    return [run.type for run in runs]


async def test_jobs_of_a_full_type_hold_no_slot_and_nobody_behind_them_waits(
    played: Played,
) -> None:
    slow, quick = slow_ones(played, 20), ids(5)
    played.ready_queue.ids = [*slow, *quick]

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == SLOTS)
        assert types_of(played.executors.runs) == ["slow", "echo", "echo"]
        played.executors.end(*played.executors.runs[1:])
        await eventually(lambda: len(played.executors.runs) == SLOTS + 2)
        assert types_of(played.executors.runs).count("slow") == 1
        assert played.tally.claims.count(ClaimRefusal.PUT_OFF) == len(slow) - 1
        assert not played.ready_queue.back


def let_end(played: Played) -> None:
    played.executors.end(*played.executors.runs)


def kill_all(played: Played) -> None:
    played.executors.kill()


def lose_the_session(played: Played) -> None:
    played.store.lose()


@pytest.mark.parametrize("end", [let_end, kill_all, lose_the_session])
async def test_a_seat_is_free_again_however_its_run_ends(
    played: Played, end: Callable[[Played], None]
) -> None:
    first, second = slow_ones(played, 2)
    played.ready_queue.ids = [first]

    async with played.living():
        await eventually(lambda: types_of(played.executors.runs) == ["slow"])
        end(played)
        await eventually(lambda: played.holdings.running == 0)
        played.ready_queue.ids = [second]
        await eventually(lambda: types_of(played.executors.runs) == ["slow", "slow"])


async def test_what_a_store_grants_beyond_the_seats_is_run_later_and_charges_nothing(
    played: Played,
) -> None:
    played.store.old = True
    played.ready_queue.ids = slow_ones(played, 3)

    async with played.living():
        await eventually(lambda: len(played.store.finished) > 0)
        reports = [report for batch in played.store.finished for report in batch]
        assert types_of(played.executors.runs) == ["slow"]
        assert [report.outcome for report in reports] == [Snoozed(delay=SECOND)] * 2


@dataclass
class Row:
    """Jobs of one type put off again and again by a worker whose seats of it stay taken."""

    most: int = 1
    now: float = 0.0

    def __post_init__(self) -> None:
        executors = FakeExecutors()
        executors.limits = ExecutorLimits(by_type={"slow": self.most}, alone=9)
        self.seating = Seating(executors=executors, clock=lambda: self.now)
        self.running: list[ClaimedRun] = []

    def seats(self) -> Seats:
        return self.seating.free(self.running).by_type["slow"]

    def take(self) -> None:
        seats, run = self.seating.free(self.running), a_run(type="slow")
        self.seating.answered(seats, [run])
        self.running.append(run)

    def put_off(self, jobs: int) -> float:
        """Returns when they are due."""
        seats = self.seating.free(self.running)
        self.seating.answered(seats, [ClaimRefusal.PUT_OFF] * jobs)
        return self.now + seats.by_type["slow"].put_off.total_seconds()


def test_free_seats_are_counted_from_what_runs() -> None:
    row = Row(most=2)
    assert row.seats().free == 2
    row.take()
    row.take()
    assert row.seats().free == 0

    row.running.clear()

    assert row.seats().free == 2


def test_a_job_comes_back_soon_while_runs_are_young_and_once_a_second_at_most() -> None:
    row, waits = Row(), []
    row.take()

    while row.now < 60:
        due = row.put_off(1)
        waits.append(round(due - row.now, 6))
        row.now = due + 0.1

    assert waits[0] == pytest.approx(0.05)
    assert waits == sorted(waits)
    assert max(waits) == pytest.approx(1)


def test_of_a_long_row_one_is_always_due_soon_and_never_many_at_once() -> None:
    row = Row()
    row.take()
    row.now = 10.0

    dues = [row.put_off(9) for _ in range(30)]

    assert dues[0] == pytest.approx(row.now + 1)
    gaps = [later - earlier for earlier, later in pairwise(dues)]
    assert gaps == pytest.approx([9 * 0.05] * len(gaps))


def test_however_long_the_row_the_last_one_is_back_within_half_a_minute() -> None:
    row = Row()
    row.take()

    for _ in range(2_000):
        last = row.put_off(9)
        row.now += 0.001

    assert last - row.now <= 30


def test_a_freed_seat_of_short_runs_does_not_wait_longer_than_the_runs_last() -> None:
    row = Row(most=10)
    row.take()
    row.now = 0.2

    dues = [row.put_off(1) for _ in range(20)]

    assert dues[0] - row.now == pytest.approx(0.1)
    assert dues[-1] - dues[0] <= 0.2


def test_own_processes_are_shared_by_isolated_types_and_jobs_that_must_run_alone() -> None:
    executors = FakeExecutors()
    executors.limits = ExecutorLimits(isolated=frozenset({"image"}), alone=2)
    seating = Seating(executors=executors, clock=lambda: 0.0)
    running = [a_run(type="image"), a_run(must_run_alone=True), a_run()]

    seats = seating.free(running)

    assert seats.alone == Seats(free=0, put_off=timedelta(seconds=0.05))
    assert seats.put_off(a_run(must_run_alone=True), []) == timedelta(seconds=0.05)
    assert seats.put_off(a_run(), []) is None
