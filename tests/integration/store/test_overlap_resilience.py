"""Two replicas that change the same jobs at the same time, each in its own order: neither waits for the other for ever.

Nothing here tries again: a deadlock would end a test as `Conflicted`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence

import psycopg
import pytest
from tests.builders import a_stored_job, running
from tests.contract.changes import added
from tests.fakes.in_memory_job_ends import InMemoryJobEnds

from treadle_domain.stored_job import StoredJob
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.job_repository import PostgresJobRepository
from treadle_store.application.ports import Change

ROUNDS = 12


@pytest.fixture
async def replicas(migrated_database_url: str) -> AsyncIterator[list[PostgresJobRepository]]:
    databases = [Database(migrated_database_url, pool_size=2) for _ in range(2)]
    yield [PostgresJobRepository(database, InMemoryJobEnds()) for database in databases]
    for database in databases:
        await database.close()


@pytest.fixture(autouse=True)
def _no_deadlocks(
    migrated_database_url: str, replicas: list[PostgresJobRepository]
) -> Iterator[None]:
    yield
    with psycopg.connect(migrated_database_url) as connection:
        counter = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        assert connection.execute(counter).fetchone() == (0,)


def every_other_ends(jobs: Sequence[StoredJob], first: int) -> list[Change]:
    """A batch of claims and cancels: rows that stay, and rows that move to the other table."""
    return [
        Change(
            before=stored.job,
            after=stored.job.cancel(stored.job.created_at)
            if number % 2 == first
            else running(stored.job),
            now=stored.job.created_at,
        )
        for number, stored in enumerate(jobs)
    ]


async def test_batches_that_mix_ends_and_other_changes(
    replicas: list[PostgresJobRepository],
) -> None:
    for _ in range(ROUNDS):
        jobs = [a_stored_job() for _ in range(10)]
        await added(replicas[0], *jobs)
        async with asyncio.TaskGroup() as group:
            saves = [
                group.create_task(replica.save(every_other_ends(jobs, first=number)))
                for number, replica in enumerate(replicas)
            ]

        missed = sum(len(save.result()) for save in saves)
        assert missed == len(jobs)


async def test_batches_of_the_same_new_jobs_in_opposite_orders(
    replicas: list[PostgresJobRepository],
) -> None:
    for _ in range(ROUNDS):
        jobs = [a_stored_job() for _ in range(200)]
        async with asyncio.TaskGroup() as group:
            adds = [
                group.create_task(added(replicas[0], *jobs)),
                group.create_task(added(replicas[1], *jobs[::-1])),
            ]

        first, second = (add.result() for add in adds)
        assert [stored.job.id for stored in first] == [stored.job.id for stored in second[::-1]]
