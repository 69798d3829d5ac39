"""A worker's life: open a session, run jobs, report their ends, drain, close."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import structlog

from treadle_domain.worker_session import WorkerSession
from treadle_worker.application.errors import SessionLost
from treadle_worker.application.holdings import Holdings
from treadle_worker.application.keep_session import KeepSession
from treadle_worker.application.ports import Executors
from treadle_worker.application.report_outcomes import ReportOutcomes
from treadle_worker.application.run_jobs import RunJobs
from treadle_worker.application.vitals import Vitals

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequest:
    """`soon`: what runs may finish; `now`: it is given back."""

    soon: asyncio.Event = field(default_factory=asyncio.Event)
    now: asyncio.Event = field(default_factory=asyncio.Event)

    def ask(self) -> None:
        """The first time soon, from the second time on now."""
        (self.now if self.soon.is_set() else self.soon).set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """`finish_time`: how long code may go on after a stop was asked; `report_time`: how long the store is then waited
    for."""

    session_id: UUID
    name: str
    namespaces: Sequence[str]
    queues: Sequence[str]
    finish_time: timedelta
    report_time: timedelta
    executors: Executors
    holdings: Holdings
    vitals: Vitals
    keep_session: KeepSession
    run_jobs: RunJobs
    report_outcomes: ReportOutcomes

    async def live(self, stop: StopRequest) -> None:
        """Until `stop`, then for `finish_time` + `report_time` at most.

        Raises SessionLost; whatever else ends one of the tasks ends the worker too.
        """
        session = self._session()
        lease = await self._opened(session, stop)
        if lease is None:
            return
        try:
            await self._work(session, lease, stop)
        except* SessionLost:
            # What runs is void: another worker may have it already.
            self.executors.kill()
            raise
        await self.keep_session.close(session.id)

    async def _work(self, session: WorkerSession, lease: timedelta, stop: StopRequest) -> None:
        async with asyncio.TaskGroup() as tasks:
            taking_in = tasks.create_task(self.run_jobs(session.id))
            going_on = (
                tasks.create_task(self.report_outcomes.collect()),
                tasks.create_task(self.report_outcomes.send(session.id)),
                tasks.create_task(self.keep_session.beat(session.id, lease)),
            )
            await stop.soon.wait()
            await self._drain(stop)
            for task in (taking_in, *going_on):
                task.cancel()

    def _session(self) -> WorkerSession:
        return WorkerSession(
            id=self.session_id,
            worker=self.name,
            namespaces=tuple(self.namespaces),
            queues=tuple(self.queues),
            handlers=self.executors.handlers,
        )

    async def _opened(self, session: WorkerSession, stop: StopRequest) -> timedelta | None:
        """None when the stop comes first."""
        async with asyncio.TaskGroup() as tasks:
            opening = tasks.create_task(self.keep_session.open(session))
            stopping = tasks.create_task(stop.soon.wait())
            await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
            opening.cancel()
            stopping.cancel()
        return None if opening.cancelled() else opening.result()

    async def _drain(self, stop: StopRequest) -> None:
        """Takes in nothing more (a pop under way is awaited), lets what runs finish, gives the rest back."""
        self.vitals.draining = True
        _log.info("worker: stopping", running=self.holdings.running)
        await self.holdings.stop_taking()
        if await self._empty_within(self.finish_time, stop.now):
            return
        _log.warning("worker: giving back what still runs", running=self.holdings.running)
        self.executors.kill()
        if not await self._empty_within(self.report_time, asyncio.Event()):
            _log.error("worker: the store did not take all ends", held=len(self.holdings.held))

    async def _empty_within(self, limit: timedelta, cut_short: asyncio.Event) -> bool:
        async with asyncio.TaskGroup() as tasks:
            empty = tasks.create_task(self.holdings.wait_until_empty())
            cut = tasks.create_task(cut_short.wait())
            await asyncio.wait(
                (empty, cut),
                timeout=limit.total_seconds(),
                return_when=asyncio.FIRST_COMPLETED,
            )
            empty.cancel()
            cut.cancel()
        return not empty.cancelled()
