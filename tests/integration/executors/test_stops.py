"""Stop means stop: what was asked to end ends, and nobody else is charged for it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from tests.eventually import eventually
from tests.integration.executors.runs import a_run, next_reports, reports_of

from treadle_domain.claimed_run import ClaimedRun
from treadle_domain.job_error import ErrorKind
from treadle_domain.outcomes import Failed, Released, Succeeded
from treadle_worker.adapters.outbound.executor_pool import ExecutorPool
from treadle_worker.application.runs import Interruption

GRACE_SECONDS = 0.2


@pytest.fixture
async def pool() -> AsyncIterator[ExecutorPool]:
    async with a_pool() as pool:
        yield pool


def a_pool(processes: int = 1) -> ExecutorPool:
    grace = timedelta(seconds=GRACE_SECONDS)
    handlers = "tests.integration.executors.stubborn_handlers:handlers"
    return ExecutorPool(handlers, processes=processes, threads=4, stop_grace=grace)


def ask(pool: ExecutorPool, run: ClaimedRun, why: Interruption) -> None:
    pool.ask(run.job_id, run.fence, why)


async def test_an_async_run_ends_at_its_timeout_and_its_neighbours_go_on(
    pool: ExecutorPool,
) -> None:
    [pid] = pool.pids

    late, neighbour = await reports_of(pool, a_run("nap", 60, 0.1), a_run("nap", 0.3))

    assert isinstance(late.outcome, Failed)
    assert (late.outcome.error.kind, late.outcome.alone) == (ErrorKind.TIMEOUT, False)
    assert "0.1 seconds" in late.outcome.error.message
    assert neighbour.outcome == Succeeded()
    assert pool.pids == [pid]


@pytest.mark.parametrize(
    ("type", "alone"),
    [
        ("blocking_call", False),
        ("swallow", False),
        ("c_loop", True),
        ("blocked_loop", True),
        ("freeze", True),
    ],
    ids=["thread", "task", "c loop", "blocked loop", "frozen process"],
)
async def test_what_does_not_end_at_its_timeout_is_killed_and_its_neighbours_are_not_charged(
    pool: ExecutorPool, type: str, alone: bool, tmp_path: Path
) -> None:
    """They run alone the next time, if the process could not say whose fault it was."""
    stubborn, neighbour = a_run(type, str(tmp_path / "alive"), 0.2), a_run("nap", 60)
    pool.run(neighbour)
    await reports_of(pool, a_run("pid"))
    began = time.monotonic()

    pool.run(stubborn)

    outcomes = {report.job_id: report.outcome for report in await next_reports(pool, 2)}
    assert time.monotonic() - began < 0.2 + GRACE_SECONDS + 1
    culprit = outcomes[stubborn.job_id]
    assert isinstance(culprit, Failed)
    assert (culprit.error.kind, culprit.alone) == (ErrorKind.TIMEOUT, True)
    assert outcomes[neighbour.job_id] == Released(alone=alone)
    [after] = await reports_of(pool, a_run("pid"))
    assert after.outcome == Succeeded()


@pytest.mark.parametrize("type", ["garble", "close_all"])
async def test_a_process_that_spoils_its_way_to_the_worker_is_replaced_and_nobody_is_charged(
    pool: ExecutorPool, type: str
) -> None:
    async with asyncio.timeout(5):
        outcomes = await reports_of(pool, a_run("nap", 60), a_run(type))

    assert [report.outcome for report in outcomes] == [Released(alone=True)] * 2
    [after] = await reports_of(pool, a_run("pid"))
    assert after.outcome == Succeeded()


async def test_a_killed_run_does_nothing_more(pool: ExecutorPool, tmp_path: Path) -> None:
    sign = tmp_path / "alive"
    await reports_of(pool, a_run("blocking_call", str(sign), 0.1))

    sign.unlink()

    await reports_of(pool, a_run("nap", 0.1))
    assert not sign.exists()


async def test_programs_that_a_run_started_are_killed_with_it(
    pool: ExecutorPool, tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    pool.run(a_run("grandchild", str(note)))
    program = await process_in(note)
    pool.run(a_run("blocking_call", str(tmp_path / "alive"), 0.1))

    await next_reports(pool, 2)

    await eventually(lambda: has_ended(program))


async def test_programs_of_a_process_that_died_by_itself_are_killed_too(
    pool: ExecutorPool, tmp_path: Path
) -> None:
    note = tmp_path / "pid"

    await reports_of(pool, a_run("leave_behind", str(note)))

    program = psutil.Process(int(note.read_text()))
    await eventually(lambda: has_ended(program))


@pytest.mark.parametrize("why", [Interruption.CANCEL, Interruption.DRAIN, Interruption.LOST])
async def test_an_async_run_that_is_asked_to_end_is_given_back(
    pool: ExecutorPool, why: Interruption
) -> None:
    asked, neighbour = a_run("nap", 60), a_run("nap", 0.3)
    pool.run(asked)
    await reports_of(pool, a_run("pid"))
    pool.run(neighbour)

    ask(pool, asked, why)

    first, second = await next_reports(pool, 2)
    assert (first.job_id, first.outcome) == (asked.job_id, Released())
    assert second.outcome == Succeeded()


@pytest.mark.parametrize("type", ["blocking_call", "c_loop"])
async def test_what_does_not_end_when_asked_is_killed_after_the_grace(
    pool: ExecutorPool, type: str, tmp_path: Path
) -> None:
    run = a_run(type, str(tmp_path / "alive"))
    pool.run(run)
    await eventually((tmp_path / "alive").exists)

    ask(pool, run, Interruption.CANCEL)

    async with asyncio.timeout(GRACE_SECONDS + 1):
        [report] = await next_reports(pool, 1)
    assert report.outcome == Released(alone=True)


async def test_a_sync_run_can_look_whether_it_was_asked_and_why(
    pool: ExecutorPool, tmp_path: Path
) -> None:
    run = a_run("polite", str(tmp_path / "runs"))
    pool.run(run)
    await eventually((tmp_path / "runs").exists)

    ask(pool, run, Interruption.CANCEL)

    [report] = await next_reports(pool, 1)
    assert (report.outcome, json.loads(report.result or b"")) == (Succeeded(), "cancel")


async def test_a_drain_is_seen_by_runs_of_now_and_later(pool: ExecutorPool, tmp_path: Path) -> None:
    now, later = (a_run("polite", str(tmp_path / name)) for name in ("now", "later"))
    pool.run(now)
    await eventually((tmp_path / "now").exists)

    pool.announce_drain()
    pool.run(later)

    ends = await next_reports(pool, 2)
    assert {json.loads(end.result or b"") for end in ends} == {"drain"}


async def test_a_drain_is_seen_in_a_process_that_starts_after_it(
    pool: ExecutorPool, tmp_path: Path
) -> None:
    pool.announce_drain()
    await reports_of(pool, a_run("die"))

    [report] = await reports_of(pool, a_run("polite", str(tmp_path / "runs")))

    assert json.loads(report.result or b"") == "drain"


async def test_all_are_asked_and_those_that_do_not_end_are_killed(
    pool: ExecutorPool, tmp_path: Path
) -> None:
    stubborn, willing = a_run("blocking_call", str(tmp_path / "alive")), a_run("nap", 60)
    pool.run(willing)
    pool.run(stubborn)
    await eventually((tmp_path / "alive").exists)

    pool.ask_all(Interruption.DRAIN)

    first, second = await next_reports(pool, 2)
    assert (first.job_id, first.outcome) == (willing.job_id, Released())
    assert (second.job_id, second.outcome) == (stubborn.job_id, Released(alone=True))


async def test_it_is_known_when_no_process_starts_what_it_was_given(
    pool: ExecutorPool, tmp_path: Path
) -> None:
    blocking = a_run("blocked_loop", str(tmp_path / "runs"), 0.8)
    pool.run(blocking)
    await eventually((tmp_path / "runs").exists)
    assert not pool.are_clogged

    for _ in range(6):
        pool.run(a_run("nap", 0))

    await eventually(lambda: pool.are_clogged)
    await next_reports(pool, 7)
    assert not pool.are_clogged


async def test_what_waits_behind_a_blocked_loop_is_given_back_at_its_timeout_and_not_blamed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also on a machine that runs for less than the timeout: the loop's clock starts with it."""
    loop = asyncio.get_running_loop()
    uptime = loop.time() + 1_000
    monkeypatch.setattr(loop, "time", lambda: time.monotonic() - uptime)
    blocking, waiting = a_run("blocked_loop", str(tmp_path / "runs")), a_run("nap", 0, 0.2)

    async with asyncio.timeout(20), a_pool() as pool:
        pool.run(blocking)
        await eventually((tmp_path / "runs").exists)
        pool.run(waiting)
        outcomes = {report.job_id: report.outcome for report in await next_reports(pool, 2)}

    assert outcomes == {
        blocking.job_id: Released(alone=True),
        waiting.job_id: Released(unstarted=True),
    }


async def test_runs_go_past_a_process_that_starts_nothing(tmp_path: Path) -> None:
    async with a_pool(processes=2) as pool:
        pool.run(a_run("blocked_loop", str(tmp_path / "runs")))
        await eventually((tmp_path / "runs").exists)
        for _ in range(3):
            pool.run(a_run("nap", 60))
        sent_at = time.monotonic()
        await eventually(lambda: time.monotonic() > sent_at + 0.2)

        async with asyncio.timeout(5):
            reports = await reports_of(pool, *(a_run("pid") for _ in range(3)))

        assert [report.outcome for report in reports] == [Succeeded()] * 3


async def test_asking_what_does_not_run_changes_nothing(pool: ExecutorPool) -> None:
    run = a_run("nap", 0.05)
    await reports_of(pool, run)

    ask(pool, run, Interruption.CANCEL)
    ask(pool, a_run("nap"), Interruption.CANCEL)

    [after] = await reports_of(pool, a_run("pid"))
    assert after.outcome == Succeeded()


async def process_in(note: Path) -> psutil.Process:
    await eventually(lambda: note.exists() and note.read_text().endswith("\n"))
    return psutil.Process(int(await asyncio.to_thread(note.read_text)))


def has_ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
