"""Tells the ready queue of jobs that a committed change made ready."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Self

from treadle_domain.job import Job
from treadle_domain.states import JobState
from treadle_store.application.ports import ReadyQueue

SOON = timedelta(seconds=2)
TOGETHER = timedelta(milliseconds=10)
"""What becomes due within it is pushed at its end."""


class HandOver:
    """Due jobs are pushed at once, those due SOON by a waiting task; all later ones are the announcer's.

    Used inside `async with`, which on leaving drops what still waits: the announcer finds it.
    """

    def __init__(self, ready_queue: ReadyQueue) -> None:
        self._ready_queue = ready_queue
        self._group = asyncio.TaskGroup()
        self._waiting: dict[asyncio.Task[None], int] = {}

    @property
    def waiting(self) -> int:
        """Jobs."""
        return sum(self._waiting.values())

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *failure: Any) -> None:
        for task in self._waiting:
            task.cancel()
        await self._group.__aexit__(*failure)

    async def __call__(self, jobs: Iterable[Job], now: datetime) -> None:
        pending = [job for job in jobs if job.state is JobState.PENDING]
        due = [job for job in pending if job.is_due(now)]
        if due:
            await self._ready_queue.add(due)
        together: defaultdict[int, list[Job]] = defaultdict(list)
        for job in pending:
            if now < job.run_at <= now + SOON:
                together[-((now - job.run_at) // TOGETHER)].append(job)
        for moments, soon in together.items():
            task = self._group.create_task(self._push_after(moments * TOGETHER, soon))
            self._waiting[task] = len(soon)
            task.add_done_callback(self._waiting.pop)

    async def _push_after(self, wait: timedelta, jobs: Sequence[Job]) -> None:
        await asyncio.sleep(wait.total_seconds())
        await self._ready_queue.add(jobs)
