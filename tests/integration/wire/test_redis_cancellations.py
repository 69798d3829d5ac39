"""Who cancels a task that speaks with Redis ends it, whatever the task is at: services stop by that."""

import asyncio

import pytest
from redis.asyncio import Redis

STEPS = [*range(12)] * 10
"""Of a command, in turns of the loop; chance places a cancellation within one."""


async def test_a_cancellation_is_heard_at_every_step_of_a_command(redis: Redis) -> None:
    assert all([await _is_cancelled_at(step, redis) for step in STEPS])


async def test_a_deadline_is_kept_at_every_step_of_a_command(redis: Redis) -> None:
    for microseconds in range(0, 1_000, 10):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(microseconds / 1_000_000):
                await _speak_long(redis)


async def test_what_a_cancelled_command_left_behind_answers_no_other(redis: Redis) -> None:
    for step in STEPS:
        await _is_cancelled_at(step, redis)
        said = f"after {step}"
        assert await redis.echo(said) == said.encode()


async def _is_cancelled_at(step: int, redis: Redis) -> bool:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(_speak_long(redis))
        for _ in range(step):
            await asyncio.sleep(0)
        task.cancel()
    return task.cancelled()


async def _speak_long(redis: Redis) -> None:
    clock = asyncio.get_running_loop().time
    end = clock() + 0.1
    while clock() < end:
        await redis.ping()
