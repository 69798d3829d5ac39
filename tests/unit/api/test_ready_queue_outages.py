"""The hint to Redis, by a stub that raises what Redis says when it is a replica, loading or full."""

import asyncio
from collections.abc import Iterable

import pytest
from redis import exceptions
from structlog.testing import capture_logs
from tests.builders import a_job

from treadle_api.adapters.outbound.redis_ready_queue import RedisReadyQueue
from treadle_domain.rank import Ranked
from treadle_wire.ready_queue import ReadySets

REFUSALS = {
    "a replica": exceptions.ReadOnlyError("You can't write against a read only replica."),
    "loading": exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
    "memory full": exceptions.OutOfMemoryError(
        "command not allowed when used memory > 'maxmemory'."
    ),
    "in a script": exceptions.ResponseError(
        "OOM command not allowed when used memory > 'maxmemory'"
    ),
    "without a password": exceptions.AuthenticationError("invalid username-password pair"),
    "full of clients": exceptions.MaxConnectionsError("Too many connections"),
    "cut off": exceptions.ConnectionError("Connection closed by server."),
    "a half-open connection": exceptions.TimeoutError("Timeout reading from socket"),
}


class Refusing(ReadySets):
    def __init__(self, refusal: Exception) -> None:
        self.refusal: Exception | None = refusal
        self.added: list[Ranked] = []

    async def add(self, jobs: Iterable[Ranked]) -> None:
        await asyncio.sleep(0)
        if self.refusal is not None:
            raise self.refusal
        self.added += jobs

    async def remove(self, jobs: Iterable[Ranked]) -> None:
        await self.add(jobs)


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
async def test_what_redis_refuses_harms_no_submit_and_no_cancel(refusal: Exception) -> None:
    sets, job = Refusing(refusal), a_job()
    ready_queue = RedisReadyQueue(sets)

    with capture_logs() as lines:
        for _ in range(3):
            await ready_queue.add([job])
            await ready_queue.remove([job])
        sets.refusal = None
        await ready_queue.add([job])

    assert sets.added == [job]
    assert [line["event"] for line in lines] == ["api: no answer", "api: answers again"]
