"""One look at PostgreSQL tells what there is to do; what it calls is done at once, and the rest costs nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from tests.builders import SECOND, a_new_job, a_session
from tests.eventually import eventually
from tests.fakes.store_over_postgres import SteppedClock, StoreOverPostgres

from treadle_domain.worker_session import SessionEnd
from treadle_store.adapters.inbound.timers import Timer
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.lookout import PostgresLookout
from treadle_store.adapters.outbound.postgres.turns import Turn, turn
from treadle_store.application.errors import DatabaseUnavailable
from treadle_store.application.keep_watch import Chore, KeepWatch


@pytest.fixture
async def store(replicas: list[StoreOverPostgres]) -> StoreOverPostgres:
    """The announcer has had its first turn."""
    await replicas[0].announce_due_jobs()
    return replicas[0]


@asynccontextmanager
async def running(timer: Timer) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(timer.run())
        yield
        task.cancel()


async def test_a_store_without_jobs_has_nothing_to_do(store: StoreOverPostgres) -> None:
    await store.do.keep_session.open(a_session())

    assert await store.lookout.look() == frozenset()


async def test_on_a_new_database_the_announcer_is_called_until_it_had_a_turn(
    replicas: list[StoreOverPostgres],
) -> None:
    store = replicas[1]
    assert await store.lookout.look() == {Chore.ANNOUNCE}

    async with turn(store.database, Turn.ANNOUNCE):
        await store.announce_due_jobs()
    assert await store.lookout.look() == {Chore.ANNOUNCE}

    await store.announce_due_jobs()
    assert await store.lookout.look() == frozenset()


async def test_a_delayed_job_is_seen_soon_before_it_is_due_and_not_once_it_was_announced(
    store: StoreOverPostgres, clock: SteppedClock
) -> None:
    await store.do.submit_jobs([a_new_job(delay=10 * SECOND)])

    assert await store.lookout.look() == {Chore.REPAIR}
    clock.advance(9 * SECOND)
    assert await store.lookout.look() == {Chore.REPAIR, Chore.ANNOUNCE}
    clock.advance(2 * SECOND)
    await store.announce_due_jobs()
    assert await store.lookout.look() == {Chore.REPAIR}


async def test_of_two_replicas_one_pushes_a_delayed_job_to_the_moment(
    replicas: list[StoreOverPostgres], store: StoreOverPostgres
) -> None:
    await store.do.submit_jobs([a_new_job(delay=SECOND)])

    for replica in replicas:
        await replica.announce_due_jobs()

    assert [replica.hand_over.waiting for replica in replicas] == [1, 0]


async def test_a_job_whose_time_to_start_is_over_is_seen(
    store: StoreOverPostgres, clock: SteppedClock
) -> None:
    now = await store.database_clock.now()
    await store.do.submit_jobs([a_new_job(expires_at=now + 5 * SECOND)])

    assert Chore.EXPIRE not in await store.lookout.look()
    clock.advance(5 * SECOND)
    assert Chore.EXPIRE in await store.lookout.look()


async def test_looks_alone_move_the_clock_by_which_a_lease_ends(
    store: StoreOverPostgres, clock: SteppedClock
) -> None:
    await store.lookout.look()
    await store.do.keep_session.open(a_session())

    for _ in range(15):
        clock.advance(2 * SECOND)
        assert await store.lookout.look() == frozenset()
    clock.advance(SECOND)

    assert await store.lookout.look() == {Chore.RECLAIM}


async def test_runs_of_a_session_that_closed_are_seen(store: StoreOverPostgres) -> None:
    session = a_session()
    await store.do.keep_session.open(session)
    await store.do.keep_session.close(session.id, SessionEnd.KILLED)

    assert await store.lookout.look() == frozenset()
    async with store.database.transaction() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO held VALUES (%s, gen_random_uuid(), 1, gen_random_uuid(), 1, now())",
            (session.id,),
        )

    assert await store.lookout.look() == {Chore.RECLAIM}


async def test_nobody_waits_for_a_replica_that_froze_while_it_moved_the_clock_on(
    store: StoreOverPostgres, clock: SteppedClock
) -> None:
    with clock.connection.transaction():
        clock.connection.execute("SELECT FROM uptime FOR UPDATE")

        async with asyncio.timeout(2):
            assert await store.lookout.look() == frozenset()
            assert not await store.reclaim_lost_jobs()


async def test_who_cannot_see_calls_everybody() -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing", 1)
    calls = {chore: asyncio.Event() for chore in Chore}
    watch = KeepWatch(PostgresLookout(nowhere), calls)

    with pytest.raises(DatabaseUnavailable):
        await watch.check()

    assert all(call.is_set() for call in calls.values())


async def test_only_who_has_something_to_do_is_called(
    store: StoreOverPostgres, clock: SteppedClock
) -> None:
    calls = {chore: asyncio.Event() for chore in Chore}
    await store.do.keep_session.open(a_session())
    await store.do.submit_jobs([a_new_job()])

    await KeepWatch(store.lookout, calls).check()

    assert {chore for chore, call in calls.items() if call.is_set()} == {Chore.REPAIR}


async def test_a_timer_ticks_when_it_is_called_also_while_it_ticks() -> None:
    call, ticks, go_on = asyncio.Event(), list[int](), asyncio.Event()

    async def tick() -> None:
        ticks.append(len(ticks))
        await go_on.wait()

    async with running(Timer("test", timedelta(hours=1), tick, call)):
        await eventually(lambda: len(ticks) == 1)
        call.set()
        go_on.set()
        await eventually(lambda: len(ticks) == 2)
        call.set()
        await eventually(lambda: len(ticks) == 3)


async def test_a_timer_that_nobody_calls_ticks_all_the_same_now_and_then() -> None:
    ticks: list[int] = []

    async def tick() -> None:
        ticks.append(len(ticks))

    async with running(Timer("test", timedelta(milliseconds=10), tick, asyncio.Event())):
        await eventually(lambda: len(ticks) > 2)
