"""Whose turn it is: of all replicas one at a time does what a timer does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from treadle_store.adapters.outbound.postgres.database import Database


class Turn(IntEnum):
    """Numbers of advisory locks, one per timer."""

    ANNOUNCE = 0x7EAD1E02
    RECLAIM = 0x7EAD1E03
    EXPIRE = 0x7EAD1E04
    REPAIR = 0x7EAD1E05
    PRUNE_KEYS = 0x7EAD1E06


@asynccontextmanager
async def turn(database: Database, number: Turn) -> AsyncIterator[AsyncConnection | None]:
    """One transaction under a lock that dies with it; None while another replica has its turn.

    A replica that freezes in its turn is cut off by PostgreSQL: see the timeouts of Database.
    """
    async with database.transaction() as connection:
        has_it = await connection.scalar(select(func.pg_try_advisory_xact_lock(int(number))))
        yield connection if has_it else None
