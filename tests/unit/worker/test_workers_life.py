"""What a worker takes in and what it reports."""

import asyncio

import pytest
from tests.eventually import eventually
from tests.unit.worker.played import QUEUES, SLOTS, Played, ids

from treadle_domain.claimed_run import ClaimRefusal
from treadle_domain.outcomes import Ruling
from treadle_worker.application import report_outcomes
from treadle_worker.application.run_jobs import PUT_BACK_TRIES


async def test_no_more_is_popped_than_there_are_free_slots(played: Played) -> None:
    played.ready_queue.ids = ids(10)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == SLOTS)
        assert played.holdings.free == 0
        played.executors.end(*played.executors.runs[:2])
        await eventually(lambda: len(played.executors.runs) == SLOTS + 2)
        assert len(played.ready_queue.popped) == SLOTS + 2
        assert max(played.ready_queue.counts) == SLOTS


async def test_ids_are_left_to_others_while_no_executor_starts_anything(played: Played) -> None:
    played.executors.are_clogged = True
    played.ready_queue.ids = ids(1)

    async with played.living():
        await eventually(lambda: len(played.store.beats) >= 3)
        assert not played.ready_queue.popped
        played.executors.are_clogged = False
        await eventually(lambda: len(played.executors.runs) == 1)


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
    assert all(claim == claims[0] for claim in claims)
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


async def test_ids_go_back_as_soon_as_the_ready_queue_takes_them(played: Played) -> None:
    async with played.living():
        await eventually(lambda: bool(played.store.opened))
        played.store.outages, played.ready_queue.deaf = 10**9, PUT_BACK_TRIES - 1
        played.ready_queue.ids = ids(2)
        await eventually(lambda: bool(played.store.claims))

    assert [set(back.ranks) for back in played.ready_queue.back] == [set(played.ready_queue.popped)]


async def test_ids_that_cannot_go_back_do_not_hold_up_the_stop(played: Played) -> None:
    async with asyncio.timeout(5), played.living():
        await eventually(lambda: bool(played.store.opened))
        played.store.outages, played.ready_queue.deaf = 10**9, 10**9
        played.ready_queue.ids = ids(2)
        await eventually(lambda: bool(played.store.claims))

    assert 10**9 - played.ready_queue.deaf == PUT_BACK_TRIES


async def test_a_ready_queue_that_may_drop_ids_makes_it_not_ready(played: Played) -> None:
    played.ready_queue.complaint = "Redis may evict keys"

    async with played.living():
        await eventually(lambda: len(played.ready_queue.counts) > 3)
        assert played.vitals.complaint() == "Redis may evict keys"

    assert played.ready_queue.checks == 1


async def test_what_happens_is_counted(played: Played) -> None:
    refused, granted = ids(1), ids(2)
    played.store.refused = {refused[0]: ClaimRefusal.GONE}
    played.ready_queue.garbage, played.ready_queue.ids = 2, [*refused, *granted]

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == len(granted))
        played.executors.end(*played.executors.runs)
        await eventually(lambda: not played.holdings.held)

    assert (played.tally.sessions, played.tally.garbage) == (1, 2)
    assert played.tally.claims.count(ClaimRefusal.GONE) == 1
    assert len(played.tally.claims) == 3
    assert played.tally.rulings == [Ruling.APPLIED] * 2
