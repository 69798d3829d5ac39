"""Submits of many clients in one call: a batch is what arrived while the last call was under way."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from treadle_api.application.errors import StoreError, StoreUnavailable
from treadle_api.application.ports import Submitted, size_of
from treadle_domain.errors import DomainError
from treadle_domain.stored_job import NewJob

MAX_JOBS = 1_000
MAX_BYTES = 7 * 1024 * 1024
MAX_WAITING = 2_000
"""Requests: a store that answers takes as many in a fraction of the deadline."""
MAX_WAITING_BYTES = 32 * 1024 * 1024
DEADLINE_SECONDS = 5.0

Answers = Sequence[Submitted | DomainError]


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    namespace: str
    jobs: Sequence[NewJob]
    answered: asyncio.Future[Answers]
    size: int
    """Upper bound of the bytes on the wire."""


class SubmitBatches:
    """No timer holds anything back: a lone submit goes at once. `send` takes one call's jobs, of one namespace."""

    def __init__(
        self,
        send: Callable[[str, Sequence[NewJob]], Awaitable[Answers]],
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._send = send
        self._deadline_seconds = deadline_seconds
        self._queue: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._filled = asyncio.Event()

    async def submit(self, namespace: str, jobs: Sequence[NewJob]) -> Answers:
        """In the order given. A caller that goes away takes nothing from the others.

        Raises DomainError, StoreError; the deadline counts from here, also for those that wait for a call before.
        Behind a store that hangs no more wait than the bounds say: the others are told at once.
        """
        waiting = self._enqueue(namespace, jobs)
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await waiting.answered
        except TimeoutError:
            raise StoreUnavailable(outcome_unknown=not self._withdraw(waiting)) from None

    async def run(self) -> NoReturn:
        """To be kept running; one call is under way at a time."""
        while True:
            await self._filled.wait()
            if self._queue:
                await self._answer(self._next_batch())
            else:
                self._filled.clear()

    def _enqueue(self, namespace: str, jobs: Sequence[NewJob]) -> _Waiting:
        size = sum(map(size_of, jobs))
        is_full = len(self._queue) >= MAX_WAITING or self._waiting_bytes + size > MAX_WAITING_BYTES
        if self._queue and is_full:
            raise StoreUnavailable(outcome_unknown=False)
        waiting = _Waiting(namespace, jobs, asyncio.get_running_loop().create_future(), size)
        self._queue.append(waiting)
        self._waiting_bytes += size
        self._filled.set()
        return waiting

    def _withdraw(self, waiting: _Waiting) -> bool:
        """False when it was sent already."""
        if waiting not in self._queue:
            return False
        self._queue.remove(waiting)
        self._waiting_bytes -= waiting.size
        return True

    def _next_batch(self) -> list[_Waiting]:
        batch = [self._queue.popleft()]
        jobs, size = len(batch[0].jobs), batch[0].size
        while self._queue and self._queue[0].namespace == batch[0].namespace:
            jobs, size = jobs + len(self._queue[0].jobs), size + self._queue[0].size
            if jobs > MAX_JOBS or size > MAX_BYTES:
                break
            batch.append(self._queue.popleft())
        self._waiting_bytes -= sum(waiting.size for waiting in batch)
        return batch

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        jobs = [job for waiting in batch for job in waiting.jobs]
        try:
            answers = iter(await self._send(batch[0].namespace, jobs))
        except (DomainError, StoreError) as error:
            for waiting in batch:
                if not waiting.answered.done():
                    waiting.answered.set_exception(error)
            return
        for waiting in batch:
            own = [next(answers) for _ in waiting.jobs]
            if not waiting.answered.done():
                waiting.answered.set_result(own)
