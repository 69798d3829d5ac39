"""SIGTERM to an idle worker at the moment when an id arrives, and a second worker there: none is lost, none is late."""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

from tests.builders import a_job
from tests.eventually import eventually
from tests.unit.worker.fakes import FakeJobStore
from tests.unit.worker.played import Played

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, ClaimRefusal, RunReport
from treadle_domain.job import Job
from treadle_domain.outcomes import Released, Verdict
from treadle_wire.ready_queue import ReadySets, connect
from treadle_worker.adapters.outbound.redis_ready_queue import RedisReadyQueue
from treadle_worker.application.ports import PoppedIds

ROUNDS = 200
AT_ONCE = 50
APART_SECONDS = 0.02
LATEST_SECONDS = 3.0
QUEUE = ("default", "a")


@dataclass
class _OneStore(FakeJobStore):
    """Grants a job once, until it is given back: then it pushes the id again, as the store does."""

    job: Job = field(default_factory=lambda: a_job(queue="a"))
    ready_sets: ReadySets | None = None
    is_granted: bool = False

    def has_opened(self, sessions: int) -> bool:
        return len(self.opened) == sessions

    async def claim(self, batch: ClaimBatch) -> Sequence[ClaimedRun | ClaimRefusal]:
        assert batch.job_ids == (self.job.id,)
        if self.is_granted:
            return [ClaimRefusal.GONE]
        self.is_granted = True
        return await super().claim(batch)

    async def finish(self, session_id: UUID, reports: Sequence[RunReport]) -> Sequence[Verdict]:
        verdicts = await super().finish(session_id, reports)
        if any(isinstance(report.outcome, Released) for report in reports):
            assert self.ready_sets is not None
            self.is_granted = False
            await self.ready_sets.add([self.job])
        return verdicts


class _CountingQueue(RedisReadyQueue):
    backs = 0

    async def put_back(self, popped: PoppedIds) -> None:
        self.backs += 1
        await super().put_back(popped)


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """`delay_seconds`: from the push to the start of the run."""

    delay_seconds: float
    went_back: bool


async def test_two_hundred_stops_at_the_moment_of_a_submit_lose_and_delay_none(
    redis_url: str,
) -> None:
    chance, ended = random.Random(20), list[_End]()
    for _ in range(ROUNDS // AT_ONCE):
        async with asyncio.TaskGroup() as group:
            rounds = [
                group.create_task(
                    _stop_at_a_submit(redis_url, chance.uniform(-APART_SECONDS, APART_SECONDS))
                )
                for _ in range(AT_ONCE)
            ]
        ended += [round.result() for round in rounds]

    assert len(ended) == ROUNDS
    assert max(end.delay_seconds for end in ended) <= LATEST_SECONDS
    # Else the stops never came between an id and its claim, and nothing is shown.
    assert any(end.went_back for end in ended)


async def _stop_at_a_submit(redis_url: str, stop_after_seconds: float) -> _End:
    """Negative: the stop comes before the submit."""
    # Connections are bounded: each round has its own, as processes have.
    redis = connect(redis_url)
    ready_sets = ReadySets(redis, f"test-{uuid4()}")
    store = _OneStore(lease=timedelta(hours=1), ready_sets=ready_sets)
    queue = _CountingQueue(ready_sets)
    stopped, other = (Played(store=store, ready_queue=queue) for _ in range(2))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(redis.aclose)
        # Redis serves first who asked first: the one that is stopped.
        for count, worker in enumerate((stopped, other), start=1):
            worker.executors.end_all()
            await stack.enter_async_context(worker.living())
            await eventually(partial(store.has_opened, count))
        if stop_after_seconds < 0:
            stopped.stop.ask()
        await asyncio.sleep(max(0.0, -stop_after_seconds))
        await ready_sets.add([store.job])
        submitted_at = time.monotonic()
        await asyncio.sleep(max(0.0, stop_after_seconds))
        if not stopped.stop.soon.is_set():
            stopped.stop.ask()
        await eventually(lambda: bool(stopped.executors.runs or other.executors.runs))
        delay = time.monotonic() - submitted_at
        assert await redis.zcard(ready_sets.key(*QUEUE)) == 0

    assert len(stopped.executors.runs) + len(other.executors.runs) == 1
    return _End(delay_seconds=delay, went_back=queue.backs > 0)
