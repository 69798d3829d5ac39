"""A worker's life: open a session, run jobs, report their ends; again with a new one if it is lost; drain, close."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import structlog
from structlog.contextvars import bind_contextvars

from treadle_domain.worker_session import WorkerSession
from treadle_worker.application.errors import SessionLost
from treadle_worker.application.heed_cancels import HeedCancels
from treadle_worker.application.holdings import Holdings
from treadle_worker.application.keep_session import KeepSession
from treadle_worker.application.ports import Executors
from treadle_worker.application.report_outcomes import ReportOutcomes
from treadle_worker.application.report_progress import ReportProgress
from treadle_worker.application.run_jobs import RunJobs
from treadle_worker.application.runs import Interruption
from treadle_worker.application.self_fence import SelfFence
from treadle_worker.application.vitals import Vitals

_log = structlog.get_logger()

_Result = TypeVar("_Result")


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
    """`finish_time`: how long code may go on after a stop was asked; `stop_grace`: how long it may then take to wind up
    before the executors kill it; `report_time`: how long the store is then waited for."""

    new_session_id: Callable[[], UUID]
    name: str
    namespaces: Sequence[str]
    queues: Sequence[str]
    finish_time: timedelta
    stop_grace: timedelta
    report_time: timedelta
    executors: Executors
    holdings: Holdings
    self_fence: SelfFence
    vitals: Vitals
    keep_session: KeepSession
    run_jobs: RunJobs
    report_progress: ReportProgress
    report_outcomes: ReportOutcomes
    heed_cancels: HeedCancels

    async def live(self, stop: StopRequest) -> None:
        """Until `stop`, then for the three times together at most; whatever else ends one of the tasks ends it.

        A session that is lost is followed by a new one, which knows nothing of what the old one held.
        """
        while not stop.soon.is_set():
            session = self._session()
            # In every line from here on, of the tasks that work in it too.
            bind_contextvars(session=str(session.id))
            lease = await self._opened(session, stop)
            if lease is None:
                continue
            if await self._kept(session, lease, stop):
                await self.keep_session.close(session.id)
                return
            self.self_fence.start_over()
            self.holdings.start_over()
            self.report_progress.start_over()
            self.report_outcomes.start_over()

    async def _kept(self, session: WorkerSession, lease: timedelta, stop: StopRequest) -> bool:
        """Works until the stop; False if the session was lost, and then nothing runs that it had claimed."""
        lost = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            taking_in = tasks.create_task(self._unless_lost(self.run_jobs(session.id), lost))
            going_on = (
                tasks.create_task(self.report_progress.collect()),
                tasks.create_task(self._unless_lost(self.report_progress.send(session.id), lost)),
                tasks.create_task(self.report_outcomes.collect()),
                tasks.create_task(self.heed_cancels.listen()),
                tasks.create_task(self.self_fence.watch()),
                tasks.create_task(self._unless_lost(self.report_outcomes.send(session.id), lost)),
                tasks.create_task(
                    self._unless_lost(self.keep_session.beat(session.id, lease), lost)
                ),
            )
            try:
                await self._until_over(taking_in, stop, lost)
            finally:
                # A client library may lose the cancellation of a pop: then the consumer ends at its next turn.
                self.holdings.stop_taking()
            for task in (taking_in, *going_on):
                task.cancel()
        return not lost.is_set()

    async def _until_over(
        self, taking_in: asyncio.Task[None], stop: StopRequest, lost: asyncio.Event
    ) -> None:
        await _first_of(stop.soon, lost)
        if not lost.is_set():
            await self._drain(stop, lost)
        if lost.is_set():
            await self._void(taking_in, stop)

    def _session(self) -> WorkerSession:
        return WorkerSession(
            id=self.new_session_id(),
            worker=self.name,
            namespaces=tuple(self.namespaces),
            queues=tuple(self.queues),
            handlers=self.executors.handlers,
        )

    async def _opened(self, session: WorkerSession, stop: StopRequest) -> timedelta | None:
        """None when the stop comes first, or the session's end."""
        lost = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            opening = tasks.create_task(self._unless_lost(self.keep_session.open(session), lost))
            stopping = tasks.create_task(stop.soon.wait())
            await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
            opening.cancel()
            stopping.cancel()
        return None if opening.cancelled() else opening.result()

    async def _drain(self, stop: StopRequest, lost: asyncio.Event) -> None:
        """Takes in nothing more (a pop under way is awaited), lets what runs finish, gives the rest back."""
        self.vitals.draining = True
        _log.info("worker: stopping", running=self.holdings.running)
        self.holdings.stop_taking()
        self.executors.announce_drain()
        if await self._emptied(self.finish_time, lost, stop.now):
            return
        if not stop.now.is_set():
            _log.warning("worker: asking what still runs to end", running=self.holdings.running)
            self.executors.ask_all(Interruption.DRAIN)
            if await self._emptied(self.stop_grace, lost, stop.now):
                return
        if stop.now.is_set():
            _log.warning("worker: giving back what still runs", running=self.holdings.running)
            self.executors.kill()
        if not await self._emptied(self.report_time, lost):
            _log.error("worker: the store did not take all ends", held=len(self.holdings.held))

    async def _emptied(
        self, limit: timedelta, lost: asyncio.Event, *cut_short: asyncio.Event
    ) -> bool:
        """Whether there is nothing left to wait for: the store has taken all ends, or wants none any more."""
        emptied = self.holdings.wait_until_empty()
        return await _came_to_pass(emptied, limit, lost, *cut_short) or lost.is_set()

    async def _void(self, taking_in: asyncio.Task[None], stop: StopRequest) -> None:
        """What runs may be another worker's already: it is killed, and waited for; a stop bounds the wait."""
        _log.warning("worker: what runs is void", running=self.holdings.running)
        # In this order: a claim that is answered from now on starts nothing.
        self.holdings.stop_taking()
        if self.holdings.running:
            self.executors.kill()
        if await _came_to_pass(self._all_gone(taking_in), None, stop.soon):
            return
        if not await _came_to_pass(self._all_gone(taking_in), self.report_time):
            _log.error("worker: what was void is not all gone", running=self.holdings.running)

    async def _all_gone(self, taking_in: asyncio.Task[None]) -> None:
        """The pop under way is over and its ids are back; the code of every run has ended."""
        await asyncio.wait((taking_in,))
        await self.holdings.wait_until_nothing_runs()

    async def _unless_lost(
        self, work: Coroutine[Any, Any, _Result], lost: asyncio.Event
    ) -> _Result | None:
        """A loss must not cancel its neighbours, as an error would: a pop that is cancelled loses ids."""
        try:
            return await work
        except SessionLost as error:
            if not lost.is_set():
                _log.error("worker: the session is lost", reason=str(error))
                self.vitals.session_lost()
            lost.set()
            return None


async def _first_of(*events: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(event.wait()) for event in events]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()


async def _came_to_pass(
    hoped: Coroutine[Any, Any, None], limit: timedelta | None, *cut_short: asyncio.Event
) -> bool:
    """Whether it did before the limit and before all of these events."""
    async with asyncio.TaskGroup() as tasks:
        hope = tasks.create_task(hoped)
        cuts = [tasks.create_task(event.wait()) for event in cut_short]
        await asyncio.wait(
            (hope, *cuts),
            timeout=None if limit is None else limit.total_seconds(),
            return_when=asyncio.FIRST_COMPLETED,
        )
        for task in (hope, *cuts):
            task.cancel()
    return not hope.cancelled()
