"""Requests that wait until jobs end."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import NoReturn
from uuid import UUID

import structlog

from treadle_api.application.errors import StoreError
from treadle_api.application.ports import MOST_IDS, JobEnds, JobStore
from treadle_domain.stored_job import StoredJob

LOOK_SECONDS = 0.9
"""Between two looks at all that is waited for: a word that was lost costs less than a second."""
MOST_HELD_BYTES = 32 * 1024 * 1024
"""Of payloads that requests keep while they wait."""

End = asyncio.Future[StoredJob | None]
"""None: the wait is over and the job has not ended."""

_log = structlog.get_logger()


class NotWaited(Exception):
    """As many wait as may, or the process is about to stop."""


@dataclass(frozen=True, slots=True)
class _Awaited:
    namespace: str
    ends: set[End] = field(default_factory=set)

    def settle(self, ended: StoredJob | None) -> None:
        for end in self.ends:
            if not end.done():
                end.set_result(ended)


class Waiters:
    """However many wait, one call asks the store for the jobs of all: for those that were just told to have ended, for
    those whose wait begins, since they may have ended before anybody listened for them, and now and then for the rest.
    What comes up during a call goes into the next one.
    """

    def __init__(
        self,
        job_store: JobStore,
        job_ends: JobEnds,
        limit: int,
        held_bytes_limit: int = MOST_HELD_BYTES,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._job_store = job_store
        self._job_ends = job_ends
        self._limit = limit
        self._held_bytes_limit = held_bytes_limit
        self._look_seconds = look_seconds
        self._awaited: dict[UUID, _Awaited] = {}
        self.count = 0
        self._held_bytes = 0
        self._doubtful: set[UUID] = set()
        self._filled = asyncio.Event()
        self._is_blind = False
        self.is_released = False

    async def run(self) -> NoReturn:
        """To be kept running."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._doubt_all_now_and_then())
            while True:
                await self._filled.wait()
                self._filled.clear()
                job_ids, self._doubtful = self._doubtful, set()
                await self._look_at(job_ids)

    async def end_of(self, known: StoredJob, seconds: float) -> StoredJob | None:
        """The job as it ended; None if it has not within that time, or when all are released. Raises NotWaited."""
        with self._admitted(known) as end:
            try:
                async with asyncio.timeout(seconds):
                    return await end
            except TimeoutError:
                return None

    def release(self) -> None:
        """The process is about to stop: nobody waits any longer."""
        self.is_released = True
        for awaited in self._awaited.values():
            awaited.settle(None)

    @contextmanager
    def _admitted(self, known: StoredJob) -> Iterator[End]:
        job, size = known.job, len(known.payload)
        is_full = self.count >= self._limit or self._held_bytes + size > self._held_bytes_limit
        if is_full or self.is_released:
            raise NotWaited
        end: End = asyncio.get_running_loop().create_future()
        awaited = self._awaited.setdefault(job.id, _Awaited(job.namespace))
        awaited.ends.add(end)
        self.count, self._held_bytes = self.count + 1, self._held_bytes + size
        self._doubt([job.id])
        try:
            yield end
        finally:
            self.count, self._held_bytes = self.count - 1, self._held_bytes - size
            awaited.ends.remove(end)
            if not awaited.ends:
                del self._awaited[job.id]

    async def _listen(self) -> None:
        async with aclosing(self._job_ends.listen()) as told:
            async for job_ids in told:
                self._doubt(job_ids)

    async def _doubt_all_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._look_seconds)
            self._doubt([*self._awaited])

    def _doubt(self, job_ids: Iterable[UUID]) -> None:
        doubtful = self._awaited.keys() & job_ids
        if doubtful:
            self._doubtful |= doubtful
            self._filled.set()

    async def _look_at(self, job_ids: Iterable[UUID]) -> None:
        """Where the store does not answer the next look at all does."""
        try:
            for namespace, ids in self._by_namespace(job_ids):
                for start in range(0, len(ids), MOST_IDS):
                    await self._settle_ended(namespace, {*ids[start : start + MOST_IDS]})
        except StoreError as error:
            if not self._is_blind:
                _log.warning("waiting: the store does not say what has ended", error=str(error))
            self._is_blind = True
        else:
            self._is_blind = False

    def _by_namespace(self, job_ids: Iterable[UUID]) -> list[tuple[str, list[UUID]]]:
        ids: defaultdict[str, list[UUID]] = defaultdict(list)
        for job_id in job_ids:
            if job_id in self._awaited:
                ids[self._awaited[job_id].namespace].append(job_id)
        return [*ids.items()]

    async def _settle_ended(self, namespace: str, job_ids: set[UUID]) -> None:
        more = True
        while more:
            answer = await self._job_store.ended(namespace, job_ids)
            for stored in answer.jobs:
                job_ids.discard(stored.job.id)
                if stored.job.id in self._awaited:
                    self._awaited[stored.job.id].settle(stored)
            more = answer.more
