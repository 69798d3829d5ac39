"""The announcer's turns in PostgreSQL: one transaction each, under a lock that dies with it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from treadle_domain.job import Job
from treadle_domain.states import JobState
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.reads import job_columns
from treadle_store.adapters.outbound.postgres.rows import jobs_of
from treadle_store.adapters.outbound.postgres.tables import live_jobs, marks
from treadle_store.adapters.outbound.postgres.turns import Turn, turn
from treadle_store.application.ports import Mark

_ANNOUNCED = "announced"
_HANDED_OVER = "handed over"
_BEGINNING = UUID(int=0)
DELAYED = (live_jobs.c.run_at > live_jobs.c.created_at) & (
    live_jobs.c.state == JobState.PENDING.value
)
_MARKS = select(marks)
ANNOUNCED = select(marks.c.run_at).where(marks.c.name == _ANNOUNCED)


class PostgresAnnounceTurn:
    def __init__(
        self, connection: AsyncConnection, now: datetime, mark: Mark, handed_over: Mark | None
    ) -> None:
        self._connection = connection
        self.now = now
        self.mark = mark
        self.handed_over = handed_over

    async def due(self, after: Mark, until: datetime, limit: int) -> Sequence[Job]:
        place = tuple_(live_jobs.c.run_at, live_jobs.c.id)
        statement = (
            select(*job_columns(live_jobs))
            .where(
                DELAYED,
                place > tuple_(after.run_at, after.job_id),
                live_jobs.c.run_at <= until,
            )
            .order_by(live_jobs.c.run_at, live_jobs.c.id)
            .limit(limit)
        )
        return [*jobs_of((await self._connection.execute(statement)).all())]

    async def move_mark(self, mark: Mark) -> None:
        await self._move(_ANNOUNCED, mark)

    async def move_handed_over(self, mark: Mark) -> None:
        await self._move(_HANDED_OVER, mark)

    async def _move(self, name: str, mark: Mark) -> None:
        place = {"run_at": mark.run_at, "job_id": mark.job_id}
        statement = insert(marks).values(name=name, **place)
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_=place)
        )


class PostgresAnnouncements:
    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[PostgresAnnounceTurn | None]:
        async with turn(self._database, Turn.ANNOUNCE) as connection:
            if connection is None:
                yield None
                return
            now = (await connection.scalars(select(func.clock_timestamp()))).one()
            kept = {
                row.name: Mark(row.run_at, row.job_id) for row in await connection.execute(_MARKS)
            }
            mark = kept.get(_ANNOUNCED) or await _beginning(connection, now)
            yield PostgresAnnounceTurn(connection, now, mark, kept.get(_HANDED_OVER))


async def _beginning(connection: AsyncConnection, now: datetime) -> Mark:
    """Before the first delayed job that there is."""
    earliest = await connection.scalar(
        select(func.min(live_jobs.c.run_at)).where(live_jobs.c.run_at > live_jobs.c.created_at)
    )
    return Mark(min(earliest or now, now), _BEGINNING)
