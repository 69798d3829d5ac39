"""Every JobRepository there is."""

from collections.abc import AsyncIterator

import pytest
from tests.contract.submit_scene import scene
from tests.fakes.in_memory_job_ends import InMemoryJobEnds
from tests.fakes.in_memory_store import InMemoryJobRepository

from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.job_repository import PostgresJobRepository
from treadle_store.application.ports import JobRepository


@pytest.fixture
def job_ends() -> InMemoryJobEnds:
    return InMemoryJobEnds()


@pytest.fixture(params=["in memory", "PostgreSQL"])
async def jobs(
    request: pytest.FixtureRequest, job_ends: InMemoryJobEnds
) -> AsyncIterator[JobRepository]:
    if request.param == "in memory":
        yield InMemoryJobRepository(job_ends)
        return
    database = Database(request.getfixturevalue("migrated_database_url"), pool_size=2)
    yield PostgresJobRepository(database, job_ends)
    await database.close()


__all__ = ["scene"]
