from dataclasses import replace
from itertools import count
from uuid import uuid4

from tests.unit.worker.fakes import a_run, an_end

from treadle_domain.outcomes import Released
from treadle_worker.application.holdings import MOST_AHEAD, PAUSE_SECONDS, Holdings


class Watch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def with_ends(slots: int, ends: int, seconds_ago: float = 0.0) -> Holdings:
    watch = Watch()
    holdings = Holdings(slots, watch)
    runs = [a_run() for _ in range(ends)]
    holdings.end_claim(uuid4(), runs)
    holdings.ended([an_end(run) for run in runs])
    holdings.acknowledged([an_end(run) for run in runs])
    watch.seconds = seconds_ago
    return holdings


async def test_a_run_is_held_until_its_end_was_acknowledged() -> None:
    holdings, run, claim = Holdings(2, count().__next__), a_run(), uuid4()
    await holdings.take_free()
    holdings.begin_claim(claim, 1)
    assert holdings.open_claims == {claim}

    holdings.end_claim(claim, [run])
    holdings.ended([an_end(run)])

    assert (holdings.free, holdings.held) == (2, {run.job_id: run.fence})
    holdings.acknowledged([an_end(run)])
    assert holdings.is_empty


async def test_a_claim_tells_the_last_heartbeat_built_before_it() -> None:
    holdings, session = Holdings(1, count().__next__), uuid4()
    numbers = [holdings.heartbeat(session).number for _ in range(7)]

    assert holdings.begin_claim(uuid4(), 1) == numbers[-1] == 7


async def test_ends_that_wait_for_the_store_are_bounded() -> None:
    holdings = Holdings(2, count().__next__)
    for _ in range(2):
        runs = [a_run(), a_run()]
        claim = uuid4()
        holdings.begin_claim(claim, len(runs))
        holdings.end_claim(claim, runs)
        holdings.ended([an_end(run) for run in runs])

    assert (holdings.running, holdings.free) == (0, 0)


async def test_as_many_are_claimed_ahead_as_ended_lately() -> None:
    holdings = with_ends(slots=20, ends=15)

    assert await holdings.take_free() == 35


async def test_nothing_is_claimed_ahead_when_nothing_ended_lately() -> None:
    holdings = with_ends(slots=20, ends=15, seconds_ago=0.11)

    assert await holdings.take_free() == 20


async def test_nothing_is_claimed_ahead_where_runs_are_long_and_end_together() -> None:
    watch, runs = Watch(), [a_run() for _ in range(20)]
    holdings = Holdings(20, watch)
    holdings.end_claim(uuid4(), runs)
    watch.seconds = 0.6

    holdings.ended([an_end(run) for run in runs])

    assert await holdings.take_free() == 20


async def test_large_results_that_wait_for_the_store_are_bounded() -> None:
    holdings = with_ends(slots=2, ends=500)
    for _ in range(2):
        runs = [a_run() for _ in range(9)]
        holdings.end_claim(uuid4(), runs)
        assert holdings.free > 0
        holdings.ended(ends := [an_end(run, b"1" * 2**19) for run in runs])

    assert holdings.free <= 0
    holdings.acknowledged(ends)
    assert holdings.free > 0


async def test_what_was_given_back_unstarted_ends_claims_ahead() -> None:
    holdings = with_ends(slots=20, ends=15)

    holdings.ended([replace(an_end(a_run()), outcome=Released(unstarted=True), result=None)])

    assert await holdings.take_free() == 20


async def test_more_is_asked_for_when_half_of_what_is_ahead_is_left() -> None:
    holdings = with_ends(slots=2, ends=8)
    runs = [a_run() for _ in range(7)]
    holdings.end_claim(uuid4(), runs)

    assert holdings.free == 0
    holdings.ended([])
    holdings.ended([an_end(runs[0])])
    assert holdings.free == 5


async def test_no_call_asks_for_more_than_it_may_carry() -> None:
    holdings = with_ends(slots=900, ends=900)

    assert await holdings.take_free() == 1_000


async def test_a_short_while_of_many_ends_does_not_make_a_worker_hoard() -> None:
    holdings = with_ends(slots=20, ends=900)

    assert await holdings.take_free() == 20 + MOST_AHEAD


async def test_calls_to_the_store_follow_each_other_at_once_unless_very_many_runs_end() -> None:
    assert with_ends(slots=20, ends=15).pause_seconds == 0
    assert with_ends(slots=20, ends=30).pause_seconds == PAUSE_SECONDS
    assert with_ends(slots=20, ends=30, seconds_ago=1).pause_seconds == 0


async def test_places_that_time_takes_away_while_they_are_taken_are_no_end_of_the_work() -> None:
    # The 15 that ended are a tenth of a second ago from the second look on.
    late, seconds = False, iter([0.0])
    holdings = Holdings(20, lambda: next(seconds, 0.11) if late else 0.0)
    runs = [a_run() for _ in range(15)]
    holdings.end_claim(uuid4(), runs)
    holdings.ended([an_end(run) for run in runs])
    holdings.acknowledged([an_end(run) for run in runs])
    holdings.end_claim(uuid4(), [a_run() for _ in range(25)])
    late = True

    assert await holdings.take_free() == 10
