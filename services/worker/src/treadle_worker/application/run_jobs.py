"""Pop ids, claim their jobs, hand the runs to the executors: never more than there are places for."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, ClaimRefusal
from treadle_domain.outcomes import Released, Snoozed
from treadle_worker.application.backoff import Backoff
from treadle_worker.application.errors import (
    ReadyQueueUnavailable,
    SessionLost,
    StoreUnavailable,
)
from treadle_worker.application.holdings import Holdings
from treadle_worker.application.ports import Executors, JobStore, PoppedIds, ReadyQueue, Tally
from treadle_worker.application.seating import Seating
from treadle_worker.application.self_fence import SelfFence
from treadle_worker.application.vitals import Vitals

_log = structlog.get_logger()

BEYOND_THE_SEATS = timedelta(seconds=1)
CLOGGED_SECONDS = 0.1
PUT_BACK_TRIES = 5
PUT_BACK_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJobs:
    store: JobStore
    ready_queue: ReadyQueue
    executors: Executors
    holdings: Holdings
    self_fence: SelfFence
    vitals: Vitals
    backoff: Backoff
    tally: Tally
    seating: Seating
    new_claim_id: Callable[[], UUID]
    give_back: Callable[[Sequence[ClaimedRun], Released | Snoozed], None]
    begun: Callable[[Sequence[ClaimedRun]], None]
    queues: Sequence[tuple[str, str]]

    async def __call__(self, session: UUID) -> None:
        """Until the holdings stop taking; ids of the last pop go back. Raises SessionLost."""
        order = deque(self.queues)
        while places := await self.holdings.take_free():
            if self.executors.are_clogged:
                # Ids that nothing here would start are left to workers that can.
                self.holdings.nothing_popped()
                await asyncio.sleep(CLOGGED_SECONDS)
                continue
            await self._check()
            popped = await self._pop(order, places)
            order.rotate(-1)
            if popped is None or not popped.ranks:
                self.holdings.nothing_popped()
            elif not self._takes_in:
                await self._put_back(popped)
            else:
                await self._claim(session, popped)
                if pause := self.holdings.pause_seconds:
                    await asyncio.sleep(pause)

    @property
    def _takes_in(self) -> bool:
        return not (self.holdings.stopping or self.self_fence.has_passed)

    async def _check(self) -> None:
        """Before a pop and not after it: ids that were popped must not wait."""
        if not self.vitals.queue_check_is_due:
            return
        problem = None
        try:
            problem = await self.ready_queue.problem()
        except ReadyQueueUnavailable as error:
            _log.warning("ready queue: not checked", error=str(error))
        self.vitals.queue_checked(problem)

    async def _pop(self, order: Sequence[tuple[str, str]], count: int) -> PoppedIds | None:
        self.vitals.queue_asked()
        try:
            popped = await self.ready_queue.pop(order, count)
        except ReadyQueueUnavailable as error:
            failures = self.vitals.queue_failed()
            if failures == 1:
                _log.warning("ready queue: no answer", error=str(error))
            await self.backoff.pause(failures)
            return None
        self.vitals.queue_answered()
        if popped is not None and popped.garbage:
            self.tally.garbage_dropped(popped.garbage)
            _log.warning("ready queue: dropped what is no job id", members=popped.garbage)
        return popped

    async def _claim(self, session: UUID, popped: PoppedIds) -> None:
        claim_id = self.new_claim_id()
        batch = ClaimBatch(
            namespace=popped.namespace,
            session=session,
            claim_id=claim_id,
            heartbeat_number=self.holdings.begin_claim(claim_id, len(popped.ranks)),
            job_ids=tuple(popped.ranks),
            seats=self.seating.free(self.holdings.runs),
        )
        try:
            answers = await self._claimed(batch)
        except SessionLost:
            await self._put_back(popped)
            raise
        if answers is None:
            await self._put_back(popped)
        else:
            self.seating.answered(batch.seats, answers)
        runs = [answer for answer in answers or () if isinstance(answer, ClaimedRun)]
        self.holdings.end_claim(claim_id, runs)
        if not self._takes_in:
            self.give_back(runs, Released(unstarted=True))
            return
        seated, beyond = self.seating.divide(batch.seats, runs)
        self.give_back(beyond, Snoozed(delay=BEYOND_THE_SEATS))
        for run in seated:
            self.executors.run(run)
        self.begun(seated)
        # What was handed over leaves at the end of a turn of the loop: this one, not that of the next pop.
        await asyncio.sleep(0)

    async def _claimed(self, batch: ClaimBatch) -> Sequence[ClaimedRun | ClaimRefusal] | None:
        """The same call again until it is answered; None when the worker must not start it any more."""
        failures = 0
        while True:
            try:
                answers = await self.store.claim(batch)
            except StoreUnavailable as error:
                failures += 1
                if failures == 1:
                    _log.warning("store: a claim waits", ids=len(batch.job_ids), error=str(error))
                if not self._takes_in:
                    return None
                await self.backoff.pause(failures)
            else:
                self.vitals.store_answered()
                self.tally.claim_answered(answers)
                return answers

    async def _put_back(self, popped: PoppedIds) -> None:
        """What Redis does not take in time the store finds missing there.

        Harmless for an id that was claimed after all: whoever pops it is told so.
        """
        try:
            async with asyncio.timeout(PUT_BACK_SECONDS):
                await self._put_back_soon(popped)
        except (ReadyQueueUnavailable, TimeoutError) as error:
            _log.warning("ready queue: ids not put back", ids=len(popped.ranks), error=str(error))
        self.holdings.nothing_popped()

    async def _put_back_soon(self, popped: PoppedIds) -> None:
        for failures in range(1, PUT_BACK_TRIES):
            try:
                return await self.ready_queue.put_back(popped)
            except ReadyQueueUnavailable:
                await self.backoff.pause(failures)
        return await self.ready_queue.put_back(popped)
