"""Lists of a repository on PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from tests.fakes.in_memory_job_ends import InMemoryJobEnds

from treadle_domain.job import Job
from treadle_domain.stored_job import JobQuery
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.job_repository import PostgresJobRepository


@asynccontextmanager
async def repository(url: str) -> AsyncIterator[tuple[PostgresJobRepository, Database]]:
    database = Database(url, pool_size=3)
    yield PostgresJobRepository(database, InMemoryJobEnds()), database
    await database.close()


async def pages(
    jobs: PostgresJobRepository, query: JobQuery, most: int = 10_000
) -> list[Sequence[Job]]:
    """From the first to the last, or `most` of them."""
    found: list[Sequence[Job]] = []
    while len(found) < most:
        page = await jobs.page(query)
        found.append(page.jobs)
        if page.next is None:
            break
        query = replace(query, after=page.next)
    return found
