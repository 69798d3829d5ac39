"""Submits in two lines."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

from treadle_api.adapters.outbound.batches import Batches
from treadle_api.application.ports import Submitted, size_of
from treadle_domain.errors import DomainError
from treadle_domain.stored_job import NewJob

Answers = Sequence[Submitted | DomainError]


class SubmitsApart:
    """The store decides again about a call whose unique keys others take: jobs without one do not wait for that."""

    def __init__(self, send: Callable[[str, Sequence[NewJob]], Awaitable[Answers]]) -> None:
        self._plain = Batches(send, size_of)
        self._unique = Batches(send, size_of)

    async def submit(self, namespace: str, jobs: Sequence[NewJob]) -> Answers:
        """Raises DomainError, StoreError."""
        is_unique = any(job.submission.unique is not None for job in jobs)
        return await (self._unique if is_unique else self._plain).ask(namespace, jobs)

    async def run(self) -> NoReturn:
        """To be kept running."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._unique.run())
            await self._plain.run()
