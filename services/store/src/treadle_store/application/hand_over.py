"""Tells the ready queue of jobs that a committed change made ready."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Self

from treadle_domain.job import Job
from treadle_domain.states import JobState
from treadle_store.application.ports import ReadyQueue

SOON = timedelta(seconds=2)


class HandOver:
    """Due jobs are pushed at once, those due SOON by a waiting task; all later ones are the announcer's.

    Used inside `async with`, which on leaving drops what still waits: the announcer finds it.
    """

    def __init__(self, ready_queue: ReadyQueue) -> None:
        self._ready_queue = ready_queue
        self._waiting: asyncio.TaskGroup | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._waiting = await self._stack.enter_async_context(asyncio.TaskGroup())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def __call__(self, jobs: Iterable[Job], now: datetime) -> None:
        pending = [job for job in jobs if job.state is JobState.PENDING]
        due = [job for job in pending if job.is_due(now)]
        if due:
            await self._ready_queue.add(due)
        for job in pending:
            if now < job.run_at <= now + SOON and self._waiting is not None:
                self._waiting.create_task(self._push_at(job, job.run_at - now))

    async def _push_at(self, job: Job, wait: timedelta) -> None:
        await asyncio.sleep(wait.total_seconds())
        await self._ready_queue.add([job])
