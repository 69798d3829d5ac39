"""What is put into the pool beyond its slots."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.integration.executors.conftest import PROBES
from tests.integration.executors.runs import a_run, next_reports, reports_of

from treadle_domain.outcomes import Released, Succeeded
from treadle_worker.adapters.outbound.executor_pool import ExecutorPool
from treadle_worker.application.runs import Interruption

UNSTARTED = Released(unstarted=True)


@pytest.fixture
async def one_slot() -> AsyncIterator[ExecutorPool]:
    async with ExecutorPool(
        PROBES, processes=1, threads=4, slots=1, longest_ahead=timedelta(seconds=0.5)
    ) as pool:
        yield pool


async def test_runs_take_turns_where_there_is_one_slot(one_slot: ExecutorPool) -> None:
    runs = [a_run("sleep", seconds) for seconds in (0.05, 0.01, 0)]

    for run in runs:
        one_slot.run(run)
    reports = await next_reports(one_slot, 3)

    assert [report.job_id for report in reports] == [run.job_id for run in runs]
    assert {report.outcome for report in reports} == {Succeeded()}


async def test_what_does_not_get_its_turn_soon_is_given_back(one_slot: ExecutorPool) -> None:
    long, first, second = a_run("sleep", 60), a_run("pid"), a_run("pid")

    one_slot.run(long)
    reports = await reports_of(one_slot, first, second)

    assert [report.outcome for report in reports] == [UNSTARTED] * 2


@pytest.mark.parametrize("how", ["cancelled", "drained", "killed"])
async def test_what_waits_for_its_turn_is_given_back_at_once(
    one_slot: ExecutorPool, how: str
) -> None:
    long, ahead = a_run("sleep", 60), a_run("pid")
    one_slot.run(long)
    one_slot.run(ahead)

    match how:
        case "cancelled":
            one_slot.ask(ahead.job_id, ahead.fence, Interruption.CANCEL)
        case "drained":
            one_slot.announce_drain()
        case "killed":
            one_slot.kill()

    first, *_ = await next_reports(one_slot, 1)
    assert (first.job_id, first.outcome) == (ahead.job_id, UNSTARTED)


async def test_a_run_in_a_process_of_its_own_takes_a_slot() -> None:
    alone, ahead = replace(a_run("sleep", 0.05), must_run_alone=True), a_run("pid")

    # A process of its own may need long to start.
    patience = timedelta(seconds=30)
    async with ExecutorPool(PROBES, 1, threads=1, slots=1, longest_ahead=patience) as pool:
        for run in (alone, ahead):
            pool.run(run)
        reports = await next_reports(pool, 2)

    assert [report.job_id for report in reports] == [alone.job_id, ahead.job_id]
