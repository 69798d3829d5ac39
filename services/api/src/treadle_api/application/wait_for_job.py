"""A client waits until its job has ended."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn

from treadle_api.application.errors import StoreError
from treadle_api.application.ports import JobStore
from treadle_api.application.waiters import NotWaited, Waiters
from treadle_domain.errors import JobNotFound
from treadle_domain.stored_job import StoredJob

_LAST_LOOKS_AT_ONCE = 64
"""When all waits are over together the store has other callers, too."""
_LAST_LOOK_SECONDS = 2.0
"""So that thousands are answered well within the time that a process has to stop."""


@dataclass(frozen=True, slots=True)
class Waited:
    stored: StoredJob
    in_full: bool
    """The job has ended, or has not although all the time has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForJob:
    waiters: Waiters
    job_store: JobStore
    _last_looks: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(_LAST_LOOKS_AT_ONCE), init=False
    )

    async def __call__(
        self, known: StoredJob, seconds: float, gone: Callable[[], Awaitable[NoReturn]]
    ) -> Waited:
        """`known`: the job as it is now, which is also the answer where nothing newer can be had.

        Raises what `gone` raises when nobody waits for the answer any longer.
        """
        if known.job.state.is_final:
            return Waited(known, in_full=True)
        try:
            ended = await self.waiters.end_of(known, seconds, gone)
        except NotWaited:
            return Waited(known, in_full=False)
        return await self._last_look(known) if ended is None else Waited(ended, in_full=True)

    async def _last_look(self, known: StoredJob) -> Waited:
        try:
            async with asyncio.timeout(_LAST_LOOK_SECONDS), self._last_looks:
                stored = await self.job_store.get(known.job.namespace, known.job.id)
        except (StoreError, JobNotFound, TimeoutError):
            return Waited(known, in_full=False)
        return Waited(stored, stored.job.state.is_final or not self.waiters.is_released)
