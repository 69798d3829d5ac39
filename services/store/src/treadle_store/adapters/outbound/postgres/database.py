"""Connections to PostgreSQL, and what its errors mean to the store."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import psycopg
from psycopg import AsyncConnection as PsycopgConnection
from psycopg.types.array import ListBinaryDumper
from sqlalchemy import ExceptionContext, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from treadle_store.adapters.outbound.postgres.compiled import Compiled
from treadle_store.adapters.outbound.postgres.single_statements import (
    NO_LONGER_OURS,
    Connection,
    SingleStatements,
    has_something_to_say,
)
from treadle_store.application.errors import (
    Conflicted,
    DatabaseUnavailable,
    StoreError,
    Unstorable,
)

_STATEMENT_TIMEOUT_MS = 5_000
_IDLE_TIMEOUT_MS = 2_000
"""Of a transaction: how long a store that froze keeps its locks. Callers repeat their calls for 5 s elsewhere."""
_POOL_TIMEOUT_SECONDS = 3
_CONNECT_TIMEOUT_SECONDS = 3
_LONGEST_SECONDS = 12
"""Of a transaction, for a server that says nothing at all: below the 15 s that the announcer counts on. Its caller may
wait for psycopg, which tries to end the statement, ten more."""
# Without statistics, as after a bulk load, PostgreSQL would rather read and sort all of a history than follow an index
# until the page is full. To compile a read takes longer than to make it.
_BY_INDEX_ONLY = "-c enable_bitmapscan=off -c enable_sort=off -c jit=off"
# What is written is found by its id, given row by given row: so the rows are locked in the order given, and one plan is
# good for all values. PostgreSQL would make it again each time, which takes longer than to follow it.
_BY_ID = "-c plan_cache_mode=force_generic_plan " + " ".join(
    f"-c {name}=off"
    for name in (
        "enable_seqscan",
        "enable_bitmapscan",
        "enable_hashjoin",
        "enable_mergejoin",
        "jit",
    )
)
# A server that vanished without a word is found out in 8 s, when idle and when asked something.
_PROBES = {
    "keepalives_idle": 5,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 8_000,
}


def driver_url(database_url: str) -> str:
    """The same database by the driver in use, whichever form of postgresql:// the setting has."""
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    return url.render_as_string(hide_password=False)


class Database:
    """Three pools of `pool_size`; no connection is opened before the first use.

    A connection that PostgreSQL ended while it was idle is found out before its use, and one that breaks in use fails
    that call; both drop all of the pool, so after an outage nothing has to be restarted.
    """

    def __init__(self, database_url: str, pool_size: int, is_pooled: bool = False) -> None:
        self.pool_size = pool_size
        to_write = _connecting(database_url, _arguments(_BY_ID, is_pooled))
        to_read = _connecting(database_url, _arguments(_BY_INDEX_ONLY, is_pooled))
        self._writes = _engine(pool_size, to_write)
        # Not one: to switch a connection to autocommit and back costs more than most statements.
        self._reads = _engine(pool_size, to_read, isolation_level="AUTOCOMMIT")
        self._single_statements = SingleStatements(partial(to_write, autocommit=True), pool_size)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Commits at the end of the block. Raises DatabaseUnavailable, Conflicted or Unstorable."""
        async with _translated():
            async with self._writes.begin() as connection:
                yield connection

    async def execute(
        self, statement: Compiled, values: Mapping[str, Any]
    ) -> Sequence[tuple[Any, ...]]:
        """Its rows. A transaction of its own: one round trip instead of three. Raises as `transaction`."""
        async with _translated():
            return await self._single_statements.execute(statement, values, _POOL_TIMEOUT_SECONDS)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Every statement is a transaction of its own. Raises DatabaseUnavailable."""
        async with _translated():
            async with self._reads.connect() as connection:
                yield connection

    @property
    def in_use(self) -> Mapping[str, int]:
        """Of the `pool_size` connections of each pool."""
        return {
            "transactions": self._writes.pool.checkedout(),  # type: ignore[attr-defined]
            "reads": self._reads.pool.checkedout(),  # type: ignore[attr-defined]
            "single_statements": self._single_statements.in_use,
        }

    async def close(self) -> None:
        await self._writes.dispose()
        await self._reads.dispose()
        await self._single_statements.close()


def _connecting(
    database_url: str, arguments: Mapping[str, Any]
) -> Callable[..., Awaitable[Connection]]:
    url = make_url(driver_url(database_url))
    _, of_url = url.get_dialect()().create_connect_args(url)
    usual = {**of_url, **arguments}

    async def connect(**more: Any) -> Connection:
        try:
            connection = await PsycopgConnection.connect(**usual, **more)
        except asyncio.CancelledError as given_up:
            # What was half made is closed with its frames, which might be collected late: PostgreSQL waits for its
            # password for a minute, and counts it.
            traceback.clear_frames(given_up.__traceback__)
            raise
        # As text, every quote and backslash of a payload would be escaped by a regular expression: a second for a MiB
        # of them, in which the store does nothing else.
        connection.adapters.register_dumper(list, ListBinaryDumper)
        return connection

    return connect


def _engine(
    pool_size: int, connect: Callable[..., Awaitable[Connection]], **more: Any
) -> AsyncEngine:
    engine = create_async_engine(
        "postgresql+psycopg://",
        async_creator=connect,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_POOL_TIMEOUT_SECONDS,
        pool_use_lifo=True,
        hide_parameters=True,  # payloads: errors go to the log
        pool_reset_on_return=None,  # a transaction ends where it began: in a block
        **more,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_if_ended)
    event.listen(engine.sync_engine, "handle_error", _drop_if_of_no_use)
    return engine


def _arguments(options: str, is_pooled: bool) -> dict[str, Any]:
    """Of any connection, beside those in the URL. One that changes with every transaction keeps neither settings nor
    prepared statements."""
    usual = {"connect_timeout": _CONNECT_TIMEOUT_SECONDS, **_PROBES}
    if is_pooled:
        return {**usual, "prepare_threshold": None}
    return {
        **usual,
        "options": f"-c statement_timeout={_STATEMENT_TIMEOUT_MS}"
        f" -c idle_in_transaction_session_timeout={_IDLE_TIMEOUT_MS} -c timezone=UTC {options}",
    }


def _refuse_if_ended(connection: DBAPIConnection, entry: ConnectionPoolEntry, _: object) -> None:
    # One that was just opened is taken as it is: its pool cannot have a better one.
    if has_something_to_say(connection.driver_connection) and _WAS_USED in entry.info:
        raise InvalidatePoolError
    entry.info[_WAS_USED] = True


def _drop_if_of_no_use(context: ExceptionContext) -> None:
    """A server that became a replica, or ended our transaction, leaves a connection that looks healthy."""
    if getattr(context.original_exception, "sqlstate", None) in NO_LONGER_OURS:
        context.is_disconnect = True


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    deadline = asyncio.timeout(_LONGEST_SECONDS)
    try:
        async with deadline:
            yield
    except PoolTimeout as error:
        raise DatabaseUnavailable("all connections are in use") from error
    except TimeoutError as error:
        if not deadline.expired():
            raise
        raise DatabaseUnavailable("PostgreSQL does not answer") from error
    except (DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        meaning = _meaning(cause, getattr(cause, "sqlstate", None) or "")
        if meaning is None:
            raise
        raise meaning(str(cause).partition("\n")[0]) from error


def _meaning(error: BaseException | None, sqlstate: str) -> type[StoreError] | None:
    """None: a fault of ours."""
    if isinstance(error, psycopg.DataError) or sqlstate.startswith(_LIMITS):
        return Unstorable
    if sqlstate in _UNDONE:
        return Conflicted
    if isinstance(error, psycopg.OperationalError) or sqlstate in NO_LONGER_OURS | _NOT_MIGRATED:
        return DatabaseUnavailable
    return None


_WAS_USED = "was used"
_LIMITS = "54"
"""Exceeded by a value, such as JSON that is nested too deep."""
_UNDONE = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock timeout."""
_NOT_MIGRATED = frozenset({"42P01", "42703", "42883"})
