"""Clients hand in many jobs at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from treadle_api.application.ports import JobStore, ReadyQueue, Submitted
from treadle_domain.errors import DomainError
from treadle_domain.stored_job import NewJob

MAX_JOBS = 1_000
MAX_BYTES = 2 * 1024 * 1024
"""On the way to the store, where a few copies of them are made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitBatch:
    """Of at most MAX_JOBS, MAX_BYTES if they need not be stored together. Answered in the order given.

    Raises StoreError.
    """

    job_store: JobStore
    ready_queue: ReadyQueue

    async def __call__(
        self, namespace: str, jobs: Sequence[NewJob]
    ) -> Sequence[Submitted | DomainError]:
        answers = await self.job_store.submit(namespace, jobs)
        await self._push(answers)
        return answers

    async def atomically(
        self, namespace: str, jobs: Sequence[NewJob]
    ) -> Sequence[Submitted | DomainError | None]:
        """All are stored or none: if any is refused, the others are answered with None."""
        answers = await self.job_store.submit_atomically(namespace, jobs)
        await self._push(answers)
        return answers

    async def _push(self, answers: Iterable[object]) -> None:
        ready = [each.ready for each in answers if isinstance(each, Submitted) and each.ready]
        if ready:
            await self.ready_queue.add(ready)
