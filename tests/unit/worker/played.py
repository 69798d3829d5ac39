"""A worker over played ports."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from tests.unit.worker.fakes import (
    FakeCancelHints,
    FakeExecutors,
    FakeGuard,
    FakeJobStore,
    FakeReadyQueue,
    FakeTally,
    NoPause,
)

from treadle_worker.application.heed_cancels import HeedCancels
from treadle_worker.application.holdings import Holdings
from treadle_worker.application.keep_session import KeepSession
from treadle_worker.application.report_outcomes import ReportOutcomes
from treadle_worker.application.report_progress import ReportProgress
from treadle_worker.application.run_jobs import RunJobs
from treadle_worker.application.seating import Seating
from treadle_worker.application.self_fence import SelfFence
from treadle_worker.application.vitals import Vitals
from treadle_worker.worker import StopRequest, Worker

SLOTS = 3
QUEUES = (("default", "a"), ("default", "b"))


@dataclass
class Clock:
    """Stands still until the test moves it."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Played:
    """A worker and the parts that the test plays."""

    store: FakeJobStore = field(default_factory=FakeJobStore)
    ready_queue: Any = field(default_factory=FakeReadyQueue)
    cancel_hints: FakeCancelHints = field(default_factory=FakeCancelHints)
    executors: FakeExecutors = field(default_factory=FakeExecutors)
    holdings: Holdings = field(default_factory=lambda: Holdings(SLOTS, count().__next__))
    """By its clock nothing ended lately, so nothing is claimed ahead."""
    vitals: Vitals = field(default_factory=lambda: Vitals(lambda: 0.0))
    guard: FakeGuard = field(default_factory=FakeGuard)
    clock: Clock = field(default_factory=Clock)
    tally: FakeTally = field(default_factory=FakeTally)
    fence_grace: timedelta = timedelta(0)
    stop: StopRequest = field(default_factory=StopRequest)
    finish_time: timedelta = timedelta(seconds=5)
    stop_grace: timedelta = timedelta(seconds=5)
    report_time: timedelta = timedelta(seconds=5)

    def worker(self) -> Worker:
        self_fence = SelfFence(
            now=self.clock,
            stop_grace=self.fence_grace,
            guard=self.guard,
            executors=self.executors,
            holdings=self.holdings,
            vitals=self.vitals,
            least_margin=timedelta(0),
        )
        shared = {
            "store": self.store,
            "holdings": self.holdings,
            "vitals": self.vitals,
            "backoff": NoPause(),
            "tally": self.tally,
        }
        report_progress = ReportProgress(
            store=self.store,
            executors=self.executors,
            holdings=self.holdings,
            backoff=NoPause(),  # type: ignore[arg-type]
        )
        report_outcomes = ReportOutcomes(
            executors=self.executors,
            settle=report_progress.settle,
            **shared,  # type: ignore[arg-type]
        )
        heed_cancels = HeedCancels(
            hints=self.cancel_hints,
            executors=self.executors,
            backoff=NoPause(),  # type: ignore[arg-type]
        )
        return Worker(
            new_session_id=uuid4,
            name="worker-1",
            namespaces=("default",),
            queues=("a", "b"),
            finish_time=self.finish_time,
            stop_grace=self.stop_grace,
            report_time=self.report_time,
            executors=self.executors,
            holdings=self.holdings,
            vitals=self.vitals,
            self_fence=self_fence,
            keep_session=KeepSession(
                self_fence=self_fence,
                heed_cancels=heed_cancels.heed,
                **shared,  # type: ignore[arg-type]
            ),
            run_jobs=RunJobs(
                ready_queue=self.ready_queue,
                executors=self.executors,
                self_fence=self_fence,
                seating=Seating(executors=self.executors, clock=lambda: 0.0),
                new_claim_id=uuid4,
                give_back=report_outcomes.give_back,
                begun=heed_cancels.begun,
                queues=QUEUES,
                **shared,  # type: ignore[arg-type]
            ),
            report_progress=report_progress,
            report_outcomes=report_outcomes,
            heed_cancels=heed_cancels,
        )

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        """Stopped and ended by the end of the block."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.worker().live(self.stop))
            yield
            self.stop.ask()
            self.executors.end_all()


def ids(count: int) -> list[UUID]:
    return [uuid4() for _ in range(count)]
