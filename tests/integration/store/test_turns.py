"""Timers of several replicas on one PostgreSQL."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select

from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.turns import Turn, turn
from treadle_store.application.errors import DatabaseUnavailable


async def test_one_replica_at_a_time_has_the_turn(migrated_database_url: str) -> None:
    ours, theirs, third = (Database(migrated_database_url, 1) for _ in range(3))

    async with turn(ours, Turn.RECLAIM) as held:
        async with turn(theirs, Turn.RECLAIM) as refused, turn(third, Turn.EXPIRE) as another:
            assert (held is not None, refused, another is not None) == (True, None, True)
    async with turn(theirs, Turn.RECLAIM) as free:
        assert free is not None

    for database in (ours, theirs, third):
        await database.close()


async def test_a_replica_that_freezes_in_its_turn_is_cut_off(migrated_database_url: str) -> None:
    frozen, other = Database(migrated_database_url, 1), Database(migrated_database_url, 1)
    begun = time.monotonic()

    async def until_free() -> None:
        while True:
            async with turn(other, Turn.RECLAIM) as theirs:
                if theirs is not None:
                    return
            await asyncio.sleep(0.1)

    with pytest.raises(DatabaseUnavailable):
        await _in_turn(frozen, until_free)

    assert time.monotonic() - begun < 4
    await frozen.close()
    await other.close()


async def _in_turn(database: Database, act: Callable[[], Awaitable[None]]) -> None:
    async with turn(database, Turn.RECLAIM) as connection:
        assert connection is not None
        await act()
        await connection.execute(select(1))
