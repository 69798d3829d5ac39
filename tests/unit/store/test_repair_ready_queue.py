from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from tests.builders import NOW
from tests.fakes.in_memory_store import InMemoryTally

from treadle_store.application.ports import Happening
from treadle_store.application.ready_ports import (
    DueJob,
    Place,
    QueueName,
    ReadyQueueUnavailable,
    ReadySet,
    Refill,
    Rounds,
    Stretch,
)
from treadle_store.application.repair_ready_queue import (
    LEAST_CAP,
    QUEUES_PER_TURN,
    RepairReadyQueue,
)

MAIL = ("default", "mail")


def a_place(rank: int) -> Place:
    return rank, UUID(int=rank)


@dataclass
class FakeTurns:
    """PostgreSQL: which queues have which due jobs."""

    due_jobs: dict[QueueName, list[Place]] = field(default_factory=dict)
    now: datetime = NOW
    epoch: str = ""
    rounds: Rounds = field(default_factory=Rounds)
    is_taken: bool = False
    asked: list[Stretch] = field(default_factory=list)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator["FakeTurns | None"]:
        yield None if self.is_taken else self

    async def queues(self, after: QueueName, limit: int) -> Sequence[QueueName]:
        return sorted(queue for queue in self.due_jobs if queue > after)[:limit]

    async def due(
        self, stretches: Sequence[Stretch], limit: int
    ) -> Mapping[QueueName, Sequence[DueJob]]:
        self.asked += stretches
        return {s.queue: self._within(s)[:limit] for s in stretches}

    def _within(self, stretch: Stretch) -> list[DueJob]:
        places = sorted(self.due_jobs.get(stretch.queue, []))
        return [DueJob(p, version=1) for p in places if stretch.start <= p < stretch.end]

    async def remember(self, epoch: str, rounds: Rounds) -> None:
        self.epoch, self.rounds = epoch, rounds


@dataclass
class FakeStock:
    """Redis, whose sets are as the test says."""

    sets: dict[QueueName, ReadySet] = field(default_factory=dict)
    epoch: str = ""
    is_down: bool = False
    cap: int = 0
    looked_at: list[QueueName] = field(default_factory=list)
    distrusted: list[QueueName] = field(default_factory=list)
    opened: list[QueueName] = field(default_factory=list)
    refills: list[Refill] = field(default_factory=list)
    found: dict[QueueName, Sequence[DueJob]] = field(default_factory=dict)

    async def advance_epoch(self, epoch: str, next_epoch: str) -> bool:
        if self.is_down:
            raise ReadyQueueUnavailable
        is_known = self.epoch == epoch
        self.epoch = next_epoch if is_known else self.epoch
        return is_known

    async def forget_all(self) -> None:
        if self.is_down:
            raise ReadyQueueUnavailable
        self.epoch = ""

    async def distrust(self, queues: Sequence[QueueName]) -> None:
        self.distrusted += queues

    async def begin_epoch(self, epoch: str) -> None:
        self.epoch = epoch

    async def bounded(self, limit: int) -> Collection[QueueName]:
        return [queue for queue, ready in self.sets.items() if ready.boundary][:limit]

    async def look(self, queues: Sequence[QueueName], cap: int) -> Sequence[ReadySet]:
        self.cap = cap
        self.looked_at += queues
        return [self.sets.get(queue, a_set(queue)) for queue in queues]

    async def open(self, queues: Sequence[QueueName], token: str) -> None:
        self.opened += queues

    async def fill(self, refills: Sequence[Refill], token: str) -> int:
        assert {refill.queue for refill in refills} <= set(self.opened)
        self.refills += refills
        return sum(len(refill.places) for refill in refills)

    async def restore(
        self, found: Mapping[QueueName, Sequence[DueJob]], now: datetime, patience: timedelta
    ) -> Mapping[QueueName, int]:
        self.found |= found
        return {queue: len(jobs) for queue, jobs in found.items()}


@dataclass
class World:
    turns: FakeTurns = field(default_factory=FakeTurns)
    stock: FakeStock = field(default_factory=FakeStock)
    tally: InMemoryTally = field(default_factory=InMemoryTally)

    async def repair(self, ids_limit: int = 100) -> bool:
        repair = RepairReadyQueue(
            turns=self.turns, stock=self.stock, tally=self.tally, ids_limit=ids_limit
        )
        return await repair()


def a_set(queue: QueueName = MAIL, **said: object) -> ReadySet:
    nothing: dict[str, object] = {"size": 0, "first": None, "last": None, "boundary": None}
    return ReadySet(**{"queue": queue, "is_filling": False} | nothing | said)  # type: ignore[arg-type]


@pytest.fixture
def world() -> World:
    """Redis and PostgreSQL agree."""
    epoch = f"{uuid4().hex}:7"
    return World(FakeTurns(epoch=epoch), FakeStock(epoch=epoch))


async def test_a_redis_that_remembers_is_not_rebuilt(world: World) -> None:
    world.turns.due_jobs[MAIL] = []

    await world.repair()

    assert world.stock.distrusted == []
    assert world.stock.epoch == world.turns.epoch
    assert world.turns.epoch.endswith(":8")


@pytest.mark.parametrize("remembered", ["", "another:7"])
async def test_any_other_memory_makes_all_queues_distrusted(world: World, remembered: str) -> None:
    world.turns.due_jobs = {("default", f"q{n:04}"): [] for n in range(QUEUES_PER_TURN + 1)}
    world.stock.epoch = remembered

    await world.repair()

    assert world.stock.distrusted == sorted(world.turns.due_jobs)
    assert world.stock.epoch == world.turns.epoch
    assert world.tally.counts[Happening.REBUILT] == 1


async def test_queues_are_visited_page_by_page_and_share_the_limit(world: World) -> None:
    queues = [("default", f"q{n:04}") for n in range(QUEUES_PER_TURN + 1)]
    world.turns.due_jobs = {queue: [] for queue in queues}

    await world.repair(ids_limit=50_000)
    assert set(world.stock.looked_at) == set(queues[:-1])
    await world.repair(ids_limit=50_100)

    assert world.stock.looked_at[-1] == queues[-1]
    assert world.stock.cap == 100


async def test_every_queue_may_hold_a_few(world: World) -> None:
    world.turns.due_jobs = {("default", f"q{n}"): [] for n in range(50)}

    await world.repair(ids_limit=10)

    assert world.stock.cap == LEAST_CAP


async def test_a_queue_at_half_its_cap_is_topped_up_from_its_boundary(world: World) -> None:
    world.turns.due_jobs[MAIL] = [a_place(rank) for rank in range(200)]
    held = a_set(size=49, first=a_place(0), last=a_place(48), boundary=a_place(49))
    world.stock.sets[MAIL] = held

    await world.repair(ids_limit=100)

    (refill,) = world.stock.refills
    assert refill.places == [a_place(rank) for rank in range(49, 99)]
    assert refill.rest == a_place(99)


async def test_a_queue_more_than_half_full_waits(world: World) -> None:
    world.turns.due_jobs[MAIL] = [a_place(rank) for rank in range(200)]
    held = a_set(size=51, first=a_place(0), last=a_place(50), boundary=a_place(51))
    world.stock.sets[MAIL] = held

    assert not await world.repair(ids_limit=100)
    assert world.stock.refills == []


async def test_the_last_of_the_backlog_leaves_nothing_behind(world: World) -> None:
    world.turns.due_jobs[MAIL] = [a_place(5)]
    world.stock.sets[MAIL] = a_set(boundary=a_place(5))

    more = await world.repair()

    assert world.stock.refills == [Refill(queue=MAIL, places=[a_place(5)], rest=None)]
    assert not more


async def test_a_top_up_that_did_not_end_is_done_again(world: World) -> None:
    held = a_set(size=99, first=a_place(0), last=a_place(98), boundary=a_place(50), is_filling=True)
    world.stock.sets[MAIL] = held

    await world.repair()

    assert [refill.queue for refill in world.stock.refills] == [MAIL]


@pytest.mark.parametrize(
    ("held", "found"),
    [
        (a_set(size=1, first=a_place(2), last=a_place(2)), [0, 1]),
        (a_set(boundary=a_place(1)), [0]),
        (a_set(), [0, 1, 2]),
    ],
)
async def test_what_should_stand_before_the_head_is_found(
    world: World, held: ReadySet, found: list[int]
) -> None:
    world.turns.due_jobs[MAIL] = [a_place(rank) for rank in range(3)]
    world.stock.sets[MAIL] = held

    await world.repair()

    assert [job.place for job in world.stock.found[MAIL]] == [a_place(rank) for rank in found]
    assert world.tally.counts[Happening.REPAIRED] == len(found)


async def test_a_queue_that_lost_more_than_a_check_finds_is_read_from_its_beginning(
    world: World,
) -> None:
    world.turns.due_jobs[MAIL] = [a_place(rank) for rank in range(2_000)]

    more = await world.repair()

    assert world.stock.distrusted == [MAIL]
    assert more


async def test_while_redis_is_down_nothing_is_remembered(world: World) -> None:
    epoch = world.turns.epoch
    world.stock.is_down = True

    assert not await world.repair()
    assert world.turns.epoch == epoch


async def test_only_one_replica_repairs_at_a_time(world: World) -> None:
    world.turns.due_jobs[MAIL] = [a_place(1)]
    world.turns.is_taken = True

    assert not await world.repair()
    assert world.stock.looked_at == []
