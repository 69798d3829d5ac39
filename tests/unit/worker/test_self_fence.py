"""A worker that the store may believe dead: what it runs ends before its jobs can be given to another."""

import asyncio
import math
from datetime import timedelta

import pytest
from tests.eventually import eventually
from tests.unit.worker.played import SLOTS, Played, ids

from treadle_domain.outcomes import Released
from treadle_domain.worker_session import SessionEnd
from treadle_worker.application.errors import LeaseTooShort
from treadle_worker.application.runs import Interruption

# Of the fake store's lease of 6 ms, with no grace.
REACH = 0.0056
GUARDS_REACH = 0.0058
LATE = 1.0


def cut_off(played: Played) -> None:
    """No heartbeat is answered any more, and time passes."""
    played.store.outages = 10**9
    played.clock.seconds += LATE


async def test_what_runs_is_asked_to_end_when_no_heartbeat_was_acknowledged_in_time(
    played: Played,
) -> None:
    played.ready_queue.ids = ids(SLOTS)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == SLOTS)
        played.store.outages = 10**9
        beats = len(played.store.beats)
        await eventually(lambda: len(played.store.beats) > beats + 10)
        assert Interruption.LOST not in played.executors.words
        played.clock.seconds += LATE
        await eventually(lambda: played.executors.words == [Interruption.LOST])
        assert "no heartbeat" in (played.vitals.complaint() or "")
        played.store.outages = 0


async def test_while_heartbeats_are_acknowledged_nothing_is_asked_however_long_it_takes(
    played: Played,
) -> None:
    async with played.living():
        for _ in range(20):
            beats = len(played.store.beats)
            await eventually(lambda beats=beats: len(played.store.beats) > beats)  # type: ignore[misc]
            played.clock.seconds += REACH / 3

    assert Interruption.LOST not in played.executors.words


async def test_the_deadline_counts_from_when_the_heartbeat_was_sent(played: Played) -> None:
    async with played.living():
        await eventually(lambda: bool(played.store.opened))
        played.store.may_beat.clear()
        beats = len(played.store.beats)
        await eventually(lambda: len(played.store.beats) > beats)
        told = len(played.guard.deadlines)
        played.clock.seconds = REACH / 2
        played.store.may_beat.set()
        await eventually(lambda: len(played.guard.deadlines) > told + 1)

    late, next_one = played.guard.deadlines[told : told + 2]
    assert late == pytest.approx(GUARDS_REACH)
    assert next_one == pytest.approx(REACH / 2 + GUARDS_REACH)


async def test_in_a_session_that_is_still_open_the_runs_are_released_and_claiming_goes_on(
    played: Played,
) -> None:
    played.ready_queue.ids = ids(SLOTS)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == SLOTS)
        cut_off(played)
        await eventually(lambda: bool(played.executors.words))
        played.ready_queue.ids = ids(1)
        pops = len(played.ready_queue.counts)
        await eventually(lambda: played.holdings.running == 0)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(played.ready_queue.counts) == pops
        played.store.outages = 0
        await eventually(lambda: len(played.executors.runs) == SLOTS + 1)
        await eventually(lambda: len(played.holdings.held) == 1)
        assert played.vitals.complaint() is None

    assert len(played.store.opened) == 1
    assert [report.outcome for report in played.store.finished[-2]] == [Released()] * SLOTS
    assert played.store.closed == [SessionEnd.DRAINED]


async def test_what_was_asked_is_gone_before_claiming_goes_on(played: Played) -> None:
    played.executors.lingers = True
    played.ready_queue.ids = ids(1)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == 1)
        cut_off(played)
        await eventually(lambda: bool(played.executors.words))
        played.store.outages, beats = 0, len(played.store.beats)
        await eventually(lambda: len(played.store.beats) > beats + 5)
        played.ready_queue.ids = ids(1)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(played.executors.runs) == 1
        assert played.vitals.complaint() is not None
        played.executors.end(played.executors.runs[0])
        await eventually(lambda: len(played.executors.runs) == 2)


async def test_claiming_does_not_wait_for_a_run_that_was_granted_after_the_deadline_had_moved(
    played: Played,
) -> None:
    played.executors.lingers = True
    played.ready_queue.ids = ids(1)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == 1)
        played.store.may_claim.clear()
        played.ready_queue.ids = ids(1)
        await eventually(lambda: len(played.store.claims) == 2)
        cut_off(played)
        await eventually(lambda: bool(played.executors.words))
        played.store.outages, beats = 0, len(played.store.beats)
        await eventually(lambda: len(played.store.beats) > beats + 2)
        played.store.may_claim.set()
        await eventually(lambda: len(played.executors.runs) == 2)
        played.executors.end(played.executors.runs[0])
        played.ready_queue.ids = ids(1)
        await eventually(lambda: len(played.executors.runs) == 3)
        assert played.vitals.complaint() is None


async def test_a_session_that_was_lost_is_followed_by_a_new_one_that_takes_jobs(
    played: Played,
) -> None:
    played.executors.lingers = True
    played.ready_queue.ids = ids(SLOTS)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == SLOTS)
        cut_off(played)
        await eventually(lambda: bool(played.executors.words))
        played.store.lose()
        played.store.outages = 0
        await eventually(lambda: played.executors.killed)
        played.executors.die()
        await eventually(lambda: len(played.store.opened) == 2)
        played.ready_queue.ids = ids(1)
        await eventually(lambda: len(played.executors.runs) == SLOTS + 1)
        assert played.vitals.complaint() is None

    assert played.guard.sessions == [session.id for session in played.store.opened]


async def test_an_id_that_is_popped_too_late_goes_back(played: Played) -> None:
    async with played.living():
        await eventually(lambda: bool(played.store.beats))
        played.ready_queue.may_answer.clear()
        for _ in range(10):
            await asyncio.sleep(0)
        cut_off(played)
        played.ready_queue.ids = ids(2)
        played.ready_queue.may_answer.set()
        await eventually(lambda: len(played.ready_queue.back) == 1)

    assert not played.store.claims
    assert set(played.ready_queue.back[0].ranks) == set(played.ready_queue.popped)


async def test_a_claim_that_is_answered_too_late_starts_nothing_and_is_released(
    played: Played,
) -> None:
    """As when this process was frozen: the answer is there before anything has noticed the time."""
    async with played.living():
        await eventually(lambda: bool(played.store.beats))
        played.store.may_claim.clear()
        played.ready_queue.ids = ids(2)
        await eventually(lambda: bool(played.store.claims))
        played.store.may_beat.clear()
        played.store.may_claim.set()
        played.clock.seconds += LATE
        await eventually(lambda: len(played.store.finished) == 1)
        played.store.may_beat.set()
        await eventually(lambda: not played.holdings.held)

    assert not played.executors.runs
    assert [report.outcome for report in played.store.finished[0]] == [Released(unstarted=True)] * 2


async def test_a_claim_that_is_not_answered_in_time_gives_its_ids_back(played: Played) -> None:
    async with played.living():
        await eventually(lambda: bool(played.store.beats))
        played.store.outages = 10**9
        played.ready_queue.ids = ids(2)
        await eventually(lambda: bool(played.store.claims))
        assert not played.ready_queue.back
        played.clock.seconds += LATE
        await eventually(lambda: len(played.ready_queue.back) == 1)

    assert not played.executors.runs


async def test_the_guard_is_told_when_nothing_is_left_to_kill_and_when_there_may_be_again(
    played: Played,
) -> None:
    played.executors.lingers = True
    played.ready_queue.ids = ids(1)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == 1)
        cut_off(played)
        await eventually(lambda: bool(played.executors.words))
        assert math.inf not in played.guard.deadlines
        played.executors.die()
        await eventually(lambda: played.guard.deadlines[-1] == math.inf)
        played.store.outages = 0
        await eventually(lambda: played.guard.deadlines[-1] == LATE + GUARDS_REACH)


async def test_a_session_may_be_as_old_as_the_first_try_to_open_it(played: Played) -> None:
    """Only its answer was lost: then the lease has counted since, and a heartbeat must come before any claim."""
    played.store.outages = 10**9
    async with played.living():
        await eventually(lambda: played.store.openings > 2)
        played.clock.seconds += LATE
        played.store.may_beat.clear()
        played.ready_queue.ids = ids(1)
        played.store.outages = 0
        await eventually(lambda: bool(played.store.beats))
        assert not played.guard.deadlines
        assert not played.store.claims
        played.store.may_beat.set()
        await eventually(lambda: len(played.executors.runs) == 1)

    assert Interruption.LOST not in played.executors.words


async def test_a_lease_that_leaves_too_little_time_is_refused(played: Played) -> None:
    played.fence_grace = played.store.lease / 2

    with pytest.raises(ExceptionGroup) as end:
        async with asyncio.timeout(5):
            await played.worker().live(played.stop)

    assert end.group_contains(LeaseTooShort)
    assert played.store.closed == [SessionEnd.DRAINED]
    assert not played.guard.sessions


async def test_a_stop_while_it_is_cut_off_ends_it(played: Played) -> None:
    played.finish_time = played.stop_grace = played.report_time = timedelta(seconds=0.05)
    played.ready_queue.ids = ids(1)

    async with asyncio.timeout(5), played.living():
        await eventually(lambda: len(played.executors.runs) == 1)
        cut_off(played)
        await eventually(lambda: bool(played.executors.words))
