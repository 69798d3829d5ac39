"""A Redis that is shared, and keys in it that are this test's own."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from treadle_wire.ready_queue import connect


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    redis = connect(redis_url)
    yield redis
    await redis.aclose()


@pytest.fixture
async def prefix(redis: Redis) -> AsyncIterator[str]:
    prefix = f"test-{uuid4()}"
    yield prefix
    async for key in redis.scan_iter(f"{{{prefix}}}*"):
        await redis.delete(key)
