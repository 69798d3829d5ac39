"""Sessions are history after a day."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from tests.builders import SECOND, a_session, a_stored_job, running
from tests.contract.changes import a_change, a_hold, added
from tests.fakes.in_memory_job_ends import InMemoryJobEnds

from treadle_domain.worker_session import SessionEnd
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.job_repository import PostgresJobRepository
from treadle_store.adapters.outbound.postgres.session_repository import PostgresSessionRepository


async def test_a_session_goes_a_day_after_its_end_unless_something_is_held_in_its_name(
    migrated_database_url: str,
) -> None:
    database = Database(migrated_database_url, pool_size=2)
    sessions, jobs = (
        PostgresSessionRepository(database),
        PostgresJobRepository(database, InMemoryJobEnds()),
    )
    is_open, fresh, old, holding = (a_session() for _ in range(4))
    for session in (is_open, fresh, old, holding):
        await sessions.open(session, 30 * SECOND)
    stored = a_stored_job()
    await added(jobs, stored)
    claimed = running(stored.job, session=holding.id)
    await jobs.save([a_change(stored.job, claimed, hold=a_hold())])
    for session in (fresh, old, holding):
        await sessions.close(session.id, SessionEnd.DRAINED)
    await _set_back(database, [is_open.id, old.id, holding.id], timedelta(days=2))

    await sessions.forget_closed()

    async with database.reading() as connection:
        kept = set(await connection.scalars(text("SELECT id FROM sessions")))
    assert kept == {is_open.id, fresh.id, holding.id}
    await database.close()


async def _set_back(database: Database, ids: list[UUID], by: timedelta) -> None:
    statement = text(
        "UPDATE sessions SET opened_at = opened_at - :by, closed_at = closed_at - :by"
        " WHERE id = ANY(:ids)"
    )
    async with database.transaction() as connection:
        await connection.execute(statement, {"by": by, "ids": ids})
