"""Idempotency keys where time passes, replicas race and rows vanish."""

import asyncio
from datetime import timedelta

import pytest
from tests.builders import SECOND, a_new_job, a_stored_job, an_idempotency
from tests.fakes.store_over_postgres import SteppedClock, StoreOverPostgres

from treadle_domain.errors import IdempotencyMismatch
from treadle_domain.stored_job import SubmitOutcome
from treadle_store.adapters.outbound.postgres.idempotency_keys import PostgresIdempotencyKeys
from treadle_store.application.errors import Conflicted
from treadle_store.application.ports import Addition
from treadle_store.application.submit_jobs import Accepted

KEPT = timedelta(days=1)
KEY = an_idempotency("order-17")
ROUNDS = 20


async def test_equal_submits_at_two_replicas_at_once_make_one_job(
    replicas: list[StoreOverPostgres],
) -> None:
    for number in range(ROUNDS):
        keys = [an_idempotency(f"{number}-{n}") for n in range(5)]
        async with asyncio.TaskGroup() as group:
            calls = [
                group.create_task(
                    replica.do.submit_jobs([a_new_job(idempotency=key) for key in order])
                )
                for replica in replicas * 2
                for order in (keys, keys[::-1])
            ]

        answers = [answer for call in calls for answer in call.result()]
        accepted = [answer for answer in answers if isinstance(answer, Accepted)]
        assert len(accepted) == len(answers)
        assert len({answer.job.id for answer in accepted}) == len(keys)
        assert sum(answer.outcome is SubmitOutcome.CREATED for answer in accepted) == len(keys)


async def test_another_request_with_the_key_is_refused_and_makes_no_job(
    replicas: list[StoreOverPostgres], clock: SteppedClock
) -> None:
    other = an_idempotency("order-17", b"other")
    await replicas[0].do.submit_jobs([a_new_job(idempotency=KEY)])

    refused, neighbour = await replicas[1].do.submit_jobs(
        [a_new_job(idempotency=other), a_new_job()]
    )

    assert isinstance(refused, IdempotencyMismatch)
    assert refused.key == "order-17"
    assert isinstance(neighbour, Accepted)
    assert clock.read("SELECT count(*) FROM live_jobs") == [[{"count": 2}]]


async def test_a_repeated_call_is_no_replay(replicas: list[StoreOverPostgres]) -> None:
    new = a_new_job(idempotency=KEY)
    [first] = await replicas[0].do.submit_jobs([new])

    [second] = await replicas[1].do.submit_jobs([new])

    assert first == second
    assert isinstance(second, Accepted)
    assert second.outcome is SubmitOutcome.CREATED


async def test_a_key_is_free_again_when_its_time_is_over_pruned_or_not(
    replicas: list[StoreOverPostgres], clock: SteppedClock
) -> None:
    [first] = await replicas[0].do.submit_jobs([a_new_job(idempotency=KEY)])
    clock.advance(KEPT - SECOND)
    [replayed] = await replicas[0].do.submit_jobs([a_new_job(idempotency=KEY)])
    clock.advance(SECOND)

    [second] = await replicas[0].do.submit_jobs(
        [a_new_job(idempotency=an_idempotency("order-17", b"other"))]
    )

    assert isinstance(first, Accepted)
    assert isinstance(replayed, Accepted)
    assert isinstance(second, Accepted)
    assert replayed.job.id == first.job.id != second.job.id
    assert second.outcome is SubmitOutcome.CREATED


async def test_old_keys_are_pruned_page_by_page_and_young_ones_stay(
    replicas: list[StoreOverPostgres], clock: SteppedClock
) -> None:
    keys = PostgresIdempotencyKeys(replicas[0].database, KEPT)
    clock.connection.execute(
        "INSERT INTO idempotency_keys SELECT 'default', n::text, '', gen_random_uuid(), at"
        " FROM generate_series(1, 1200) n, test_clock.hands"
    )
    clock.advance(KEPT)
    await replicas[0].do.submit_jobs([a_new_job(idempotency=KEY)])

    more = [await keys.prune(), await keys.prune(), await keys.prune()]

    assert more == [True, False, False]
    assert clock.read("SELECT key FROM idempotency_keys") == [[{"key": "order-17"}]]


async def test_a_key_whose_job_was_deleted_is_free_when_the_call_is_made_again(
    replicas: list[StoreOverPostgres], clock: SteppedClock
) -> None:
    await replicas[0].do.submit_jobs([a_new_job(idempotency=KEY)])
    clock.connection.execute("DELETE FROM live_jobs")
    again = Addition(new=a_stored_job(), idempotency=KEY)

    with pytest.raises(Conflicted):
        await replicas[0].jobs.add([again])
    [added] = await replicas[0].jobs.add([again])

    assert added.stored == again.new


async def test_a_submit_without_a_key_pays_no_statement(
    replicas: list[StoreOverPostgres], clock: SteppedClock
) -> None:
    clock.connection.execute("ALTER TABLE idempotency_keys RENAME TO away")

    [answer] = await replicas[0].do.submit_jobs([a_new_job()])

    assert isinstance(answer, Accepted)
