"""Every JobRepository there is."""

from collections.abc import AsyncIterator

import pytest
from tests.fakes.in_memory_store import InMemoryJobRepository

from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.job_repository import PostgresJobRepository
from treadle_store.application.ports import JobRepository


@pytest.fixture(params=["in memory", "PostgreSQL"])
async def jobs(request: pytest.FixtureRequest) -> AsyncIterator[JobRepository]:
    if request.param == "in memory":
        yield InMemoryJobRepository()
        return
    database = Database(request.getfixturevalue("migrated_database_url"), pool_size=2)
    yield PostgresJobRepository(database)
    await database.close()
