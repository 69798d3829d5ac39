"""What Redis forgot, or never held, comes back from PostgreSQL."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import func, select
from tests.backing import fresh_database
from tests.builders import a_job
from tests.integration.store.repairing import Repairing, forget, spoil

from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.migrate import migrate
from treadle_store.adapters.outbound.postgres.turns import Turn
from treadle_store.application.ports import Happening
from treadle_store.application.repair_ready_queue import CHECKED
from treadle_wire.ready_queue import connect

Q0 = ("default", "q0")


async def holds(world: Repairing, ids: Sequence[UUID]) -> bool:
    return await world.waiting() == [*ids]


async def holds_all(world: Repairing) -> bool:
    return await holds(world, await world.due())


@pytest.fixture(scope="module")
def shared_database_url(postgres_url: str) -> Iterator[str]:
    with fresh_database(postgres_url) as url:
        migrate(url)
        yield url


@pytest.fixture
async def database(shared_database_url: str) -> AsyncIterator[Database]:
    database = Database(shared_database_url, pool_size=2)
    async with database.transaction() as connection:
        await connection.exec_driver_sql("TRUNCATE live_jobs")
        await connection.exec_driver_sql("UPDATE ready_epoch SET epoch = ''")
    yield database
    await database.close()


@pytest.fixture
def world(redis: Redis, prefix: str, database: Database) -> Repairing:
    return Repairing(redis, prefix, database, ids_limit=100)


async def test_the_lowest_ranks_come_to_redis_up_to_the_cap(world: Repairing) -> None:
    await world.insert(1_000)

    await world.until_done()

    waiting = await world.waiting()
    assert 50 <= len(waiting) <= 100
    assert waiting == [*await world.due()][: len(waiting)]


async def test_queues_share_the_cap(world: Repairing) -> None:
    await world.insert(1_000, queues=4)

    await world.until_done()

    sizes = [len(await world.waiting(f"q{n}")) for n in range(4)]
    assert all(12 <= size <= 25 for size in sizes)


async def test_a_queue_that_was_alone_gives_way_to_others(world: Repairing) -> None:
    await world.insert(1_000)
    await world.until_done()
    order = [*await world.due()]
    await world.insert(1_000, queues=5)

    await world.until_done()

    assert await world.waiting() == order[:20]


async def test_all_are_run_in_the_order_of_their_ranks(world: Repairing) -> None:
    await world.insert(1_000)
    order = [*await world.due()]

    popped = await world.drain([Q0], at_once=30)

    assert popped == order


async def test_pushes_beyond_the_boundary_wait_for_their_turn(world: Repairing) -> None:
    await world.insert(300)
    await world.until_done()
    order = [*await world.due()]

    await world.ready_sets.add([a_job(datetime.now(UTC), queue="q0")])

    waiting = await world.waiting()
    assert waiting == order[: len(waiting)]


async def test_delayed_and_running_jobs_stay_out(world: Repairing) -> None:
    await world.insert(10, delay="1 h")
    await world.insert(10, state="RUNNING")
    await world.insert(5)

    await world.until_done()

    assert await world.waiting() == [*await world.due()]
    assert len(await world.waiting()) == 5


async def test_a_flush_is_found_and_all_is_read_again(world: Repairing) -> None:
    await world.insert(40)
    await world.until_done()
    await forget(world, "*")

    await world.until_done()

    assert await world.waiting() == [*await world.due()]
    assert world.tally.counts[Happening.REBUILT] == 2


async def test_a_turn_on_a_redis_that_is_what_it_was_rebuilds_nothing(world: Repairing) -> None:
    await world.insert(60)

    for _ in range(4):
        await world.repair()

    assert world.tally.counts[Happening.REBUILT] == 1


async def test_an_old_snapshot_is_told_by_its_epoch(world: Repairing) -> None:
    await world.insert(10)
    await world.until_done()
    keys = [key async for key in world.redis.scan_iter(f"{{{world.prefix}}}*")]
    snapshot = {key: await world.redis.dump(key) for key in keys}
    await world.insert(10)
    await world.until_done()
    await forget(world, "*")
    for key, value in snapshot.items():
        await world.redis.restore(key, 0, value or b"")

    await world.until_done()

    assert await world.waiting() == [*await world.due()]
    assert world.tally.counts[Happening.REBUILT] == 2


async def test_the_memory_of_another_installation_is_not_believed(world: Repairing) -> None:
    await world.insert(10)
    await world.until_done()
    await world.redis.hset(f"{{{world.prefix}}}/boundary", "epoch", f"{uuid4().hex}:1")
    await world.redis.delete(world.ready_sets.key(*Q0))

    await world.until_done()

    assert await world.waiting() == [*await world.due()]


@pytest.mark.parametrize("kind", ["boundary", "filling", "cap", "missing/*", "ready/*"])
@pytest.mark.parametrize("harm", ["lost", "spoilt"])
async def test_no_key_is_so_dear_that_its_loss_loses_a_job(
    world: Repairing, kind: str, harm: str
) -> None:
    await world.insert(120)
    await world.until_done()
    order = [*await world.due()]
    if harm == "lost":
        await forget(world, kind)
    else:
        await spoil(world, kind)

    popped = await world.drain([Q0])

    assert set(popped) == set(order)


async def test_a_lost_id_at_the_head_is_back_at_its_second_sighting(world: Repairing) -> None:
    await world.insert(10)
    await world.until_done()
    lost, *others = await world.due()
    await world.redis.zrem(world.ready_sets.key(*Q0), str(lost))

    await world.repair()
    assert await world.waiting() == others

    await world.until(lambda: holds(world, [lost, *others]))
    assert world.tally.counts[Happening.REPAIRED] == 1


async def test_an_id_that_is_claimed_between_two_sightings_does_not_come_back(
    world: Repairing,
) -> None:
    await world.insert(1)
    await world.until_done()
    await world.ready_sets.pop([Q0], 1)
    await world.repair()
    await world.execute("UPDATE live_jobs SET state = 'RUNNING', version = 2")

    for _ in range(3):
        await world.repair()

    assert await world.waiting() == []
    assert world.tally.counts[Happening.REPAIRED] == 0


async def test_an_id_that_is_given_back_between_two_sightings_is_sighted_anew(
    world: Repairing,
) -> None:
    await world.insert(1)
    await world.until_done()
    await world.ready_sets.pop([Q0], 1)

    for _ in range(8):
        await world.execute("UPDATE live_jobs SET version = version + 2")
        await world.repair()

    assert await world.waiting() == []
    await world.until(lambda: holds_all(world))


async def test_a_queue_whose_set_is_gone_is_read_from_its_beginning(
    redis: Redis, database: Database
) -> None:
    world = Repairing(redis, f"test-{uuid4()}", database)
    await world.insert(2 * CHECKED)
    await world.until_done()
    order = [*await world.due()]
    await forget(world, "ready/*")

    await world.until(lambda: holds(world, order))

    await forget(world, "*")


async def test_garbage_in_a_set_does_no_harm(world: Repairing) -> None:
    await world.insert(300)
    order = [*await world.due()]
    key = world.ready_sets.key(*Q0)
    garbage = {
        "": 0,
        "null": -(10**9),
        "\N{GRINNING FACE}": 5,
        str(uuid4()): 1,
        "no rank": float("inf"),
    }
    await world.redis.zadd(key, garbage)
    await world.repair()
    await world.redis.zadd(key, garbage | {f"x{n}": float("inf") for n in range(200)})

    popped = await world.drain([Q0])

    assert set(order) <= set(popped)


async def test_while_redis_is_away_a_turn_ends_in_peace(database: Database) -> None:
    away = connect("redis://127.0.0.1:1/0")
    world = Repairing(away, "test", database)
    await world.insert(1)

    assert not await world.repair()

    await away.aclose()


async def test_of_two_replicas_one_repairs(world: Repairing, database: Database) -> None:
    await world.insert(10)
    async with database.transaction() as connection:
        await connection.execute(select(func.pg_advisory_xact_lock(int(Turn.REPAIR))))

        assert not await world.repair()
        assert await world.waiting() == []


async def test_the_boundary_of_a_queue_without_jobs_goes(world: Repairing) -> None:
    await world.insert(200)
    await world.until_done()
    await world.execute("DELETE FROM live_jobs")
    await world.redis.delete(world.ready_sets.key(*Q0))

    await world.repair()

    assert await world.redis.hkeys(f"{{{world.prefix}}}/boundary") == [b"epoch"]
