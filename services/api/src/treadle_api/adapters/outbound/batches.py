"""What many clients ask of the store, in one call: a batch is what arrived while the last call was under way, and where
many ask, in a moment after it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

from treadle_api.application.errors import StoreError, StoreUnavailable
from treadle_domain.errors import DomainError

MANY = 8
MOMENT_STEPS = 5
_STEP_SECONDS = 0.001

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Of a batch, and of what waits for its call: a store that answers takes as much in a fraction of the deadline."""

    items: int = 1_000
    size: int = 7 * 1024 * 1024
    waiting: int = 2_000
    waiting_size: int = 32 * 1024 * 1024
    deadline_seconds: float = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[Item, Answer]):
    namespace: str
    items: Sequence[Item]
    answered: asyncio.Future[Sequence[Answer]]
    size: int


class Batches(Generic[Item, Answer]):
    """Who is alone goes at once. `send` takes the items of one call, of one namespace,
    and answers each in order; `size_of` is an upper bound, in bytes on the wire."""

    def __init__(
        self,
        send: Callable[[str, Sequence[Item]], Awaitable[Sequence[Answer]]],
        size_of: Callable[[Item], int],
        bounds: Bounds = Bounds(),
    ) -> None:
        self._send = send
        self._size_of = size_of
        self._bounds = bounds
        self._queue: deque[_Waiting[Item, Answer]] = deque()
        self._waiting_size = 0
        self._filled = asyncio.Event()

    async def ask(self, namespace: str, items: Sequence[Item]) -> Sequence[Answer]:
        """In the order given. A caller that goes away takes nothing from the others.

        Raises DomainError, StoreError; the deadline counts from here, also for those that wait for a call before.
        Behind a store that hangs no more wait than the bounds say: the others are told at once.
        """
        waiting = self._enqueue(namespace, items)
        try:
            async with asyncio.timeout(self._bounds.deadline_seconds):
                return await waiting.answered
        except TimeoutError:
            raise StoreUnavailable(outcome_unknown=not self._withdraw(waiting)) from None

    async def run(self) -> NoReturn:
        """To be kept running; one call is under way at a time."""
        while True:
            await self._filled.wait()
            if not self._queue:
                self._filled.clear()
                continue
            batch = self._next_batch()
            await self._answer(batch)
            if len(batch) >= MANY:
                await self._gather(len(batch))

    async def _gather(self, as_many: int) -> None:
        """A call costs as much as fifty jobs in it, so those that were answered may ask again before the next: it would
        take the few that were quickest."""
        for _ in range(MOMENT_STEPS):
            if len(self._queue) >= as_many:
                return
            await asyncio.sleep(_STEP_SECONDS)

    def _enqueue(self, namespace: str, items: Sequence[Item]) -> _Waiting[Item, Answer]:
        size, bounds = sum(map(self._size_of, items)), self._bounds
        is_full = len(self._queue) >= bounds.waiting
        if self._queue and (is_full or self._waiting_size + size > bounds.waiting_size):
            raise StoreUnavailable(outcome_unknown=False)
        answered: asyncio.Future[Sequence[Answer]] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(namespace, items, answered, size)
        self._queue.append(waiting)
        self._waiting_size += size
        self._filled.set()
        return waiting

    def _withdraw(self, waiting: _Waiting[Item, Answer]) -> bool:
        """False when it was sent already."""
        if waiting not in self._queue:
            return False
        self._queue.remove(waiting)
        self._waiting_size -= waiting.size
        return True

    def _next_batch(self) -> list[_Waiting[Item, Answer]]:
        batch = [self._queue.popleft()]
        count, size = len(batch[0].items), batch[0].size
        while self._queue and self._queue[0].namespace == batch[0].namespace:
            count, size = count + len(self._queue[0].items), size + self._queue[0].size
            if count > self._bounds.items or size > self._bounds.size:
                break
            batch.append(self._queue.popleft())
        self._waiting_size -= sum(waiting.size for waiting in batch)
        return batch

    async def _answer(self, batch: Sequence[_Waiting[Item, Answer]]) -> None:
        items = [item for waiting in batch for item in waiting.items]
        try:
            answers = iter(await self._send(batch[0].namespace, items))
        except (DomainError, StoreError) as error:
            for waiting in batch:
                if not waiting.answered.done():
                    waiting.answered.set_exception(error)
            return
        for waiting in batch:
            own = [next(answers) for _ in waiting.items]
            if not waiting.answered.done():
                waiting.answered.set_result(own)
