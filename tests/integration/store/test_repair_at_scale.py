"""How much Redis holds of a long backlog, and how soon a flush is made good."""

import time
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis
from tests.integration.own_valkey import own_valkey
from tests.integration.store.repairing import Repairing

from treadle_store.adapters.outbound.postgres.database import Database
from treadle_wire.ready_queue import connect

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def valkey_url() -> Iterator[str]:
    with own_valkey() as url:
        yield url


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    redis = connect(valkey_url)
    await redis.flushall()
    yield redis
    await redis.aclose()


@pytest.fixture
async def database(migrated_database_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_database_url, pool_size=2)
    yield database
    await database.close()


async def test_a_flush_of_ten_thousand_ids_is_made_good_in_three_seconds(
    redis: Redis, database: Database
) -> None:
    world = Repairing(redis, "test", database)
    await world.insert(10_000)
    await world.insert(1_000, delay="1 h")
    await world.until_done()
    order = [*await world.due()]
    await redis.flushall()
    began = time.monotonic()

    await world.until_done()

    # The next turn comes within a second.
    assert time.monotonic() - began < 2
    assert await world.waiting() == order


@pytest.mark.parametrize("queues", [1, 50])
async def test_redis_holds_its_limit_and_no_more(
    redis: Redis, database: Database, queues: int
) -> None:
    world = Repairing(redis, "test", database, ids_limit=2_000)
    await world.insert(20_000, queues=queues)

    await world.until_done()

    held = sum([len(await world.waiting(f"q{n}")) for n in range(queues)])
    assert 1_000 <= held <= 2_000


@pytest.mark.soak
@pytest.mark.parametrize("queues", [1, 50])
async def test_a_million_jobs_need_less_than_64_megabytes(
    redis: Redis, database: Database, queues: int
) -> None:
    world = Repairing(redis, "test", database)
    for _ in range(10):
        await world.insert(100_000, queues=queues)
    await world.execute("ANALYZE live_jobs")
    began = time.monotonic()

    await world.until_done()

    used = (await redis.info("memory"))["used_memory"]
    print(f"{queues} queues: {used / MEGABYTE:.1f} MB, {time.monotonic() - began:.1f} s")  # noqa: T201
    assert used < 64 * MEGABYTE
    for n in {0, queues - 1}:
        waiting = await world.waiting(f"q{n}")
        assert waiting == [*await world.due(f"q{n}")][: len(waiting)]
