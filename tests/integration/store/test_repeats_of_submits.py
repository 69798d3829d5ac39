"""A submit that is repeated while its job ends: the end is committed after the repeat began to wait for it."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from tests.builders import a_new_job, an_idempotency
from tests.eventually import eventually
from tests.fakes.store_over_postgres import StoreOverPostgres

from treadle_domain.stored_job import NewJob
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.tables import live_jobs

_NAMES = [column.name for column in live_jobs.columns]
_AT_ITS_END = {"state": "'CANCELLED'", "finished_at": "now()"}
_END = f"""
WITH gone AS (DELETE FROM live_jobs RETURNING *)
INSERT INTO finished_jobs ({", ".join(_NAMES)})
SELECT {", ".join(_AT_ITS_END.get(name, name) for name in _NAMES)} FROM gone
"""
_WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


@pytest.fixture
async def store(migrated_database_url: str) -> AsyncIterator[StoreOverPostgres]:
    database = Database(migrated_database_url, pool_size=2)
    yield StoreOverPostgres(database)
    await database.close()


@pytest.mark.parametrize(
    "new", [a_new_job(), a_new_job(idempotency=an_idempotency("order-17"))], ids=["plain", "key"]
)
async def test_it_makes_no_second_run(
    store: StoreOverPostgres, migrated_database_url: str, new: NewJob
) -> None:
    await store.do.submit_jobs([new])
    with (
        psycopg.connect(migrated_database_url) as ending,
        psycopg.connect(migrated_database_url, autocommit=True) as looking,
    ):
        if new.submission.idempotency is not None:
            # Else the key of the first submit is found before its job is looked at.
            looking.execute("DELETE FROM idempotency_keys")
        ending.execute(_END.encode())

        async with asyncio.TaskGroup() as group:
            group.create_task(store.do.submit_jobs([new]))
            await eventually(lambda: looking.execute(_WAITING).fetchone() == (1,))
            ending.commit()

        assert looking.execute("SELECT count(*) FROM live_jobs").fetchone() == (0,)
