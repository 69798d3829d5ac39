"""A worker whose session the store has closed: what it held is void, and it goes on with a new one."""

import asyncio
from datetime import timedelta

import pytest
from tests.eventually import eventually
from tests.unit.worker.played import SLOTS, Played, ids

from treadle_domain.worker_session import SessionEnd

LONG = timedelta(hours=1)


async def test_after_a_loss_it_goes_on_with_a_new_session(played: Played) -> None:
    async with played.living():
        await eventually(lambda: bool(played.store.beats))
        played.store.lose()
        await eventually(lambda: len(played.store.opened) == 2)
        played.ready_queue.ids = ids(SLOTS)
        await eventually(lambda: len(played.executors.runs) == SLOTS)

    first, second = (session.id for session in played.store.opened)
    assert first != second
    assert {claim.session for claim in played.store.claims} == {second}
    assert played.store.closed == [SessionEnd.DRAINED]
    assert played.tally.sessions == 2


async def test_what_ran_is_killed_and_awaited_before_the_new_session_opens(played: Played) -> None:
    played.executors.lingers = True
    played.ready_queue.ids = ids(SLOTS)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == SLOTS)
        played.store.lose()
        await eventually(lambda: played.executors.killed)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(played.store.opened) == 1
        played.executors.die()
        await eventually(lambda: len(played.store.opened) == 2)
        assert not played.holdings.held


async def test_executors_in_which_nothing_ran_are_not_killed(played: Played) -> None:
    async with played.living():
        await eventually(lambda: bool(played.store.beats))
        played.store.lose()
        await eventually(lambda: len(played.store.opened) == 2)

    assert not played.executors.killed


async def test_what_the_old_session_held_is_never_told_under_the_new_one(played: Played) -> None:
    """Frozen past its lease with a result that waits and runs that go on, then awake again."""
    played.ready_queue.ids = ids(SLOTS)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == SLOTS)
        played.store.may_finish.clear()
        played.executors.end(played.executors.runs[0])
        await eventually(lambda: len(played.store.finished) == 1)
        played.store.lose()
        played.store.may_finish.set()
        await eventually(lambda: len(played.store.opened) == 2)
        beats = len(played.store.beats)
        await eventually(lambda: len(played.store.beats) > beats + 2)
        told = list(played.store.beats)
        played.ready_queue.ids = ids(1)
        await eventually(lambda: len(played.executors.runs) == SLOTS + 1)
        new = played.executors.runs[-1]
        played.executors.end(new)
        await eventually(lambda: not played.holdings.held)

    second = played.store.opened[1].id
    told = [beat for beat in told if beat.session == second]
    assert not any(beat.held or beat.open_claims for beat in told)
    assert [beat.number for beat in told[:2]] == [1, 2]
    reports = dict(zip(played.store.finished_for, played.store.finished, strict=True))[second]
    assert [report.job_id for report in reports] == [new.job_id]
    assert played.store.finished_for.count(second) == 1


async def test_a_loss_that_a_claim_meets_gives_the_ids_back(played: Played) -> None:
    played.store.lease = LONG

    async with played.living():
        await eventually(lambda: bool(played.store.opened))
        played.store.lose()
        played.ready_queue.ids = ids(2)
        await eventually(lambda: len(played.store.opened) == 2)

    assert [set(back.ranks) for back in played.ready_queue.back] == [set(played.ready_queue.popped)]
    assert not played.executors.runs


async def test_a_loss_that_a_report_meets_starts_a_new_session(played: Played) -> None:
    played.store.lease = LONG
    played.ready_queue.ids = ids(2)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == 2)
        played.store.lose()
        played.executors.end(played.executors.runs[0])
        await eventually(lambda: len(played.store.opened) == 2)

    assert played.executors.killed
    assert not played.store.beats


async def test_a_loss_while_a_claim_waits_for_the_store_gives_the_ids_back(played: Played) -> None:
    async with played.living():
        await eventually(lambda: bool(played.store.beats))
        played.store.may_claim.clear()
        played.ready_queue.ids = ids(2)
        await eventually(lambda: bool(played.store.claims))
        played.store.lose()
        played.store.may_claim.set()
        await eventually(lambda: len(played.store.opened) == 2)

    assert [set(back.ranks) for back in played.ready_queue.back] == [set(played.ready_queue.popped)]


async def test_the_pop_under_way_is_awaited_and_its_ids_go_back(played: Played) -> None:
    async with played.living():
        await eventually(lambda: bool(played.store.beats))
        played.ready_queue.may_answer.clear()
        for _ in range(10):
            await asyncio.sleep(0)
        played.store.lose()
        await eventually(lambda: played.holdings.stopping)
        played.ready_queue.ids = ids(2)
        assert len(played.store.opened) == 1
        played.ready_queue.may_answer.set()
        await eventually(lambda: len(played.store.opened) == 2)

    assert [set(back.ranks) for back in played.ready_queue.back] == [set(played.ready_queue.popped)]


async def test_a_run_that_is_granted_after_the_loss_was_told_is_not_started(played: Played) -> None:
    async with played.living():
        await eventually(lambda: bool(played.store.beats))
        played.store.may_claim.clear()
        played.ready_queue.ids = ids(1)
        await eventually(lambda: bool(played.store.claims))
        played.store.lose()
        await eventually(lambda: played.holdings.stopping)
        played.store.lost.clear()
        played.store.may_claim.set()
        await eventually(lambda: len(played.store.opened) == 2)

    assert not played.executors.runs


async def test_it_is_not_ready_between_two_sessions(played: Played) -> None:
    async with played.living():
        await eventually(lambda: bool(played.store.beats))
        played.store.lose()
        played.store.outages = 10**9
        await eventually(lambda: played.vitals.complaint() is not None)
        played.store.outages = 0
        await eventually(lambda: len(played.store.opened) == 2)
        assert played.vitals.complaint() is None


@pytest.mark.parametrize("turns", range(0, 60, 3))
async def test_a_stop_at_whatever_moment_of_a_loss_ends_the_worker(
    played: Played, turns: int
) -> None:
    played.ready_queue.ids = ids(SLOTS)
    async with asyncio.timeout(5), played.living():
        await eventually(lambda: len(played.executors.runs) == SLOTS)
        played.ready_queue.ids = ids(2)
        played.executors.end(played.executors.runs[0])
        played.store.lose()
        for _ in range(turns):
            await asyncio.sleep(0)

    back = {job_id for popped in played.ready_queue.back for job_id in popped.ranks}
    started = {run.job_id for run in played.executors.runs}
    assert back | started == set(played.ready_queue.popped)


async def test_a_loss_during_the_drain_ends_it_without_another_session(played: Played) -> None:
    played.finish_time = LONG
    played.ready_queue.ids = ids(1)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(played.worker().live(played.stop))
        await eventually(lambda: len(played.executors.runs) == 1)
        played.stop.ask()
        await eventually(lambda: played.holdings.stopping)
        played.store.lose()

    assert played.executors.killed
    assert len(played.store.opened) == 1
    assert not played.store.closed


async def test_a_stop_does_not_wait_for_ever_for_what_cannot_be_killed(played: Played) -> None:
    played.executors.lingers = True
    played.report_time = timedelta(0)
    played.ready_queue.ids = ids(1)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(played.worker().live(played.stop))
        await eventually(lambda: len(played.executors.runs) == 1)
        played.store.lose()
        await eventually(lambda: played.executors.killed)
        played.stop.ask()

    assert len(played.store.opened) == 1


async def test_an_unexpected_error_of_the_consumer_ends_the_worker(played: Played) -> None:
    class Broken(type(played.ready_queue)):  # type: ignore[misc]
        async def pop(self, *_: object) -> None:
            raise ZeroDivisionError

    played.ready_queue = Broken()

    with pytest.raises(ExceptionGroup) as end:
        await played.worker().live(played.stop)

    assert end.group_contains(ZeroDivisionError)
