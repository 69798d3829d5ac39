"""What PostgreSQL says is ready but Redis does not hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from treadle_store.application.ports import Happening, Tally
from treadle_store.application.ready_ports import (
    HIGHEST,
    LOWEST,
    DueJob,
    QueueName,
    ReadyQueueUnavailable,
    ReadySet,
    ReadyStock,
    ReadyTurn,
    ReadyTurns,
    Refill,
    Rounds,
    Stretch,
)

QUEUES_PER_TURN = 500
LEAST_CAP = 20
TOP_UP = 10_000
"""Ids per turn, in all queues together; so is CHECKED."""
CHECKED = 1_000
PATIENCE = timedelta(milliseconds=800)
"""An id that was popped a moment ago and is being claimed is not lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairReadyQueue:
    """Keeps Redis a true hint, a turn each second.

    The epoch shows that Redis forgot something: everything is read again. The boundary of a queue shows what never
    was in Redis: it is topped up at half its cap. The check of the heads finds single ids that were lost.
    """

    turns: ReadyTurns
    stock: ReadyStock
    tally: Tally
    ids_limit: int
    """Of all queues together; each may have LEAST_CAP all the same."""
    patience: timedelta = PATIENCE

    async def __call__(self) -> bool:
        """True if there is more to repair: call again at once."""
        try:
            async with self.turns.turn() as turn:
                return turn is not None and await self._repair(turn)
        except ReadyQueueUnavailable:
            return False

    async def _repair(self, turn: ReadyTurn) -> bool:
        epoch, rounds = await self._next_epoch(turn)
        page = await turn.queues(rounds.after, QUEUES_PER_TURN)
        is_last = len(page) < QUEUES_PER_TURN
        rounds = rounds.visiting(page, is_last)
        # One without live jobs is not among them, and its boundary has to go.
        queues = [*{*page, *await self.stock.bounded(QUEUES_PER_TURN)}]
        cap = max(LEAST_CAP, self.ids_limit // max(1, rounds.total))
        sets = await self.stock.look(queues, cap)
        has_lost = await self._check_heads(turn, sets)
        added, is_short = await self._top_up(turn, sets, cap, epoch)
        await turn.remember(epoch, rounds)
        return has_lost or is_short or (added > 0 and not is_last)

    async def _next_epoch(self, turn: ReadyTurn) -> tuple[str, Rounds]:
        """In Redis, too. Whatever else Redis remembers, be it nothing or an older one, it is to be rebuilt."""
        if turn.epoch:
            origin, _, count = turn.epoch.partition(":")
            epoch = f"{origin}:{int(count) + 1}"
            if await self.stock.advance_epoch(turn.epoch, epoch):
                return epoch, turn.rounds
        return await self._rebuild(turn)

    async def _rebuild(self, turn: ReadyTurn) -> tuple[str, Rounds]:
        """Without its end there is no epoch, and the next turn begins it again."""
        self.tally.count(Happening.REBUILT)
        await self.stock.forget_all()
        rounds, is_last = Rounds(), False
        while not is_last:
            page = await turn.queues(rounds.after, QUEUES_PER_TURN)
            is_last = len(page) < QUEUES_PER_TURN
            if page:
                await self.stock.distrust(page)
            rounds = rounds.visiting(page, is_last)
        epoch = f"{uuid4().hex}:1"
        await self.stock.begin_epoch(epoch)
        return epoch, rounds

    async def _check_heads(self, turn: ReadyTurn, sets: Sequence[ReadySet]) -> bool:
        """True if so much was lost of a queue that it must be read from its beginning."""
        heads = [Stretch(queue=s.queue, end=s.first or s.boundary or HIGHEST) for s in sets]
        limit = max(LEAST_CAP, CHECKED // max(1, len(heads)))
        due = await turn.due(heads, limit)
        found = {s.queue: due.get(s.queue, ()) for s in sets}
        restored = await self.stock.restore(found, turn.now, self.patience)
        self.tally.count(Happening.REPAIRED, sum(restored.values()))
        lost = [queue for queue, count in restored.items() if count >= limit]
        if lost:
            await self.stock.distrust(lost)
        return bool(lost)

    async def _top_up(
        self, turn: ReadyTurn, sets: Sequence[ReadySet], cap: int, token: str
    ) -> tuple[int, bool]:
        """How many were added, and whether a queue is still less than half full with more to come."""
        hungry = [s for s in sets if _is_hungry(s, cap)]
        if not hungry:
            return 0, False
        limit = max(1, min(cap // 2, max(LEAST_CAP, TOP_UP // len(hungry))))
        await self.stock.open([s.queue for s in hungry], token)
        beyond = [Stretch(queue=s.queue, start=s.boundary or LOWEST) for s in hungry]
        due = await turn.due(beyond, limit + 1)
        refills = [_refill(s.queue, due, limit) for s in hungry]
        added = await self.stock.fill(refills, token)
        sizes = {s.queue: s.size for s in hungry}
        return added, any(r.rest and sizes[r.queue] + limit < cap // 2 for r in refills)


def _is_hungry(ready: ReadySet, cap: int) -> bool:
    """At half its cap; or when ids beyond the boundary are about to overtake what waits in PostgreSQL."""
    if ready.is_filling or ready.boundary is None:
        return ready.is_filling
    return ready.size < cap / 2 or (ready.last is not None and ready.last >= ready.boundary)


def _refill(queue: QueueName, due: Mapping[QueueName, Sequence[DueJob]], limit: int) -> Refill:
    """Of the limit + 1 jobs asked for the last one is left behind."""
    places = [job.place for job in due.get(queue, ())]
    return Refill(
        queue=queue, places=places[:limit], rest=places[limit] if len(places) > limit else None
    )
