"""Runs whose session is not open, in PostgreSQL."""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from treadle_domain.worker_session import SessionEnd
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.tables import held, sessions
from treadle_store.adapters.outbound.postgres.turns import Turn, turn
from treadle_store.adapters.outbound.postgres.up_clock import TICK, up_now
from treadle_store.application.ports import Stock, VoidRun

SESSION_ENDED = sessions.c.closed_at.is_(None) & (sessions.c.expires_up < up_now())
_CLOSE_EXPIRED = (
    update(sessions)
    .values(closed_at=func.clock_timestamp(), close_reason=SessionEnd.EXPIRED.value)
    .where(SESSION_ENDED)
    .returning(sessions.c.id)
)
LOST = (
    select(held.c.job_id, held.c.session, held.c.fence, sessions.c.close_reason)
    .outerjoin(sessions, sessions.c.id == held.c.session)
    .where((sessions.c.id.is_(None)) | (sessions.c.closed_at.is_not(None)))
    .order_by(held.c.claimed_at)
)


class PostgresLostRuns:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def take_stock(self, limit: int) -> Stock:
        async with turn(self._database, Turn.RECLAIM) as connection:
            if connection is None:
                return Stock()
            await connection.execute(TICK)
            closed = (await connection.scalars(_CLOSE_EXPIRED)).all()
            return Stock(sessions_closed=len(closed), runs=await _lost(connection, limit))


async def _lost(connection: AsyncConnection, limit: int) -> Sequence[VoidRun]:
    """All without an open session, not only those of the sessions just closed: a claim may have come in between."""
    return [
        VoidRun(
            job_id=row.job_id,
            session=row.session,
            fence=row.fence,
            is_lost=row.close_reason != SessionEnd.DRAINED.value,
        )
        for row in await connection.execute(LOST.limit(limit))
    ]
