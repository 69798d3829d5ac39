"""Submits in two lines."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

from treadle_api.adapters.outbound.submit_batches import Answers, SubmitBatches
from treadle_domain.stored_job import NewJob


class SubmitsApart:
    """The store decides again about a call whose unique keys others take: jobs without one do not wait for that."""

    def __init__(self, send: Callable[[str, Sequence[NewJob]], Awaitable[Answers]]) -> None:
        self._plain = SubmitBatches(send)
        self._unique = SubmitBatches(send)

    async def submit(self, namespace: str, jobs: Sequence[NewJob]) -> Answers:
        """Raises DomainError, StoreError."""
        is_unique = any(job.submission.unique is not None for job in jobs)
        return await (self._unique if is_unique else self._plain).submit(namespace, jobs)

    async def run(self) -> NoReturn:
        """To be kept running."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._unique.run())
            await self._plain.run()
