"""Ends told over a real Redis; how a channel finds out that it hears nothing is in test_cancel_channel.py."""

import asyncio
from contextlib import aclosing
from uuid import uuid4

from redis.asyncio import Redis

from treadle_wire.ended_channel import EndedChannel


async def test_all_who_listen_hear_all_ends_of_their_prefix(redis: Redis, prefix: str) -> None:
    channel, job_ids = EndedChannel(redis, prefix), tuple(uuid4() for _ in range(1_000))

    async with aclosing(channel.listen()) as one, aclosing(channel.listen()) as another:
        assert await anext(one) == await anext(another) == ()
        await EndedChannel(redis, f"{prefix}-other").publish([uuid4()])
        await channel.publish(job_ids)

        async with asyncio.timeout(5):
            assert await anext(one) == await anext(another) == job_ids


async def test_what_is_too_short_for_an_id_says_nothing(redis: Redis, prefix: str) -> None:
    channel, job_id = EndedChannel(redis, prefix), uuid4()

    async with aclosing(channel.listen()) as heard:
        await anext(heard)
        for garbage in (b"", b"\xff\x00", job_id.bytes + b"rest"):
            await redis.publish(f"{{{prefix}}}/ended", garbage)

        async with asyncio.timeout(5):
            assert [await anext(heard) for _ in range(3)] == [(), (), (job_id,)]
