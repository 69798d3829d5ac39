"""The worker's stay with the store: opened once, kept by heartbeats, closed at the end."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn
from uuid import UUID

import structlog

from treadle_domain.worker_session import SessionEnd, WorkerSession
from treadle_worker.application.backoff import Backoff
from treadle_worker.application.errors import LeaseTooShort, SessionLost, StoreUnavailable
from treadle_worker.application.holdings import Holdings
from treadle_worker.application.ports import JobStore, Tally
from treadle_worker.application.self_fence import SelfFence
from treadle_worker.application.vitals import Vitals

_log = structlog.get_logger()

BEATS_PER_LEASE = 6
CLOSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepSession:
    store: JobStore
    holdings: Holdings
    self_fence: SelfFence
    vitals: Vitals
    backoff: Backoff
    tally: Tally
    heed_cancels: Callable[[Sequence[tuple[UUID, int]]], None]

    async def open(self, session: WorkerSession) -> timedelta:
        """Waits for the store however long it takes: start order does not matter. Returns the lease.

        Not at once after a session that was lost. Raises SessionLost if this one ended while its opening waited for
        an answer, LeaseTooShort if this worker cannot keep to it.
        """
        if self.vitals.losses:
            await self.backoff.pause(self.vitals.losses)
        failures, asked_at = 0, self.self_fence.now()
        while True:
            try:
                lease = await self.store.open_session(session)
            except StoreUnavailable as error:
                failures += 1
                if failures == 1:
                    _log.warning("store: no answer, waiting for it", error=str(error))
                await self.backoff.pause(failures)
            else:
                await self._begin(session, lease, asked_at)
                return lease

    async def _begin(self, session: WorkerSession, lease: timedelta, asked_at: float) -> None:
        try:
            self.self_fence.opened(session.id, lease, asked_at)
        except LeaseTooShort:
            await self.close(session.id)
            raise
        self.vitals.session_opened(lease)
        self.tally.session_opened()
        _log.info("worker: session open", session=str(session.id), worker=session.worker)
        if self.self_fence.has_passed:
            # An early try may have opened it, of which no answer came, and the lease counts since then.
            await self._beat_once(session.id, lease / BEATS_PER_LEASE)

    async def beat(self, session: UUID, lease: timedelta) -> NoReturn:
        """One at a time, each under a new number, also after one that was not answered. Raises SessionLost."""
        loop, period = asyncio.get_running_loop(), lease / BEATS_PER_LEASE
        due = loop.time() + period.total_seconds()
        while True:
            await asyncio.sleep(due - loop.time())
            due = loop.time() + period.total_seconds()
            await self._beat_once(session, period)

    async def _beat_once(self, session: UUID, within: timedelta) -> None:
        beat, sent_at = self.holdings.heartbeat(session), self.self_fence.now()
        try:
            told = await self.store.heartbeat(beat, within=within)
        except StoreUnavailable as error:
            _log.warning("store: heartbeat not answered", number=beat.number, error=str(error))
        else:
            self.self_fence.acknowledged(sent_at)
            self.vitals.store_answered()
            self.heed_cancels(told.cancelled)

    async def close(self, session: UUID) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.store.close_session(session, SessionEnd.DRAINED)
        except (StoreUnavailable, SessionLost, TimeoutError) as error:
            _log.warning("store: session not closed, its lease will end", error=str(error))
