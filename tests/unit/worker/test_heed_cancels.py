"""A cancel reaches the run it names, whichever way and whenever it comes."""

from uuid import uuid4

from tests.eventually import eventually
from tests.unit.worker.fakes import a_run
from tests.unit.worker.played import SLOTS, Played, ids

from treadle_worker.application import heed_cancels
from treadle_worker.application.runs import Interruption


async def test_a_hint_asks_the_run_it_names_and_no_other(played: Played) -> None:
    played.ready_queue.ids = ids(SLOTS)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == SLOTS)
        named = played.executors.runs[1].job_id
        played.cancel_hints.tell((uuid4(), 1), (named, 2), (named, 1))
        await eventually(lambda: bool(played.executors.asked))

    assert played.executors.asked == [(named, 1, Interruption.CANCEL)]
    assert played.store.finished[0][0].job_id == named


async def test_the_answer_of_a_heartbeat_does_the_same(played: Played) -> None:
    played.cancel_hints.deaf = 10**9
    played.ready_queue.ids = [named := uuid4()]

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == 1)
        played.store.cancelled = ((named, 1),)
        await eventually(lambda: bool(played.executors.asked))

    assert played.executors.asked == [(named, 1, Interruption.CANCEL)]


async def test_a_hint_that_overtakes_the_answer_of_the_claim_is_kept(played: Played) -> None:
    played.ready_queue.ids = [named := uuid4(), uuid4()]
    played.store.may_claim.clear()

    async with played.living():
        await eventually(lambda: bool(played.store.claims))
        played.cancel_hints.tell((named, 1))
        played.cancel_hints.tell((uuid4(), 1))
        await eventually(played.cancel_hints.all_heard)
        played.store.may_claim.set()
        await eventually(lambda: bool(played.executors.asked))

    assert played.executors.asked == [(named, 1, Interruption.CANCEL)]


async def test_of_the_hints_that_came_too_early_the_latest_are_kept(played: Played) -> None:
    heed, repeated, forgotten, kept = played.worker().heed_cancels, *[a_run() for _ in range(3)]

    heed.heed([(repeated.job_id, 1), (forgotten.job_id, 1)])
    heed.heed([(i, 1) for i in ids(heed_cancels.MAX_EARLY - 2)])
    heed.heed([(repeated.job_id, 1), (kept.job_id, 1)])
    for run in (repeated, forgotten, kept):
        played.executors.run(run)
    heed.begun([repeated, forgotten, kept])

    assert played.executors.asked == [
        (run.job_id, 1, Interruption.CANCEL) for run in (repeated, kept)
    ]


async def test_after_every_outage_it_listens_again(played: Played) -> None:
    played.cancel_hints.deaf = 3
    played.ready_queue.ids = ids(2)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == 2)
        first, second = [run.job_id for run in played.executors.runs]
        played.cancel_hints.tell((first, 1))
        await eventually(lambda: len(played.executors.asked) == 1)
        played.cancel_hints.cut()
        played.cancel_hints.tell((second, 1))
        await eventually(lambda: len(played.executors.asked) == 2)

    assert played.cancel_hints.subscriptions == 5


async def test_a_repeat_and_a_hint_after_the_end_ask_nothing(played: Played) -> None:
    played.ready_queue.ids = [named := uuid4()]

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == 1)
        for _ in range(2):
            played.cancel_hints.tell((named, 1))
        await eventually(played.cancel_hints.all_heard)
        await eventually(lambda: not played.holdings.held)
        played.cancel_hints.tell((named, 1))
        await eventually(played.cancel_hints.all_heard)

    assert len(played.executors.asked) == 1
