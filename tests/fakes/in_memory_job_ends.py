"""Ends of jobs told in memory: tests/contract/test_job_ends.py asks the same of this and of Redis."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from uuid import UUID


class InMemoryJobEnds:
    """Both sides: what the store tells, and what the API hears of it. `is_away`: nothing is heard."""

    def __init__(self) -> None:
        self.told: list[UUID] = []
        self.is_away = False
        self._listeners: set[asyncio.Queue[Collection[UUID]]] = set()

    def tell(self, job_ids: Collection[UUID]) -> None:
        self.told += job_ids
        if not self.is_away:
            for listener in self._listeners:
                listener.put_nowait(job_ids)

    async def listen(self) -> AsyncGenerator[Collection[UUID], None]:
        listener: asyncio.Queue[Collection[UUID]] = asyncio.Queue()
        self._listeners.add(listener)
        try:
            while True:
                yield await listener.get()
        finally:
            self._listeners.remove(listener)
