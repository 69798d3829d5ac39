"""Connections to PostgreSQL, and what its errors mean to the store."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import ExceptionContext, event, make_url
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from treadle_store.application.errors import (
    Conflicted,
    DatabaseUnavailable,
    StoreError,
    Unstorable,
)

_STATEMENT_TIMEOUT_MS = 5_000
_POOL_TIMEOUT_SECONDS = 3
_CONNECT_TIMEOUT_SECONDS = 3


def driver_url(database_url: str) -> str:
    """The same database by the driver in use, whichever form of postgresql:// the setting has."""
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    return url.render_as_string(hide_password=False)


class Database:
    """Two pools of `pool_size`; no connection is opened before the first use.

    The first call that meets a broken connection drops all of its pool: after an outage nothing has to be restarted.
    """

    def __init__(self, database_url: str, pool_size: int) -> None:
        # Two pools: to switch a connection to autocommit and back costs more than most reads.
        self._writes = _engine(database_url, pool_size)
        self._reads = _engine(database_url, pool_size, isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Commits at the end of the block. Raises DatabaseUnavailable, Conflicted or Unstorable."""
        with _translated():
            async with self._writes.begin() as connection:
                yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Every statement is a transaction of its own. Raises DatabaseUnavailable."""
        with _translated():
            async with self._reads.connect() as connection:
                yield connection

    async def close(self) -> None:
        await self._writes.dispose()
        await self._reads.dispose()


def _engine(database_url: str, pool_size: int, **more: Any) -> AsyncEngine:
    engine = create_async_engine(
        driver_url(database_url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_POOL_TIMEOUT_SECONDS,
        pool_use_lifo=True,
        pool_reset_on_return=None,  # a transaction ends where it began: in a block
        connect_args={
            "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
            "options": f"-c statement_timeout={_STATEMENT_TIMEOUT_MS}"
            f" -c idle_in_transaction_session_timeout={_STATEMENT_TIMEOUT_MS} -c timezone=UTC",
        },
        **more,
    )
    event.listen(engine.sync_engine, "handle_error", _drop_if_of_no_use)
    return engine


def _drop_if_of_no_use(context: ExceptionContext) -> None:
    """A server that became a replica, or ended our transaction, leaves a connection that looks healthy."""
    if getattr(context.original_exception, "sqlstate", None) in _NO_LONGER_OURS:
        context.is_disconnect = True


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnavailable("all connections are in use") from error
    except DBAPIError as error:
        meaning = _meaning(error, _sqlstate(error))
        if meaning is None:
            raise
        raise meaning(str(error.orig).partition("\n")[0]) from error


def _meaning(error: DBAPIError, sqlstate: str) -> type[StoreError] | None:
    """None: a fault of ours."""
    if isinstance(error, DataError) or sqlstate.startswith(_LIMITS):
        return Unstorable
    if sqlstate in _UNDONE:
        return Conflicted
    is_outage = isinstance(error, OperationalError) or error.connection_invalidated
    if is_outage or sqlstate in _NO_LONGER_OURS | _NOT_MIGRATED:
        return DatabaseUnavailable
    return None


def _sqlstate(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


_LIMITS = "54"
"""Exceeded by a value, such as JSON that is nested too deep."""
_UNDONE = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock timeout."""
_NO_LONGER_OURS = frozenset({"25006", "25P02", "25P03"})
"""Read-only, in a failed transaction, idle in a transaction for too long."""
_NOT_MIGRATED = frozenset({"42P01", "42703"})
