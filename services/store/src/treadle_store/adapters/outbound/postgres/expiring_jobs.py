"""Jobs whose time to start is over, in PostgreSQL."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from treadle_domain.states import JobState
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.tables import live_jobs
from treadle_store.adapters.outbound.postgres.turns import Turn, turn

EXPIRED = (
    select(live_jobs.c.id)
    .where(
        live_jobs.c.expires_at.is_not(None),
        live_jobs.c.expires_at <= func.statement_timestamp(),
        live_jobs.c.state == JobState.PENDING.value,
        live_jobs.c.fence == live_jobs.c.fence_base,
    )
    .order_by(live_jobs.c.expires_at, live_jobs.c.id)
)


class PostgresExpiringJobs:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def expired(self, limit: int) -> Sequence[UUID]:
        async with turn(self._database, Turn.EXPIRE) as connection:
            if connection is None:
                return []
            return (await connection.scalars(EXPIRED.limit(limit))).all()
