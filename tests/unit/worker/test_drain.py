"""How a worker begins and ends."""

import asyncio
import random
from datetime import timedelta

import pytest
from tests.eventually import eventually
from tests.unit.worker.played import SLOTS, Played, ids

from treadle_domain.outcomes import Released
from treadle_domain.worker_session import SessionEnd
from treadle_worker.application.runs import Interruption


async def test_a_session_is_opened_as_soon_as_the_store_answers(played: Played) -> None:
    played.store.outages = 5

    async with played.living():
        await eventually(lambda: len(played.store.opened) == 1)

    assert played.store.closed == [SessionEnd.DRAINED]


async def test_a_stop_before_the_store_ever_answered_ends_at_once(played: Played) -> None:
    played.store.outages = 10**9

    async with asyncio.timeout(5), played.living():
        await asyncio.sleep(0)

    assert not played.store.opened


async def test_a_stop_lets_what_runs_finish_and_reports_it(played: Played) -> None:
    played.ready_queue.ids = ids(SLOTS)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == SLOTS)

    assert not played.executors.killed
    assert played.executors.words == ["drain announced"]
    assert sum(len(reports) for reports in played.store.finished) == SLOTS
    assert played.store.closed == [SessionEnd.DRAINED]


async def test_runs_learn_of_the_stop_at_once_and_are_not_asked_to_end(played: Played) -> None:
    played.finish_time = timedelta(hours=1)
    played.ready_queue.ids = ids(1)

    async with asyncio.timeout(5), played.living():
        await eventually(lambda: len(played.executors.runs) == 1)
        played.stop.ask()
        await eventually(lambda: bool(played.executors.words))
        assert played.executors.words == ["drain announced"]


async def test_what_does_not_finish_in_time_is_asked_to_and_given_back(played: Played) -> None:
    played.finish_time = timedelta(0)
    played.ready_queue.ids = ids(1)

    async with asyncio.timeout(4), asyncio.TaskGroup() as group:
        group.create_task(played.worker().live(played.stop))
        await eventually(lambda: len(played.executors.runs) == 1)
        played.stop.ask()

    assert played.executors.words == ["drain announced", Interruption.DRAIN]
    assert not played.executors.killed
    assert [report.outcome for report in played.store.finished[0]] == [Released()]
    assert played.store.closed == [SessionEnd.DRAINED]


async def test_what_ends_at_the_very_end_of_the_grace_is_still_reported(played: Played) -> None:
    played.finish_time = played.stop_grace = timedelta(0)
    played.executors.lingers = True
    played.ready_queue.ids = ids(1)

    async with asyncio.timeout(4), asyncio.TaskGroup() as group:
        group.create_task(played.worker().live(played.stop))
        await eventually(lambda: len(played.executors.runs) == 1)
        played.stop.ask()
        await eventually(lambda: len(played.executors.words) == 2)
        for _ in range(20):
            await asyncio.sleep(0)
        played.executors.die()

    assert [report.outcome for report in played.store.finished[0]] == [Released()]
    assert played.store.closed == [SessionEnd.DRAINED]


@pytest.mark.parametrize("during", ["finish", "grace"])
async def test_a_second_stop_gives_back_at_once(played: Played, during: str) -> None:
    played.finish_time = timedelta(hours=during == "finish")
    played.stop_grace = timedelta(hours=1)
    played.ready_queue.ids = ids(1)
    played.executors.lingers = True
    words = {"finish": 1, "grace": 2}[during]

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(played.worker().live(played.stop))
        await eventually(lambda: len(played.executors.runs) == 1)
        played.stop.ask()
        await eventually(lambda: len(played.executors.words) == words)
        assert not played.executors.killed
        played.stop.ask()
        await eventually(lambda: played.executors.killed)
        played.executors.die()

    assert [report.outcome for report in played.store.finished[0]] == [Released()]
    assert played.store.closed == [SessionEnd.DRAINED]


@pytest.mark.parametrize("stops", [1, 2])
async def test_a_stop_ends_in_time_whatever_does_not_come_back(played: Played, stops: int) -> None:
    """Code that cannot be killed, or a store that does not answer: the session closes, and what it held comes back."""
    played.finish_time = played.stop_grace = played.report_time = timedelta(0)
    played.ready_queue.ids = ids(1)
    played.executors.lingers = True

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(played.worker().live(played.stop))
        await eventually(lambda: len(played.executors.runs) == 1)
        for _ in range(stops):
            played.stop.ask()

    assert played.executors.killed == (stops == 2)
    assert not played.store.finished
    assert played.store.closed == [SessionEnd.DRAINED]


async def test_a_stop_while_the_store_is_away_puts_the_ids_back(played: Played) -> None:
    async with played.living():
        await eventually(lambda: bool(played.store.opened))
        played.store.outages = 10**9
        played.ready_queue.ids = ids(2)
        await eventually(lambda: bool(played.store.claims))

    assert [set(back.ranks) for back in played.ready_queue.back] == [set(played.ready_queue.popped)]


async def test_what_was_claimed_after_the_stop_is_given_back_unstarted(played: Played) -> None:
    async with played.living():
        await eventually(lambda: bool(played.store.opened))
        played.store.may_claim.clear()
        played.ready_queue.ids = ids(2)
        await eventually(lambda: bool(played.store.claims))
        played.stop.ask()
        await eventually(lambda: played.holdings.stopping)
        played.store.may_claim.set()

    assert not played.executors.runs
    assert [report.outcome for report in played.store.finished[0]] == [Released(unstarted=True)] * 2


async def test_a_pop_that_never_ends_does_not_hold_up_the_stop(played: Played) -> None:
    played.finish_time = played.stop_grace = played.report_time = timedelta(0)
    played.ready_queue.may_answer.clear()

    async with asyncio.timeout(5), played.living():
        await eventually(lambda: bool(played.ready_queue.counts))

    assert played.store.closed == [SessionEnd.DRAINED]


async def test_no_stop_at_whatever_moment_loses_an_id() -> None:
    chance = random.Random(4)
    for _ in range(200):
        played = Played()
        played.ready_queue.ids = ids(SLOTS)

        async with played.living():
            for _ in range(chance.randrange(25)):
                await asyncio.sleep(0)

        back = {job_id for popped in played.ready_queue.back for job_id in popped.ranks}
        run = {run.job_id for run in played.executors.runs}
        reports = [report for batch in played.store.finished for report in batch]
        given_back = {report.job_id for report in reports if report.outcome == Released()}
        assert back | run | given_back == set(played.ready_queue.popped)
        assert len(back) + len(run) + len(given_back) == len(played.ready_queue.popped)
