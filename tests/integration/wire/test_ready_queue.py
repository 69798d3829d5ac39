"""The Redis hand-off against a real server."""

import math
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from tests.builders import NOW, SECOND, a_job

from treadle_domain.job import Job
from treadle_wire.ready_queue import Popped, ReadySets, connect

AT_ONCE = timedelta(milliseconds=50)
DEFAULT = ("default", "default")
OTHER = ("default", "other")


@pytest.fixture
def ready(redis: Redis, prefix: str) -> ReadySets:
    return ReadySets(redis, prefix)


async def pop(ready: ReadySets, *queues: tuple[str, str], count: int = 100) -> Popped | None:
    return await ready.pop(queues or (DEFAULT,), count, block=AT_ONCE)


async def popped_ids(ready: ReadySets, *queues: tuple[str, str], count: int = 100) -> list[UUID]:
    popped = await pop(ready, *queues, count=count)
    return [] if popped is None else list(popped.ranks)


def later(seconds: int, **said: object) -> Job:
    return a_job(NOW + seconds * SECOND, **said)


async def test_the_lowest_rank_comes_first(ready: ReadySets) -> None:
    first, second, urgent = later(1), later(2), later(3_000, priority=1)
    await ready.add([second, urgent, first])

    assert await popped_ids(ready) == [urgent.id, first.id, second.id]


async def test_equal_ranks_come_in_the_order_of_their_ids(ready: ReadySets) -> None:
    jobs = [a_job() for _ in range(20)]
    await ready.add(jobs)

    assert await popped_ids(ready) == sorted(job.id for job in jobs)


async def test_a_pop_tells_the_queue_and_the_ranks(ready: ReadySets) -> None:
    job = a_job(namespace="team-a", queue="mail")
    await ready.add([job])

    popped = await pop(ready, ("team-a", "mail"))

    assert popped == Popped(namespace="team-a", queue="mail", ranks={job.id: job.rank})


@pytest.mark.parametrize("created", [NOW.replace(year=1), NOW.replace(year=9999)])
async def test_ranks_of_any_time_come_back_exactly(ready: ReadySets, created: datetime) -> None:
    job = a_job(created, priority=9)
    await ready.add([job])

    popped = await pop(ready)

    assert popped is not None
    assert popped.ranks == {job.id: job.rank}


async def test_adding_twice_changes_nothing(ready: ReadySets) -> None:
    job = a_job()

    await ready.add([job, job])
    await ready.add([job])

    assert await popped_ids(ready) == [job.id]
    assert await pop(ready) is None


async def test_a_pop_takes_no_more_than_asked_for(ready: ReadySets) -> None:
    jobs = [later(seconds) for seconds in range(5)]
    await ready.add(jobs)

    taken = [await popped_ids(ready, count=2) for _ in range(3)]

    assert taken == [[job.id for job in jobs[start : start + 2]] for start in (0, 2, 4)]


async def test_a_removed_job_does_not_come_back(ready: ReadySets) -> None:
    kept, removed = later(2), later(1)
    await ready.add([kept, removed])

    await ready.remove([removed, a_job()])

    assert await popped_ids(ready) == [kept.id]


async def test_what_is_put_back_keeps_its_place(ready: ReadySets) -> None:
    first, second = later(1), later(2)
    await ready.add([first, second])
    popped = await pop(ready, count=1)
    assert popped is not None

    await ready.put_back(popped)

    assert await popped_ids(ready) == [first.id, second.id]


async def test_nothing_to_do_is_no_error(ready: ReadySets) -> None:
    await ready.add([])
    await ready.remove([])
    await ready.put_back(Popped(namespace="default", queue="default", ranks={}))

    assert await pop(ready) is None


async def test_of_several_queues_the_first_that_has_any_is_popped(ready: ReadySets) -> None:
    older, mail = later(1, queue="other"), later(2)
    await ready.add([older, mail])

    assert await popped_ids(ready, ("default", "empty"), DEFAULT, OTHER) == [mail.id]
    assert await popped_ids(ready, ("default", "empty"), DEFAULT, OTHER) == [older.id]


async def test_a_pop_of_empty_queues_waits_its_time_and_returns_nothing(ready: ReadySets) -> None:
    assert await pop(ready, DEFAULT, OTHER) is None


async def test_members_that_are_no_ids_are_told_and_the_ids_beside_them_are_kept(
    ready: ReadySets, redis: Redis
) -> None:
    job, other_form, no_rank = a_job(), str(uuid4()).upper(), str(uuid4())
    await ready.add([job])
    key = ready.key(*DEFAULT)
    await redis.zadd(key, {"no id": 1, "": 2, other_form: 3, no_rank: math.inf})
    await redis.zadd(key, {b"\xff": -math.inf})

    popped = await pop(ready)

    assert popped is not None
    assert popped.ranks == {job.id: job.rank}
    assert set(popped.garbage) == {b"no id", b"\xff", b"", other_form.encode(), no_rank.encode()}


async def test_a_key_of_the_wrong_kind_does_not_hold_up_the_other_queues(
    ready: ReadySets, redis: Redis
) -> None:
    job = a_job(queue="other")
    await ready.add([job])
    await redis.set(ready.key(*DEFAULT), "not a sorted set")

    taken = [*await popped_ids(ready, DEFAULT, OTHER), *await popped_ids(ready, DEFAULT, OTHER)]

    assert taken == [job.id]
    await ready.add([a_job()])
    assert len(await popped_ids(ready)) == 1


def test_a_key_names_its_namespace_and_queue_behind_one_hash_tag() -> None:
    ready = ReadySets(connect("redis://127.0.0.1:1/0"), "treadle")

    assert ready.key("team-a", "mail") == "{treadle}/ready/team-a/mail"


def test_no_two_pairs_of_names_share_a_key() -> None:
    ready = ReadySets(connect("redis://127.0.0.1:1/0"), "treadle")
    parts = ["a", "b", ":", "a:b", "a.b", "-", "a-b", "ready", "ready:a"]
    pairs = {(namespace, queue) for namespace in parts for queue in parts}

    assert len({ready.key(*pair) for pair in pairs}) == len(pairs)


async def test_an_unreachable_server_is_a_redis_error() -> None:
    ready = ReadySets(connect("redis://127.0.0.1:1/0"), "treadle")

    with pytest.raises(RedisError):
        await ready.add([a_job()])
