"""Statements that are transactions of their own: psycopg's connections, with no layer in between."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from select import POLLIN, poll
from typing import Any

from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from sqlalchemy.exc import TimeoutError as PoolTimeout

from treadle_store.adapters.outbound.postgres.compiled import Compiled

Connection = AsyncConnection[tuple[Any, ...]]


class SingleStatements:
    """At most `size` connections, each made when it is first needed.

    One that PostgreSQL ended is found out before its use; it, or one that breaks in use, takes all idle ones with it.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], size: int) -> None:
        self._connect = connect
        self._places = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._is_closed = False
        self.in_use = 0

    async def execute(
        self, statement: Compiled, values: Mapping[str, Any], wait_seconds: float
    ) -> Sequence[tuple[Any, ...]]:
        """Raises psycopg.Error, and PoolTimeout when no connection came free in `wait_seconds`."""
        await self._take_place(wait_seconds)
        self.in_use += 1
        try:
            connection = await self._usable() or await self._connect()
            return await self._rows(connection, statement, values)
        finally:
            self.in_use -= 1
            self._places.release()

    async def close(self) -> None:
        """The connection of a call under way is closed at its end."""
        self._is_closed = True
        await self._close_idle()

    async def _close_idle(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()

    async def _rows(
        self, connection: Connection, statement: Compiled, values: Mapping[str, Any]
    ) -> Sequence[tuple[Any, ...]]:
        try:
            sent = statement.converted(values)
            cursor = await connection.execute(statement.text, sent, binary=True)
            rows = await cursor.fetchall()
        except BaseException as error:
            await self._keep_if_sound(connection, error)
            raise
        await self._keep(connection)
        return rows

    async def _take_place(self, wait_seconds: float) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(wait_seconds):
                await self._places.acquire()
        except TimeoutError as error:
            raise PoolTimeout from error

    async def _usable(self) -> Connection | None:
        if not self._idle:
            return None
        connection = self._idle.pop()
        if not has_something_to_say(connection):
            return connection
        await connection.close()
        await self._close_idle()
        return None

    async def _keep_if_sound(self, connection: Connection, error: BaseException) -> None:
        """Of a call that was given up psycopg ends the statement, or else the connection."""
        sound = connection.info.transaction_status is TransactionStatus.IDLE
        if sound and getattr(error, "sqlstate", None) not in NO_LONGER_OURS:
            await self._keep(connection)
            return
        await connection.close()
        await self._close_idle()

    async def _keep(self, connection: Connection) -> None:
        self._idle.append(connection)
        if self._is_closed:
            await self._close_idle()


def has_something_to_say(connection: Any) -> bool:
    """An idle connection has not, unless the server is leaving: costs a microsecond, no round trip."""
    readable = poll()
    readable.register(connection.fileno(), POLLIN)
    return bool(readable.poll(0))


NO_LONGER_OURS = frozenset({"25006", "25P02", "25P03"})
"""Read-only, in a failed transaction, idle in a transaction for too long."""
