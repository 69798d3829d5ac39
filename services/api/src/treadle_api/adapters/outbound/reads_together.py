"""Reads of single jobs, many in a call: a call costs the store ten times what it costs to find a job."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn
from uuid import UUID

from treadle_api.adapters.outbound.batches import Batches, Bounds
from treadle_api.application.errors import StoreUnavailable
from treadle_domain.errors import JobNotFound
from treadle_domain.stored_job import StoredJob

_MOST_IN_A_CALL = 32
"""However large they are, the store holds them all."""


class ReadsTogether:
    def __init__(
        self, find: Callable[[str, Sequence[UUID]], Awaitable[Sequence[StoredJob | None]]]
    ) -> None:
        self._batches = Batches(find, _size_of, Bounds(items=_MOST_IN_A_CALL))

    async def get(self, namespace: str, job_id: UUID) -> StoredJob:
        """Raises JobNotFound, StoreError."""
        try:
            [found] = await self._batches.ask(namespace, [job_id])
        except StoreUnavailable:
            raise StoreUnavailable(outcome_unknown=False) from None
        if found is None:
            raise JobNotFound(job_id)
        return found

    async def run(self) -> NoReturn:
        """To be kept running."""
        await self._batches.run()


def _size_of(job_id: UUID) -> int:
    return len(job_id.bytes)
