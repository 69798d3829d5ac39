"""The database's clock."""

from datetime import datetime

from sqlalchemy import func, select

from treadle_store.adapters.outbound.postgres.database import Database

_NOW = select(func.clock_timestamp())


class PostgresClock:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def now(self) -> datetime:
        async with self._database.reading() as connection:
            now: datetime = (await connection.scalars(_NOW)).one()
        return now
