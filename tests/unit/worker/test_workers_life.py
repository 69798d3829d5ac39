"""A whole worker over played ports: what it takes in, what it reports, how it stops."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from tests.eventually import eventually
from tests.unit.worker.fakes import (
    FakeExecutors,
    FakeJobStore,
    FakeReadyQueue,
    NoPause,
)

from treadle_domain.claimed_run import ClaimRefusal
from treadle_domain.outcomes import Released, Ruling
from treadle_domain.worker_session import SessionEnd
from treadle_worker.application import report_outcomes
from treadle_worker.application.errors import SessionLost
from treadle_worker.application.holdings import Holdings
from treadle_worker.application.keep_session import KeepSession
from treadle_worker.application.report_outcomes import ReportOutcomes
from treadle_worker.application.run_jobs import RunJobs
from treadle_worker.application.vitals import Vitals
from treadle_worker.worker import StopRequest, Worker

SLOTS = 3
QUEUES = (("default", "a"), ("default", "b"))


@dataclass
class Played:
    """A worker and the parts that the test plays."""

    store: FakeJobStore = field(default_factory=FakeJobStore)
    ready_queue: FakeReadyQueue = field(default_factory=FakeReadyQueue)
    executors: FakeExecutors = field(default_factory=FakeExecutors)
    holdings: Holdings = field(default_factory=lambda: Holdings(SLOTS))
    stop: StopRequest = field(default_factory=StopRequest)
    finish_time: timedelta = timedelta(seconds=5)
    report_time: timedelta = timedelta(seconds=5)

    def worker(self) -> Worker:
        vitals = Vitals(lambda: 0.0)
        shared = {
            "store": self.store,
            "holdings": self.holdings,
            "vitals": vitals,
            "backoff": NoPause(),
        }
        return Worker(
            session_id=uuid4(),
            name="worker-1",
            namespaces=("default",),
            queues=("a", "b"),
            finish_time=self.finish_time,
            report_time=self.report_time,
            executors=self.executors,
            holdings=self.holdings,
            vitals=vitals,
            keep_session=KeepSession(**shared),  # type: ignore[arg-type]
            run_jobs=RunJobs(
                ready_queue=self.ready_queue,
                executors=self.executors,
                new_claim_id=uuid4,
                queues=QUEUES,
                **shared,  # type: ignore[arg-type]
            ),
            report_outcomes=ReportOutcomes(executors=self.executors, **shared),  # type: ignore[arg-type]
        )

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        """Stopped and ended by the end of the block."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.worker().live(self.stop))
            yield
            self.stop.ask()
            self.executors.end_all()


@pytest.fixture
def played() -> Played:
    return Played()


def ids(count: int) -> list[UUID]:
    return [uuid4() for _ in range(count)]


async def test_no_more_is_popped_than_there_are_free_slots(played: Played) -> None:
    played.ready_queue.ids = ids(10)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == SLOTS)
        assert played.holdings.free == 0
        played.executors.end(*played.executors.runs[:2])
        await eventually(lambda: len(played.executors.runs) == SLOTS + 2)
        assert len(played.ready_queue.popped) == SLOTS + 2
        assert max(played.ready_queue.counts) == SLOTS


async def test_the_queues_take_turns_at_being_asked_first(played: Played) -> None:
    async with played.living():
        await eventually(lambda: len(played.ready_queue.orders) >= 3)

    first = [order[0] for order in played.ready_queue.orders[:3]]
    assert first == [QUEUES[0], QUEUES[1], QUEUES[0]]


async def test_a_claim_that_was_not_answered_is_repeated_as_it_was(played: Played) -> None:
    async with played.living():
        await eventually(lambda: bool(played.store.opened))
        played.store.outages = 3
        played.ready_queue.ids = ids(2)
        await eventually(lambda: len(played.executors.runs) == 2)

    claims = [claim for claim in played.store.claims if claim.job_ids]
    assert len(set(claims)) == 1
    assert len(claims) > 1 or played.store.beats


async def test_what_the_store_refuses_frees_its_slot_and_is_not_put_back(played: Played) -> None:
    refused = ids(SLOTS)
    played.store.refused = dict(zip(refused, [*ClaimRefusal][:SLOTS], strict=True))
    played.ready_queue.ids = [*refused, *ids(SLOTS)]

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == SLOTS)

    assert not played.ready_queue.back


async def test_garbage_and_outages_of_the_ready_queue_do_not_stop_it(played: Played) -> None:
    played.ready_queue.is_down = True

    async with played.living():
        await eventually(lambda: len(played.ready_queue.counts) > 3)
        played.ready_queue.is_down, played.ready_queue.garbage = False, 2
        played.ready_queue.ids = ids(1)
        await eventually(lambda: len(played.executors.runs) == 1)


async def test_what_ends_while_a_report_is_under_way_goes_in_the_next_one(played: Played) -> None:
    played.ready_queue.ids = ids(SLOTS)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == SLOTS)
        first, *others = played.executors.runs
        played.store.may_finish.clear()
        played.executors.end(first)
        await eventually(lambda: len(played.store.finished) == 1)
        played.executors.end(*others)
        await eventually(lambda: played.holdings.running == 0)
        assert len(played.holdings.held) == SLOTS
        played.store.may_finish.set()
        await eventually(lambda: not played.holdings.held)

    assert [len(reports) for reports in played.store.finished] == [1, 2]


async def test_a_report_that_was_not_answered_is_sent_again_as_it_was(played: Played) -> None:
    played.ready_queue.ids = ids(1)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == 1)
        played.store.may_finish.clear()
        played.executors.end(*played.executors.runs)
        await eventually(lambda: len(played.store.finished) == 1)
        played.store.outages = 50
        played.store.may_finish.set()
        await eventually(lambda: not played.holdings.held)

    assert len(played.store.finished) > 1
    assert all(reports == played.store.finished[0] for reports in played.store.finished)


async def test_stale_outcomes_are_dropped(played: Played) -> None:
    played.store.ruling = Ruling.STALE
    played.ready_queue.ids = ids(1)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == 1)
        played.executors.end(*played.executors.runs)
        await eventually(lambda: not played.holdings.held)

    assert len(played.store.finished) == 1


async def test_reports_stay_below_the_bounds_of_a_message(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_outcomes, "MAX_BATCH", 2)
    played.ready_queue.ids = ids(SLOTS)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == SLOTS)
        played.executors.end(*played.executors.runs)
        await eventually(lambda: not played.holdings.held)

    assert [len(reports) for reports in played.store.finished] == [2, 1]


async def test_heartbeats_are_numbered_and_tell_what_is_held(played: Played) -> None:
    played.ready_queue.ids = ids(2)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == 2)
        beats = len(played.store.beats)
        await eventually(lambda: len(played.store.beats) > beats + 1)
        held = played.store.beats[-1].held

    assert held == {run.job_id: 1 for run in played.executors.runs}
    numbers = [beat.number for beat in played.store.beats]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_session_is_opened_as_soon_as_the_store_answers(played: Played) -> None:
    played.store.outages = 5

    async with played.living():
        await eventually(lambda: len(played.store.opened) == 1)

    assert played.store.closed == [SessionEnd.DRAINED]


async def test_a_worker_whose_session_is_gone_ends(played: Played) -> None:
    async def lose_the_session() -> None:
        await eventually(lambda: len(played.store.opened) == 1)
        played.store.is_lost = True

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(lose_the_session())
        with pytest.raises(ExceptionGroup) as end:
            await played.worker().live(played.stop)

    assert end.group_contains(SessionLost)


async def test_a_stop_before_the_store_ever_answered_ends_at_once(played: Played) -> None:
    played.store.outages = 10**9

    async with asyncio.timeout(5), played.living():
        await asyncio.sleep(0)

    assert not played.store.opened


async def test_a_stop_lets_what_runs_finish_and_reports_it(played: Played) -> None:
    played.ready_queue.ids = ids(SLOTS)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == SLOTS)

    assert not played.executors.killed
    assert sum(len(reports) for reports in played.store.finished) == SLOTS
    assert played.store.closed == [SessionEnd.DRAINED]


async def test_what_does_not_finish_in_time_is_given_back(played: Played) -> None:
    played.finish_time = timedelta(0)
    played.ready_queue.ids = ids(1)

    async with asyncio.TaskGroup() as group:
        group.create_task(played.worker().live(played.stop))
        await eventually(lambda: len(played.executors.runs) == 1)
        played.stop.ask()

    assert played.executors.killed
    assert [report.outcome for report in played.store.finished[0]] == [Released()]
    assert played.store.closed == [SessionEnd.DRAINED]


async def test_a_second_stop_gives_back_at_once(played: Played) -> None:
    played.finish_time = timedelta(hours=1)
    played.ready_queue.ids = ids(1)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(played.worker().live(played.stop))
        await eventually(lambda: len(played.executors.runs) == 1)
        played.stop.ask()
        played.stop.ask()

    assert played.executors.killed


async def test_a_stop_while_the_store_is_away_puts_the_ids_back(played: Played) -> None:
    async with played.living():
        await eventually(lambda: bool(played.store.opened))
        played.store.outages = 10**9
        played.ready_queue.ids = ids(2)
        await eventually(lambda: bool(played.store.claims))

    assert [set(back.ranks) for back in played.ready_queue.back] == [set(played.ready_queue.popped)]


async def test_no_stop_at_whatever_moment_loses_an_id() -> None:
    chance = random.Random(4)
    for _ in range(200):
        played = Played()
        played.ready_queue.ids = ids(SLOTS)

        async with played.living():
            for _ in range(chance.randrange(25)):
                await asyncio.sleep(0)

        back = {job_id for popped in played.ready_queue.back for job_id in popped.ranks}
        run = {run.job_id for run in played.executors.runs}
        assert back | run == set(played.ready_queue.popped)
        assert not back & run
