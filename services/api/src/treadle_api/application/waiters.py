"""Requests that wait until jobs end."""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
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
MOST_EARLY = 10_000
"""Ends that are remembered, the latest: at least those of a second."""

_log = structlog.get_logger()


class NotWaited(Exception):
    """As many wait as may, or the process is about to stop."""


@dataclass(eq=False, slots=True)
class _Waiter:
    """Its request sleeps until the alarm; what ends the wait sets the alarm to now."""

    known: StoredJob
    alarm: asyncio.Timeout
    ended: StoredJob | None = None

    def wake(self, ended: StoredJob | None) -> None:
        if self.ended is None and not self.alarm.expired():
            self.ended = ended
            self.alarm.reschedule(asyncio.get_running_loop().time())


class Waiters:
    """However many wait, one call asks the store for the jobs of all: for those that were just told to have ended, and
    now and then for the rest. What comes up during a call goes into the next one.

    A job may end before the wait for it begins, so the latest ends are remembered.
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
        self._awaited: dict[UUID, set[_Waiter]] = {}
        self.count = 0
        self._held_bytes = 0
        self._doubtful: set[UUID] = set()
        self._early: OrderedDict[UUID, None] = OrderedDict()
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

    async def end_of(
        self, known: StoredJob, seconds: float, gone: Callable[[], Awaitable[NoReturn]]
    ) -> StoredJob | None:
        """The job as it ended; None if it has not within that time, or when all are released. Raises NotWaited.

        Raises what `gone` raises when the client has gone; it is awaited here, so that nobody needs a task for it.
        """
        waiter = _Waiter(known, asyncio.timeout(seconds))
        self._admit(waiter)
        try:
            async with waiter.alarm:
                await gone()
        except TimeoutError:
            return waiter.ended
        finally:
            self._dismiss(waiter)

    def release(self) -> None:
        """The process is about to stop: nobody waits any longer."""
        self.is_released = True
        for waiters in self._awaited.values():
            for waiter in waiters:
                waiter.wake(None)

    def _admit(self, waiter: _Waiter) -> None:
        job_id, size = waiter.known.job.id, len(waiter.known.payload)
        is_full = self.count >= self._limit or self._held_bytes + size > self._held_bytes_limit
        if is_full or self.is_released:
            raise NotWaited
        self.count, self._held_bytes = self.count + 1, self._held_bytes + size
        self._awaited.setdefault(job_id, set()).add(waiter)
        if job_id in self._early:
            self._doubt([job_id])

    def _dismiss(self, waiter: _Waiter) -> None:
        job_id, size = waiter.known.job.id, len(waiter.known.payload)
        self.count, self._held_bytes = self.count - 1, self._held_bytes - size
        self._awaited[job_id].remove(waiter)
        if not self._awaited[job_id]:
            del self._awaited[job_id]

    async def _listen(self) -> None:
        async with aclosing(self._job_ends.listen()) as told:
            async for job_ids in told:
                self._doubt(job_ids)
                self._remember(job_ids)

    async def _doubt_all_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._look_seconds)
            self._doubt([*self._awaited])

    def _remember(self, job_ids: Iterable[UUID]) -> None:
        for job_id in job_ids:
            self._early[job_id] = None
        while len(self._early) > MOST_EARLY:
            self._early.popitem(last=False)

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
            if waiters := self._awaited.get(job_id):
                ids[next(iter(waiters)).known.job.namespace].append(job_id)
        return [*ids.items()]

    async def _settle_ended(self, namespace: str, job_ids: set[UUID]) -> None:
        more = True
        while more:
            answer = await self._job_store.ended(namespace, job_ids)
            for stored in answer.jobs:
                job_ids.discard(stored.job.id)
                for waiter in self._awaited.get(stored.job.id, ()):
                    waiter.wake(stored)
            more = answer.more
