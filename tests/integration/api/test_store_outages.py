"""Two stores, of which one fails: what it costs the clients of the API. `FaultProxy` plays the frozen one."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from tests.builders import a_new_job
from tests.eventually import eventually
from tests.integration.api.serving_store import TwoStores, hang, times, two_serving_stores

from treadle_api.adapters.outbound import store_calls
from treadle_api.adapters.outbound.grpc_job_store import GrpcJobStore
from treadle_api.adapters.outbound.grpc_store_health import GrpcStoreHealth
from treadle_api.adapters.outbound.submits_apart import SubmitsApart
from treadle_api.application.errors import StoreUnavailable
from treadle_domain.stored_job import JobQuery
from treadle_wire.store_channel import open_channel

QUERY = JobQuery(namespace="default", limit=1)
CLIENTS = 20


@pytest.fixture
async def two_stores() -> AsyncIterator[TwoStores]:
    async with two_serving_stores() as stores:
        yield stores


@dataclass
class Load:
    """Clients that submit and read without a pause, and what that cost them."""

    port: GrpcJobStore
    batches: SubmitsApart
    calls: int = 0
    failures: list[StoreUnavailable] = field(default_factory=list)
    slowest: float = 0.0
    last_slow: float = 0.0

    async def submit_for_ever(self) -> None:
        while True:
            await self._once(self.batches.submit("default", [a_new_job()]))
            await asyncio.sleep(0.02)

    async def read_for_ever(self) -> None:
        while True:
            await self._once(self.port.page(QUERY))
            await asyncio.sleep(0.01)

    async def _once(self, call: Awaitable[object]) -> None:
        started = time.monotonic()
        try:
            await call
        except StoreUnavailable as outage:
            self.failures.append(outage)
        self.calls += 1
        ended = time.monotonic()
        self.slowest = max(self.slowest, ended - started)
        if ended - started > 0.5:
            self.last_slow = ended

    async def settled(self, within_seconds: float) -> None:
        """Until no call was slow for a second."""
        deadline = time.monotonic() + within_seconds
        calls, begun = self.calls, time.monotonic()
        while time.monotonic() < max(begun, self.last_slow) + 1 or self.calls < calls + CLIENTS:
            assert time.monotonic() < deadline, "calls are still slow"
            await asyncio.sleep(0.05)


@asynccontextmanager
async def load_on(target: str) -> AsyncIterator[Load]:
    async with open_channel(target) as channel:
        port = GrpcJobStore(channel)
        batches = SubmitsApart(port.submit)
        load = Load(port, batches)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(batches.run()), group.create_task(load.read_for_ever())]
            tasks += [group.create_task(load.submit_for_ever()) for _ in range(CLIENTS)]
            await load.settled(within_seconds=5)
            yield load
            for task in tasks:
                task.cancel()


async def test_both_addresses_of_a_target_are_used(two_stores: TwoStores) -> None:
    async with load_on(two_stores.target):
        pass

    calls = [len(store.faults.calls) for store in two_stores.stores]
    assert min(calls) > 0.4 * max(calls)


async def test_a_store_that_is_killed_fails_no_call(two_stores: TwoStores) -> None:
    async with load_on(two_stores.target) as load:
        await two_stores.kill_first.aclose()
        await load.settled(within_seconds=5)

    assert load.failures == []
    assert load.slowest < 2


async def test_a_store_that_freezes_fails_no_call_and_is_left_within_10_seconds(
    two_stores: TwoStores,
) -> None:
    async with load_on(two_stores.target) as load:
        two_stores.doors[0].blackhole()
        frozen = time.monotonic()
        await eventually(lambda: load.last_slow > frozen, within_seconds=3)
        await load.settled(within_seconds=12)

    assert load.failures == []
    assert load.slowest < 3
    assert load.last_slow - frozen < 10


async def test_a_frozen_store_costs_the_calls_that_meet_it_a_second(two_stores: TwoStores) -> None:
    async with open_channel(two_stores.target) as channel:
        port = GrpcJobStore(channel)
        for _ in range(4):
            await port.page(QUERY)
        two_stores.doors[0].blackhole()
        started = time.monotonic()

        for _ in range(4):
            await port.page(QUERY)

        assert time.monotonic() - started < 4.5


async def test_one_of_two_stores_is_enough_to_be_ready(two_stores: TwoStores) -> None:
    async with open_channel(two_stores.target) as channel:
        health = GrpcStoreHealth(channel)
        for _ in range(4):
            assert await health.is_serving()
        two_stores.doors[0].blackhole()
        started = time.monotonic()

        assert [await health.is_serving() for _ in range(4)] == [True] * 4
        assert time.monotonic() - started < 1

        two_stores.doors[1].blackhole()
        assert not await health.is_serving()
        assert time.monotonic() - started < 3


async def test_an_operator_retry_is_never_made_twice(two_stores: TwoStores) -> None:
    for store in two_stores.stores:
        store.faults.before = hang
    async with open_channel(two_stores.target) as channel:
        with pytest.raises(StoreUnavailable) as outage:
            await GrpcJobStore(channel, deadline_seconds=1.5).retry("default", uuid4())

    assert outage.value.outcome_unknown
    assert sum(len(store.faults.calls) for store in two_stores.stores) == 1


async def test_a_call_that_hangs_leaves_time_to_make_it_again(two_stores: TwoStores) -> None:
    for store in two_stores.stores:
        store.faults.before = times(1, hang)
    async with open_channel(two_stores.target) as channel:
        started = time.monotonic()
        await GrpcJobStore(channel).submit("default", [a_new_job()])

    assert time.monotonic() - started < 3.5


async def test_more_calls_than_a_store_can_have_under_way_fail_at_once(
    two_stores: TwoStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_calls, "MOST_CALLS", 5)
    for store in two_stores.stores:
        store.faults.before = hang
    async with open_channel(two_stores.target) as channel, asyncio.TaskGroup() as group:
        port = GrpcJobStore(channel, deadline_seconds=0.5)
        waiting = [group.create_task(failed_after(port)) for _ in range(5)]
        await asyncio.sleep(0)

        assert await failed_after(port) < 0.2

    assert all(task.result() > 0.4 for task in waiting)


async def failed_after(port: GrpcJobStore) -> float:
    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await port.page(QUERY)
    return time.monotonic() - started
