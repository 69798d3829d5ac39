"""Unique keys where replicas race, and how they are forgotten."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.builders import a_new_job, a_session, a_stored_job, an_idempotency
from tests.fakes.store_over_postgres import SteppedClock, StoreOverPostgres

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun
from treadle_domain.errors import UniqueConflict
from treadle_domain.stored_job import NewJob, StoredJob, SubmitOutcome
from treadle_domain.uniqueness import OnConflict, Uniqueness, UniqueScope
from treadle_store.application.errors import HolderChanged
from treadle_store.application.ports import Addition, Taking
from treadle_store.application.prune_unique_keys import PruneUniqueKeys
from treadle_store.application.submit_jobs import Accepted

HOUR = timedelta(hours=1)
ROUNDS = 15


def unique(key: str, scope: UniqueScope = UniqueScope.ACTIVE, **more: Any) -> NewJob:
    window = HOUR / 2 if scope is UniqueScope.WINDOW else None
    return a_new_job(unique=Uniqueness(key=key, scope=scope, window=window), **more)


async def cancel(store: StoreOverPostgres, *ids: UUID) -> None:
    await store.do.cancel_jobs("default", ids)


async def test_of_200_submits_of_one_key_at_two_replicas_one_makes_a_job(
    replicas: list[StoreOverPostgres], clock: SteppedClock
) -> None:
    async with asyncio.TaskGroup() as group:
        calls = [
            group.create_task(replicas[n % 2].do.submit_jobs([unique("report-7")]))
            for n in range(200)
        ]

    answers = [answer for call in calls for answer in call.result()]
    accepted = [answer for answer in answers if isinstance(answer, Accepted)]
    assert len(accepted) == 200
    assert len({answer.job.id for answer in accepted}) == 1
    assert clock.read("SELECT count(*) FROM live_jobs") == [[{"count": 1}]]


async def test_keys_whose_jobs_ended_are_taken_over_once_in_whatever_order(
    replicas: list[StoreOverPostgres], clock: SteppedClock
) -> None:
    keys = [f"report-{n}" for n in range(6)]
    for number in range(ROUNDS):
        async with asyncio.TaskGroup() as group:
            calls = [
                group.create_task(replica.do.submit_jobs([unique(key) for key in order]))
                for replica in replicas
                for order in (keys, keys[::-1])
            ]

        answers = [answer for call in calls for answer in call.result()]
        created = [
            answer.job.id
            for answer in answers
            if isinstance(answer, Accepted) and answer.outcome is SubmitOutcome.CREATED
        ]
        assert len(created) == len(keys), number
        assert clock.read("SELECT count(*) FROM live_jobs") == [[{"count": len(keys)}]]
        await cancel(replicas[0], *created)


async def test_of_a_retry_and_a_submit_at_once_one_gets_the_key(
    replicas: list[StoreOverPostgres], clock: SteppedClock
) -> None:
    for number in range(ROUNDS):
        old, new = unique(f"{number}"), unique(f"{number}", on_conflict=OnConflict.REJECT)
        await replicas[0].do.submit_jobs([old])
        await cancel(replicas[0], old.submission.id)

        async with asyncio.TaskGroup() as group:
            retry = group.create_task(replicas[0].do.retry_jobs("default", [old.submission.id]))
            submit = group.create_task(replicas[1].do.submit_jobs([new]))

        [retried], [submitted] = retry.result(), submit.result()
        assert isinstance(retried, StoredJob) == isinstance(submitted, UniqueConflict)
        assert isinstance(submitted, Accepted) == isinstance(retried, UniqueConflict)
        assert clock.read("SELECT count(*) FROM live_jobs") == [[{"count": number + 1}]]


async def test_who_is_answered_with_a_job_finds_it_though_a_repeat_was_faster(
    replicas: list[StoreOverPostgres], clock: SteppedClock
) -> None:
    for number in range(ROUNDS):
        key, repeatable = f"{number}", an_idempotency(f"{number}")
        batches = [[unique(key, idempotency=repeatable), unique(key)] for _ in replicas]

        async with asyncio.TaskGroup() as group:
            calls = [
                group.create_task(replica.do.submit_jobs(batch))
                for replica, batch in zip(replicas, batches, strict=True)
            ]

        answers = [answer for call in calls for answer in call.result()]
        [[live]] = clock.read(f"SELECT id FROM live_jobs WHERE uniqueness ->> 'key' = '{number}'")
        assert {each.job.id for each in answers if isinstance(each, Accepted)} == {live["id"]}


async def test_a_key_that_was_forgotten_and_taken_by_another_job_is_no_longer_as_it_was(
    replicas: list[StoreOverPostgres], clock: SteppedClock
) -> None:
    store, old, other = replicas[0], unique("report-7"), unique("report-7")
    await store.do.submit_jobs([old])
    await cancel(store, old.submission.id)
    seen = (await store.unique_keys.holders("default", ["report-7"]))["report-7"]
    clock.advance(HOUR)
    await PruneUniqueKeys(store.unique_keys, store.database_clock)()
    await replicas[1].do.submit_jobs([other])

    late = a_stored_job(unique=old.submission.unique)
    assert late.job.unique is not None
    taking = Taking(unique=late.job.unique, version=seen.version, expires_at=seen.expires_at)
    with pytest.raises(HolderChanged):
        await store.jobs.add([Addition(new=late, taking=taking)])


async def test_keys_that_nobody_holds_are_forgotten_and_the_others_stay(
    replicas: list[StoreOverPostgres], clock: SteppedClock
) -> None:
    store = replicas[0]
    prune = PruneUniqueKeys(store.unique_keys, store.database_clock)
    held, ended = unique("held"), unique("ended")
    gone, window = unique("gone"), unique("window", UniqueScope.WINDOW)
    await store.do.submit_jobs([held, ended, gone, window])
    await cancel(store, ended.submission.id)
    clock.connection.execute("DELETE FROM live_jobs WHERE id = %s", [gone.submission.id])

    clock.advance(HOUR)
    more = await prune()

    assert not more
    left = "SELECT key, expires_at - (SELECT at FROM test_clock.hands) AS again FROM unique_keys"
    assert clock.read(left) == [[{"key": "held", "again": HOUR}]]


async def test_a_key_that_is_taken_while_it_is_pruned_stays(
    replicas: list[StoreOverPostgres], clock: SteppedClock
) -> None:
    store, old = replicas[0], unique("report-7")
    await store.do.submit_jobs([old])
    await cancel(store, old.submission.id)
    clock.advance(HOUR)
    expired = await store.unique_keys.expired(10)
    await replicas[1].do.retry_jobs("default", [old.submission.id])

    await store.unique_keys.forget(expired)

    [refused] = await store.do.submit_jobs([unique("report-7", on_conflict=OnConflict.REJECT)])
    assert isinstance(refused, UniqueConflict)


async def test_a_claim_and_a_new_payload_at_once_agree_on_what_runs(
    replicas: list[StoreOverPostgres],
) -> None:
    session = a_session("echo")
    await replicas[0].do.keep_session.open(session)
    for number in range(ROUNDS):
        key = f"{number}"
        old = unique(key)
        new = unique(key, payload=b'"new"', on_conflict=OnConflict.REPLACE_PAYLOAD)
        await replicas[0].do.submit_jobs([old])
        batch = ClaimBatch(
            namespace="default",
            session=session.id,
            claim_id=uuid4(),
            heartbeat_number=1,
            job_ids=(old.submission.id,),
        )

        async with asyncio.TaskGroup() as group:
            claim = group.create_task(replicas[0].do.claim_jobs(batch))
            submit = group.create_task(replicas[1].do.submit_jobs([new]))

        [run], [answer] = claim.result(), submit.result()
        assert isinstance(run, ClaimedRun)
        assert isinstance(answer, Accepted)
        replaced = answer.outcome is SubmitOutcome.REPLACED
        assert run.payload == (b'"new"' if replaced else b"{}")
