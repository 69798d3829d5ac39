"""Runs that get a process of their own: by their handler's wish, or because they may be what killed others."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.executors.runs import a_run, next_reports, reports_of
from tests.integration.executors.test_stops import a_pool, ask

from treadle_domain.claimed_run import ClaimedRun, RunReport
from treadle_domain.job_error import ErrorKind
from treadle_domain.outcomes import Failed, Lost, Released, Succeeded
from treadle_worker.adapters.outbound.executor_pool import ExecutorPool
from treadle_worker.application.runs import ExecutorLimits, Interruption


@pytest.fixture
async def pool() -> AsyncIterator[ExecutorPool]:
    async with a_pool(processes=2) as pool:
        yield pool


def alone(run: ClaimedRun) -> ClaimedRun:
    return replace(run, must_run_alone=True)


async def test_what_the_handlers_ask_for_is_known(pool: ExecutorPool) -> None:
    expected = ExecutorLimits(
        by_type={"own.pid": 5}, isolated=frozenset({"own.pid", "own.nap"}), alone=2
    )

    assert pool.limits == expected


async def test_an_isolated_run_has_a_process_that_ends_with_it(pool: ExecutorPool) -> None:
    shared = set(pool.pids)

    reports = [(await reports_of(pool, a_run("own.pid")))[0] for _ in range(2)]

    own = {pid_of(report) for report in reports}
    assert len(own) == 2
    assert not own & shared


async def test_a_run_that_must_be_alone_has_no_neighbours(pool: ExecutorPool) -> None:
    shared = set(pool.pids)

    [report] = await reports_of(pool, alone(a_run("pid")))

    assert pid_of(report) not in shared


async def test_a_death_while_alone_is_a_loss_and_hurts_nobody(pool: ExecutorPool) -> None:
    neighbour = a_run("nap", 0.2)

    dead, unhurt = await reports_of(pool, alone(a_run("die")), neighbour)

    assert dead.outcome == Lost()
    assert unhurt.outcome == Succeeded()


async def test_a_run_alone_that_does_not_end_at_its_timeout_has_failed(
    pool: ExecutorPool, tmp_path: Path
) -> None:
    [report] = await reports_of(pool, alone(a_run("c_loop", str(tmp_path / "runs"), 0.2)))

    assert isinstance(report.outcome, Failed)
    assert report.outcome.error.kind is ErrorKind.TIMEOUT


async def test_no_more_run_alone_than_there_are_seats(pool: ExecutorPool) -> None:
    long, waiting = [a_run("own.nap", 60), a_run("own.nap", 60)], a_run("own.pid")
    for run in (*long, waiting):
        pool.run(run)
    [shared] = await reports_of(pool, a_run("pid"))
    assert shared.outcome == Succeeded()

    ask(pool, long[0], Interruption.CANCEL)

    first, second = await next_reports(pool, 2)
    assert {first.job_id, second.job_id} == {long[0].job_id, waiting.job_id}
    assert {type(first.outcome), type(second.outcome)} == {Released, Succeeded}


async def test_one_that_waits_for_a_seat_can_be_asked(pool: ExecutorPool) -> None:
    waiting = a_run("own.pid")
    for run in (a_run("own.nap", 60), a_run("own.nap", 60), waiting):
        pool.run(run)

    ask(pool, waiting, Interruption.CANCEL)

    async with asyncio.timeout(1):
        [report] = await next_reports(pool, 1)
    assert (report.job_id, report.outcome) == (waiting.job_id, Released(unstarted=True))


async def test_leaving_gives_back_what_runs_alone_or_waits_for_it() -> None:
    pool = a_pool()
    async with pool:
        for _ in range(3):
            pool.run(a_run("own.nap", 60))

    assert [type(report.outcome) for report in await pool.ended()] == [Released] * 3


async def test_a_run_whose_own_process_cannot_start_is_given_back_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "single.py").write_text(SINGLE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("treadle_worker.adapters.outbound.executor_pool._FIRST_PAUSE_SECONDS", 0)
    async with ExecutorPool("single:handlers", processes=1, threads=1) as pool:
        [report] = await reports_of(pool, a_run("own"))

        assert report.outcome == Released()


def pid_of(report: RunReport) -> int:
    pid: int = json.loads(report.result or b"")
    return pid


SINGLE = """
import os
from pathlib import Path
from treadle import Handlers
handlers = Handlers()

if Path("started").exists():
    os._exit(1)
Path("started").touch()

@handlers.register("own", isolated=True)
def own(payload): return None
"""
