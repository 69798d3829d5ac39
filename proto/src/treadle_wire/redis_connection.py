"""How all services connect to Redis."""

import asyncio
import socket
from collections.abc import Iterable

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.maint_notifications import MaintNotificationsConfig

_MOST_CONNECTIONS = 64
_POOL_TIMEOUT_SECONDS = 2.0
_CONNECT_TIMEOUT_SECONDS = 2.0
_REPLY_TIMEOUT_SECONDS = 3.0
"""Of which a pop blocks for one: the ids of a reply that comes later are lost until the store finds them missing."""

# A half-open connection is found out after 10 s without a word (macOS: what the system has as a default).
_KEEPALIVE_SECONDS = {"TCP_KEEPIDLE": 4, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3}


def connect(url: str, reply_timeout_seconds: float = _REPLY_TIMEOUT_SECONDS) -> Redis:
    """Connects at the first command; every command has a deadline and is sent once only.

    Of itself redis-py sends a command up to ten times more: a pop whose reply got lost would pop again.
    """
    pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
        url,
        max_connections=_MOST_CONNECTIONS,
        timeout=_POOL_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        socket_timeout=reply_timeout_seconds,
        **_keepalive(url),
        # Of one vendor's cloud; while on, a reply left over in a connection goes unnoticed.
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
    pool.connection_class = _KINDS[pool.connection_class]
    return Redis.from_pool(pool)


class _SendsAsExpected:
    """Mends two faults below redis-py: of a connection that was reset before the first word was sent uvloop says
    RuntimeError, and on Python 3.11 asyncio.wait_for loses a cancellation that comes when all is sent."""

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        task = asyncio.current_task()
        cancellations = task.cancelling() if task else 0
        try:
            await super().send_packed_command(command, check_health)  # type: ignore[misc]
        except RuntimeError as error:
            raise RedisConnectionError(str(error)) from error
        if task and task.cancelling() > cancellations:
            # Nobody will read the answer: it must not be taken for that to the next command.
            await self.disconnect(nowait=True)  # type: ignore[attr-defined]
            raise asyncio.CancelledError


class _Connection(_SendsAsExpected, Connection):
    pass


class _SSLConnection(_SendsAsExpected, SSLConnection):
    pass


class _UnixDomainSocketConnection(_SendsAsExpected, UnixDomainSocketConnection):
    pass


_KINDS = {
    Connection: _Connection,
    SSLConnection: _SSLConnection,
    UnixDomainSocketConnection: _UnixDomainSocketConnection,
}


def _keepalive(url: str) -> dict[str, object]:
    if url.startswith("unix"):
        return {}
    options = {
        getattr(socket, name): value
        for name, value in _KEEPALIVE_SECONDS.items()
        if hasattr(socket, name)
    }
    return {"socket_keepalive": True, "socket_keepalive_options": options}
