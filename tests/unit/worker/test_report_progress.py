"""What runs tell of themselves reaches the store in order, before their ends, and never holds these up for ever."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from tests.builders import a_progress_report
from tests.eventually import eventually
from tests.unit.worker.fakes import a_run
from tests.unit.worker.played import SLOTS, Played, ids

from treadle_domain.claimed_run import ClaimedRun
from treadle_domain.outcomes import Succeeded, Verdict
from treadle_domain.progress import MAX_CHECKPOINT_BYTES, Progress, ProgressReport, Recording
from treadle_worker.application import report_progress


async def running(played: Played, count: int = 1) -> list[ClaimedRun]:
    await eventually(lambda: len(played.executors.runs) == count)
    return played.executors.runs


def told(run: ClaimedRun, fraction: float | None = None, **said: Any) -> ProgressReport:
    progress = None if fraction is None else Progress(fraction=fraction)
    return a_progress_report(run.job_id, run.fence, progress=progress, **said)


async def finished(played: Played, calls: int) -> None:
    await eventually(lambda: len(played.store.finished) == calls)


async def test_what_a_run_tells_is_recorded(played: Played) -> None:
    played.ready_queue.ids = ids(1)

    async with played.living():
        [run] = await running(played)
        report = told(run, 0.5, checkpoint=b"1")
        played.executors.tell(report)
        await eventually(lambda: bool(played.store.told))

    assert played.store.told == [[report]]


@pytest.mark.parametrize("checkpoint_last", [True, False])
async def test_of_what_comes_while_a_call_is_under_way_the_latest_is_sent(
    played: Played, checkpoint_last: bool
) -> None:
    played.ready_queue.ids = ids(1)
    played.store.may_record.clear()

    async with played.living():
        [run] = await running(played)
        played.executors.tell(told(run, 0.1))
        await eventually(lambda: bool(played.store.told))
        checkpoint, progress = told(run, checkpoint=b"2"), told(run, 0.3)
        latest = (progress, checkpoint) if checkpoint_last else (checkpoint, progress)
        played.executors.tell(told(run, 0.2, checkpoint=b"1"), *latest)
        await eventually(played.executors.all_told)
        played.store.may_record.set()
        await eventually(lambda: len(played.store.told) == 2)

    assert played.store.told[1] == [told(run, 0.3, checkpoint=b"2")]


async def test_a_report_that_is_sent_again_keeps_its_number_and_later_ones_have_higher_ones(
    played: Played,
) -> None:
    """So a call that the worker gave up on, and that a store makes late, undoes nothing."""
    played.ready_queue.ids = ids(1)

    async with played.living():
        [run] = await running(played)
        played.store.faults = 1
        played.executors.tell(told(run, 0.1))
        await eventually(lambda: played.store.calls == ["record"])
        played.executors.tell(told(run, 0.2))
        await eventually(lambda: played.store.calls == ["record"] * 2)

    first, again, second = played.store.numbers
    assert 0 < first == again < second


async def test_calls_keep_a_distance(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_progress, "SHORTEST_GAP_SECONDS", 3_600)
    played.ready_queue.ids = ids(1)

    async with played.living():
        [run] = await running(played)
        for number in range(5):
            played.executors.tell(told(run, number / 10))
            for _ in range(5):
                await asyncio.sleep(0)

    assert played.store.told == [[told(run, 0.0)], [told(run, 0.4)]]


async def test_an_end_does_not_wait_for_what_other_runs_told(played: Played) -> None:
    played.ready_queue.ids = ids(2)
    played.store.may_record.clear()

    async with played.living():
        talker, silent = await running(played, 2)
        played.executors.tell(told(talker, 0.5))
        await eventually(lambda: bool(played.store.told))
        played.executors.end(silent)
        await eventually(lambda: played.store.calls == ["finish"])
        played.executors.end(talker)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(played.store.finished) == 1
        played.store.may_record.set()
        await finished(played, 2)

    assert played.store.calls == ["finish", "record", "finish"]


async def test_an_end_that_is_collected_before_what_its_run_told_waits_for_it_too(
    played: Played,
) -> None:
    """Three things in one turn of the loop: an end, the answer to the ends before it, and all of another run."""
    answer = asyncio.Event()
    finish = played.store.finish

    async def finish_late(*arguments: Any) -> Sequence[Verdict]:
        verdicts = await finish(*arguments)
        await answer.wait()
        return verdicts

    played.store.finish = finish_late  # type: ignore[method-assign, assignment]
    played.ready_queue.ids = ids(SLOTS)

    async with played.living():
        first, second, third = await running(played, SLOTS)
        played.executors.end(first)
        await finished(played, 1)
        for _ in range(20):
            await asyncio.sleep(0)
        played.executors.end(second)
        answer.set()
        played.executors.tell(told(third, 1.0))
        played.executors.end(third)
        await eventually(lambda: len(played.store.calls) == 3)

    assert played.store.calls == ["finish", "record", "finish"]


async def test_an_end_waits_until_what_its_run_told_is_recorded(played: Played) -> None:
    played.ready_queue.ids = ids(2)
    played.store.may_record.clear()

    async with played.living():
        run, other = await running(played, 2)
        played.executors.tell(told(other, 0.1))
        await eventually(lambda: bool(played.store.told))
        played.executors.tell(told(run, checkpoint=b"1"))
        played.executors.end(run)
        await eventually(lambda: played.holdings.running == 1)
        played.store.outages = 3
        played.store.may_record.set()
        await finished(played, 1)

    assert played.store.calls[:3] == ["record", "record", "finish"]
    assert played.store.told[-1] == [told(run, checkpoint=b"1")]


async def test_the_end_of_a_run_that_told_nothing_waits_for_nobody(played: Played) -> None:
    played.ready_queue.ids = ids(1)

    async with played.living():
        [run] = await running(played)
        played.executors.end(run)
        await finished(played, 1)

    assert played.store.calls == ["finish"]


async def test_what_comes_with_the_end_is_recorded_before_it(played: Played) -> None:
    """As it does when a process tells and ends in one breath."""
    played.ready_queue.ids = ids(SLOTS)

    async with played.living():
        for number, run in enumerate(await running(played, SLOTS), start=1):
            played.executors.tell(told(run, 1, checkpoint=b"1"))
            played.executors.end(run)
            await finished(played, number)

    assert played.store.calls == ["record", "finish"] * SLOTS


@pytest.mark.parametrize("recording", [Recording.STALE, Recording.UNSTORABLE])
async def test_what_is_refused_is_dropped(played: Played, recording: Recording) -> None:
    played.ready_queue.ids = ids(1)
    played.store.recording = recording

    async with played.living():
        [run] = await running(played)
        played.executors.tell(told(run, 0.5))
        await eventually(lambda: bool(played.store.told))
        played.executors.end(run)
        await finished(played, 1)

    assert len(played.store.told) == 1


async def test_a_store_that_fails_at_this_alone_still_gets_the_ends(played: Played) -> None:
    played.ready_queue.ids = ids(1)
    played.store.faults = 10**9

    async with played.living():
        [run] = await running(played)
        played.executors.tell(told(run, 0.5))
        played.executors.end(run)
        await finished(played, 1)

    assert [report.outcome for report in played.store.finished[0]] == [Succeeded()]
    assert len(played.store.told) == report_progress.MAX_FAILURES


async def test_an_outage_drops_nothing(played: Played) -> None:
    played.ready_queue.ids = ids(1)

    async with played.living():
        [run] = await running(played)
        played.store.outages = 50
        played.executors.tell(told(run, checkpoint=b"1"))
        played.executors.end(run)
        await finished(played, 1)

    assert played.store.calls == ["record", "finish"]


async def test_of_runs_that_are_not_held_nothing_is_kept(played: Played) -> None:
    async with played.living():
        await eventually(lambda: bool(played.store.opened))
        played.executors.tell(told(a_run(), 0.5))
        await eventually(played.executors.all_told)

    assert not played.store.told


async def test_what_was_told_in_a_lost_session_is_not_told_in_the_next(played: Played) -> None:
    played.ready_queue.ids = ids(1)
    played.store.may_record.clear()

    async with played.living():
        [run] = await running(played)
        played.executors.tell(told(run, 0.5))
        await eventually(lambda: bool(played.store.told))
        played.executors.tell(told(run, 0.6))
        await eventually(played.executors.all_told)
        played.store.lose()
        await eventually(lambda: len(played.store.opened) == 2)
        played.executors.tell(told(run, 0.7))
        played.store.may_record.set()
        await eventually(played.executors.all_told)

    assert played.store.told == [[told(run, 0.5)]]


async def test_a_batch_keeps_the_bounds_of_a_call(played: Played) -> None:
    large = b'"' + b"x" * (MAX_CHECKPOINT_BYTES - 2) + b'"'
    runs = [a_run() for _ in range(200)]
    played.holdings.end_claim(uuid4(), runs)
    reporting = played.worker().report_progress
    reporting._take(told(run, checkpoint=large) for run in runs)

    await reporting.settle(uuid4(), [(run.job_id, run.fence) for run in runs])

    assert [len(batch) for batch in played.store.told] == [111, 89]
    assert {report.job_id for batch in played.store.told for report in batch} == {
        run.job_id for run in runs
    }
