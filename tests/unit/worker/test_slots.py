import asyncio
from datetime import timedelta

from tests.eventually import eventually
from tests.unit.worker.fakes import a_run

from treadle_domain.claimed_run import ClaimedRun
from treadle_worker.adapters.outbound.slots import Slots

LONG = timedelta(minutes=1)


class Seen:
    def __init__(self, count: int, longest_wait: timedelta = LONG) -> None:
        self.begun: list[ClaimedRun] = []
        self.given_back: list[ClaimedRun] = []
        self.slots = Slots(count, longest_wait, self.begun.append, self.given_back.append)


async def test_no_more_begin_than_there_are_slots_and_the_others_in_their_order() -> None:
    seen, runs = Seen(2), [a_run() for _ in range(4)]

    for run in runs:
        seen.slots.take(run)

    assert seen.begun == runs[:2]
    seen.slots.freed()
    assert seen.begun == runs[:3]
    seen.slots.freed()
    assert seen.begun == runs


async def test_a_slot_that_nobody_waited_for_stays_free() -> None:
    seen, first, second = Seen(1), a_run(), a_run()
    seen.slots.take(first)

    seen.slots.freed()
    seen.slots.take(second)

    assert seen.begun == [first, second]


async def test_one_that_is_given_back_does_not_begin() -> None:
    seen, runs = Seen(1), [a_run() for _ in range(3)]
    for run in runs:
        seen.slots.take(run)

    seen.slots.give_back((runs[1].job_id, runs[1].fence))
    seen.slots.freed()

    assert seen.given_back == [runs[1]]
    assert seen.begun == [runs[0], runs[2]]


async def test_all_that_wait_are_given_back_when_the_first_has_waited_too_long() -> None:
    seen, runs = Seen(1, timedelta(seconds=0.02)), [a_run() for _ in range(3)]
    began = asyncio.get_running_loop().time()
    for run in runs:
        seen.slots.take(run)

    await eventually(lambda: seen.given_back == runs[1:])

    assert asyncio.get_running_loop().time() - began >= 0.02
    assert seen.begun == runs[:1]


async def test_the_wait_of_each_counts_from_its_own_taking() -> None:
    seen, runs = Seen(1, timedelta(seconds=0.05)), [a_run() for _ in range(3)]
    seen.slots.take(runs[0])
    seen.slots.take(runs[1])
    seen.slots.freed()

    loop = asyncio.get_running_loop()
    taken_at = loop.time() + 0.04
    await eventually(lambda: loop.time() >= taken_at)
    seen.slots.take(runs[2])

    await eventually(lambda: bool(seen.given_back))
    assert loop.time() >= taken_at + 0.05
