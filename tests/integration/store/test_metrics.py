"""What a store tells Prometheus of its calls, of queues and of PostgreSQL: real ones of both."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import grpc
import psycopg
import pytest
from prometheus_client import CollectorRegistry
from tests.builders import SECOND, a_failure, a_new_job
from tests.integration.store.conftest import RunningStore
from tests.integration.store.rpc import a_report, claimed, finished, opened, submitted
from tests.seen_metrics import Seen

from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.queue_depths import MOST_PLACES, PostgresQueueDepths
from treadle_store.adapters.outbound.postgres.survey import PostgresSurvey, Survey
from treadle_store.adapters.outbound.prometheus_gauges import DatabaseGauges
from treadle_wire import submission_codec
from treadle_wire.metrics import MOST_KINDS
from treadle_wire.store.v1 import job_store_pb2 as pb

Scrape = Callable[[], Awaitable[Seen]]
JOBS = "treadle_store_queue_jobs"
NOTHING_KEPT = timedelta(0)


async def seen(registry: CollectorRegistry) -> Seen:
    """In a thread, as the server for Prometheus does."""
    return await asyncio.to_thread(lambda: Seen([*registry.collect()]))


@pytest.fixture
async def scrape(store: RunningStore) -> Scrape:
    """What there is at that moment."""
    registry, container = CollectorRegistry(), store.container
    DatabaseGauges(registry, container.database(), container.survey(), kept=NOTHING_KEPT)
    return lambda: seen(registry)


async def test_queues_are_seen_with_their_jobs_and_workers(
    store: RunningStore, scrape: Scrape
) -> None:
    session = await opened(store)
    first, *_ = [await submitted(store) for _ in range(4)]
    failing = await submitted(store)
    await submitted(store, delay=60 * SECOND)
    await claimed(store, session, first, failing)
    await finished(store, session, a_report(failing, outcome=a_failure(), result=None))

    now = await scrape()

    states = ("ready", "scheduled", "retrying", "running")
    assert [now(JOBS, queue="default", state=s) for s in states] == [3, 1, 1, 1]
    assert 0 < now("treadle_store_queue_oldest_ready_seconds", queue="default") < 30
    assert now("treadle_store_queue_workers", queue="default") == 1


async def test_a_queue_is_told_over_all_namespaces_and_an_empty_one_that_has_a_worker_as_empty(
    store: RunningStore, scrape: Scrape
) -> None:
    for namespace in ("ours", "theirs"):
        wire = submission_codec.new_job_to_wire(a_new_job(namespace=namespace, queue="shared"))
        await store.rpc.SubmitJobs(pb.SubmitJobsRequest(namespace=namespace, submissions=[wire]))
    await opened(store)

    now = await scrape()

    assert now(JOBS, queue="shared", state="ready") == 2
    assert now("treadle_store_queue_workers", queue="shared") == 0
    assert now.has(JOBS, queue="default", state="ready")
    assert now(JOBS, queue="default") == 0


async def test_a_flood_of_queues_makes_a_bounded_number_of_series(
    store: RunningStore, scrape: Scrape
) -> None:
    queues = [f"queue-{number}" for number in range(MOST_KINDS + 50)]
    wire = [submission_codec.new_job_to_wire(a_new_job(queue=queue)) for queue in queues]
    await store.rpc.SubmitJobs(pb.SubmitJobsRequest(namespace="default", submissions=wire))

    now = await scrape()

    assert now(JOBS, state="ready") == len(queues)
    assert now(JOBS, queue="other", state="ready") == 50
    assert now.series(JOBS) == 4 * (MOST_KINDS + 1)


async def test_the_queues_of_workers_are_told_however_many_others_come_before_them(
    store: RunningStore, scrape: Scrape
) -> None:
    queues = [f"a-{number}" for number in range(MOST_PLACES + 20)]
    wire = [submission_codec.new_job_to_wire(a_new_job(queue=queue)) for queue in queues]
    await store.rpc.SubmitJobs(pb.SubmitJobsRequest(namespace="default", submissions=wire))
    await scrape()
    await opened(store)
    await submitted(store)

    now = await scrape()

    assert now(JOBS, queue="default", state="ready") == 1
    assert now("treadle_store_queue_workers", queue="default") == 1
    assert now(JOBS, state="ready") == MOST_PLACES


async def test_a_session_whose_lease_is_over_is_silent_and_works_on_nothing(
    store: RunningStore, scrape: Scrape, migrated_database_url: str
) -> None:
    await opened(store)
    silent = await opened(store)
    with psycopg.connect(migrated_database_url) as connection:
        connection.execute(
            "UPDATE sessions SET expires_at = now() - interval '1 s' WHERE id = %s", [silent.id]
        )

    now = await scrape()

    sessions = "treadle_store_sessions"
    assert (now(sessions, state="open"), now(sessions, state="silent")) == (1, 1)
    assert now("treadle_store_queue_workers", queue="default") == 1


async def test_a_delayed_job_that_nobody_announces_shows_as_lag_until_it_is_announced(
    store: RunningStore, scrape: Scrape
) -> None:
    lag = "treadle_store_announce_lag_seconds"
    await store.container.announce_due_jobs()()
    await submitted(store, delay=0.05 * SECOND)
    await submitted(store, delay=60 * SECOND)

    deadline = time.monotonic() + 5
    while not (await scrape())(lag):
        assert time.monotonic() < deadline
    await store.container.announce_due_jobs()()

    assert (await scrape())(lag) == 0
    assert (await scrape())(JOBS, state="ready") == 1


async def test_the_oldest_transaction_that_holds_back_vacuum_is_seen(
    scrape: Scrape, migrated_database_url: str
) -> None:
    horizon = "treadle_store_oldest_transaction_seconds"
    with psycopg.connect(migrated_database_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT 1")
        held = (await scrape())(horizon)
        connection.rollback()

    assert 0 < held < 30
    assert (await scrape())(horizon) == 0


async def test_pools_are_seen_as_full_as_they_are(store: RunningStore, scrape: Scrape) -> None:
    pools, database = "treadle_store_pool_connections", store.container.database()

    async with database.reading(), database.reading(), database.transaction():
        now = await scrape()

    size = database.pool_size
    assert [now(pools, pool="reads", state=state) for state in ("in_use", "idle")] == [2, size - 2]
    assert now(pools, pool="transactions", state="in_use") == 1
    assert now(pools, pool="single_statements", state="idle") == size


async def test_without_postgresql_there_are_pools_and_no_numbers_that_nobody_knows() -> None:
    registry, database = CollectorRegistry(), Database("postgresql://a@127.0.0.1:1/b", pool_size=3)
    DatabaseGauges(registry, database, PostgresSurvey(database, PostgresQueueDepths(database)))

    now = await seen(registry)

    assert now("treadle_store_pool_connections", state="idle") == 9
    assert not now.has("treadle_store_sessions")
    assert not now.has("treadle_store_announce_lag_seconds")


async def test_a_postgresql_that_hangs_holds_up_one_scrape_for_a_bounded_time(
    store: RunningStore,
) -> None:
    asked = 0

    async def hang() -> Survey:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        raise AssertionError

    registry, longest = CollectorRegistry(), timedelta(seconds=0.05)
    DatabaseGauges(registry, store.container.database(), hang, longest=longest)

    async with asyncio.timeout(2):
        for _ in range(3):
            now = await seen(registry)

    assert asked == 1
    assert now.has("treadle_store_pool_connections")
    assert not now.has("treadle_store_sessions")


async def test_postgresql_is_asked_once_by_scrapes_at_short_distance(store: RunningStore) -> None:
    asked, registry, survey = 0, CollectorRegistry(), store.container.survey()

    async def counted() -> Survey:
        nonlocal asked
        asked += 1
        return await survey()

    DatabaseGauges(registry, store.container.database(), counted)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(seen(registry))
    await seen(registry)

    assert asked == 1


async def test_calls_are_counted_by_method_and_by_how_they_ended(store: RunningStore) -> None:
    await submitted(store)
    request = pb.ListAttemptsRequest(namespace="default", job_id=uuid4().bytes)
    for _ in range(2):
        with pytest.raises(grpc.aio.AioRpcError):
            await store.rpc.ListAttempts(request)

    now = await seen(store.container.registry())

    calls, took = "treadle_store_calls_total", "treadle_store_call_duration_seconds"
    assert now(calls, method="SubmitJobs", status="OK") == 1
    assert now(calls, method="ListAttempts", status="NOT_FOUND") == 2
    assert now(calls) == 3
    assert now(f"{took}_count", method="ListAttempts") == 2
    assert 0 < now(f"{took}_sum") < 10
