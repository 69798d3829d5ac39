"""Lists while jobs are submitted, run, end and get new lives: what was there is shown once."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from tests.builders import NOW, SECOND, a_stored_job, running
from tests.contract.changes import a_change, a_hold, added, failed_for_good, put, succeeded
from tests.integration.store.listing import pages, repository

from treadle_domain.job import Job
from treadle_domain.states import JobState
from treadle_domain.stored_job import JobQuery
from treadle_store.adapters.outbound.postgres.job_repository import PostgresJobRepository


async def test_jobs_that_were_there_are_shown_once_while_all_moves(
    migrated_database_url: str,
) -> None:
    async with repository(migrated_database_url) as (jobs, _):
        there = [a_stored_job(now=NOW - timedelta(milliseconds=n // 3)) for n in range(120)]
        await added(jobs, *there)
        async with asyncio.TaskGroup() as tasks:
            moving = tasks.create_task(_move(jobs, [stored.job for stored in there]))

            walks = [
                await pages(jobs, JobQuery(namespace="default", limit=limit, **filters))
                for limit in (7, 1, 50)
                for filters in ({}, {"queue": "default"}, {"type": "echo", "metadata": {}})
            ]
            moving.cancel()

    for walk in walks:
        shown = [job.id for page in walk for job in page]
        assert len(shown) == len(set(shown))
        assert {stored.job.id for stored in there} <= set(shown)


async def _move(jobs: PostgresJobRepository, lives: list[Job]) -> None:
    """From live to finished and back, with newcomers among them."""
    while True:
        n = random.randrange(len(lives))
        before = lives[n]
        if before.state is JobState.PENDING:
            after = running(before)
        elif before.state is JobState.RUNNING:
            after = failed_for_good(before)
        else:
            after = before.retry(NOW)
        hold = a_hold() if after.state is JobState.RUNNING else None
        assert not await jobs.save([a_change(before, after, hold=hold)])
        lives[n] = after
        if n < 10:
            await put(jobs, a_stored_job(now=NOW + timedelta(seconds=n)), running, succeeded)


async def test_a_job_whose_commit_is_late_is_in_the_next_walk_and_spoils_no_page(
    migrated_database_url: str,
) -> None:
    there = [a_stored_job(now=NOW + n * SECOND) for n in range(5)]
    old_to_new = [stored.job.id for stored in there]
    late, query = UUID(int=7), JobQuery(namespace="default", limit=3)
    async with repository(migrated_database_url) as (jobs, database):
        await added(jobs, *there)
        async with database.transaction() as slow:
            await slow.exec_driver_sql(_COPY, {"id": late, "created_at": NOW + 3.5 * SECOND})

            first = await jobs.page(query)
        second = await jobs.page(replace(query, after=first.next))
        again = await jobs.page(query)

    walk = [job.id for job in (*first.jobs, *second.jobs)]
    assert walk == old_to_new[::-1]
    assert [job.id for job in again.jobs] == [old_to_new[4], late, old_to_new[3]]


_COPY = """
INSERT INTO live_jobs
SELECT (jsonb_populate_record(
    job, jsonb_build_object('id', %(id)s::uuid, 'created_at', %(created_at)s::timestamptz))).*
FROM live_jobs AS job LIMIT 1
"""
