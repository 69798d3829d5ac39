import asyncio
import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.eventually import eventually
from tests.integration.executors.conftest import PROBES
from tests.integration.executors.runs import a_run, next_reports, reports_of

from treadle_domain.outcomes import Released, Succeeded
from treadle_domain.retry_policy import RetryPolicy
from treadle_domain.run_policy import RunOptions
from treadle_worker.adapters.outbound.executor_pool import ExecutorPool
from treadle_worker.adapters.outbound.guard_process import NoGuard
from treadle_worker.application.runs import HandlersRefused


async def test_the_pool_knows_what_handlers_ask_for(pool: ExecutorPool) -> None:
    retry = RetryPolicy(
        initial=timedelta(seconds=2), maximum=timedelta(seconds=60), multiplier=3, jitter=0
    )

    expected = RunOptions(max_attempts=5, timeout=timedelta(seconds=30), retry=retry)

    assert pool.handlers["echo"] == expected
    assert pool.handlers["pid"] == RunOptions()


@pytest.mark.parametrize("how", ["exit", "signal", "segfault", "stop the loop"])
async def test_a_death_releases_every_run_of_the_process_to_run_alone(
    pool: ExecutorPool, how: str
) -> None:
    bystander = a_run("sleep", 60)

    reports = await reports_of(pool, bystander, a_run("die", how))

    assert [report.outcome for report in reports] == [Released(alone=True)] * 2


async def test_a_dead_process_is_replaced_and_takes_the_runs_that_waited(
    pool: ExecutorPool,
) -> None:
    [before] = pool.pids
    await reports_of(pool, a_run("die", "exit"))

    [report] = await reports_of(pool, a_run("pid"))

    assert json.loads(report.result or b"") != before


async def test_killed_runs_are_released_and_the_pool_goes_on(pool: ExecutorPool) -> None:
    runs = [a_run("sleep", 60), a_run("sleep.sync", 60)]
    for run in runs:
        pool.run(run)
    await reports_of(pool, a_run("pid"))

    pool.kill()

    killed = await next_reports(pool, 2)
    assert {report.job_id for report in killed} == {run.job_id for run in runs}
    assert {report.outcome for report in killed} == {Released()}
    [after] = await reports_of(pool, a_run("pid"))
    assert after.outcome == Succeeded()


async def test_what_was_sent_and_never_started_comes_back_uncounted_when_its_process_is_killed() -> (
    None
):
    async with ExecutorPool(PROBES, processes=1, threads=1) as pool:
        begun, waiting = a_run("sleep.sync", 60), a_run("sleep.sync", 60)
        pool.run(begun)
        pool.run(waiting)
        await reports_of(pool, a_run("pid"))

        pool.kill()

        killed = {report.job_id: report.outcome for report in await next_reports(pool, 2)}
    assert killed == {begun.job_id: Released(), waiting.job_id: Released(unstarted=True)}


async def test_what_user_code_started_is_killed_with_it(pool: ExecutorPool, tmp_path: Path) -> None:
    note = tmp_path / "pids"
    pool.run(a_run("start_and_wait", str(note)))
    await eventually(lambda: note.exists() and note.read_text(encoding="ascii").count(" ") == 1)
    program = psutil.Process(int(note.read_text(encoding="ascii").split()[1]))

    pool.kill()

    await eventually(lambda: not program.is_running() or program.status() == psutil.STATUS_ZOMBIE)


async def test_runs_go_to_the_least_loaded_process() -> None:
    async with ExecutorPool(PROBES, processes=2, threads=1) as pool:
        pool.run(a_run("sleep", 60))

        reports = [(await reports_of(pool, a_run("pid")))[0] for _ in range(3)]

        assert len({report.result for report in reports}) == 1


async def test_leaving_cancels_async_runs_and_releases_them() -> None:
    pool = ExecutorPool(PROBES, processes=1, threads=1)
    async with pool:
        pool.run(a_run("sleep", 60))
        await reports_of(pool, a_run("pid"))

    [report] = await pool.ended()
    assert report.outcome == Released()


async def test_leaving_waits_for_sync_runs_that_end_within_the_grace() -> None:
    pool = ExecutorPool(PROBES, processes=1, threads=1)
    async with pool:
        pool.run(a_run("sleep.sync", 0.5))
        await reports_of(pool, a_run("pid"))

    [report] = await pool.ended()
    assert report.outcome == Succeeded()


async def test_leaving_kills_what_does_not_end_within_the_grace() -> None:
    grace = timedelta(seconds=0.5)
    pool = ExecutorPool(PROBES, processes=1, threads=1, stop_grace=grace)
    async with pool:
        pool.run(a_run("sleep.sync", 60))
        await reports_of(pool, a_run("pid"))
        left_at = time.monotonic()

    [report] = await pool.ended()
    assert report.outcome == Released()
    assert time.monotonic() - left_at < 5


async def test_a_process_that_cannot_start_again_is_tried_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "fragile.py"
    module.write_text(FRAGILE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    async with ExecutorPool("fragile:handlers", processes=1, threads=1) as pool:
        (tmp_path / "broken").touch()
        await reports_of(pool, a_run("die"))
        run = a_run("work")
        pool.run(run)
        await eventually(lambda: (tmp_path / "failed").exists())

        (tmp_path / "broken").unlink()

        async with asyncio.timeout(10):
            [report] = await next_reports(pool, 1)
        assert (report.job_id, report.outcome) == (run.job_id, Succeeded())


async def test_leaving_does_not_wait_for_a_process_that_is_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow.py").write_text(SLOW_THE_SECOND_TIME, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    async with ExecutorPool("slow:handlers", processes=1, threads=1) as pool:
        await reports_of(pool, a_run("die"))
        await eventually((tmp_path / "loads-again").exists)
        began = time.monotonic()

    assert time.monotonic() - began < 3


async def test_a_group_is_not_killed_any_more_when_its_number_may_be_anothers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killpg, gone, killed_late = os.killpg, list[int](), list[int]()

    class Watch(NoGuard):
        def gone(self, pgid: int) -> None:
            gone.append(pgid)

    def kill(pgid: int, number: int) -> None:
        if pgid in gone:
            killed_late.append(pgid)
        killpg(pgid, number)

    monkeypatch.setattr(os, "killpg", kill)
    async with ExecutorPool(PROBES, processes=1, threads=1, guard=Watch()) as pool:
        await reports_of(pool, a_run("die", "exit"))

    assert gone
    assert not killed_late


async def test_processes_that_die_before_they_did_anything_are_replaced_ever_more_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "doomed.py").write_text(DOOMED, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    async with ExecutorPool("doomed:handlers", processes=1, threads=1):
        await eventually(lambda: len(starts(tmp_path)) >= 3, within_seconds=10)

    first, second, third = starts(tmp_path)[:3]
    assert second - first >= 0.2
    assert third - second >= 0.4


@pytest.mark.parametrize(
    "problem", [BlockingIOError("no process"), RuntimeError("can't start new thread")], ids=str
)
async def test_a_system_that_has_no_process_to_give_is_asked_until_it_has(
    pool: ExecutorPool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    problem: Exception,
) -> None:
    """Some versions of Python start a thread with each process."""

    async def refuse(*_: Any, **__: Any) -> None:
        raise problem

    said = ""

    def is_told() -> bool:
        nonlocal said
        said += capsys.readouterr().out
        return "no executor can be started" in said

    await reports_of(pool, a_run("pid"))
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "create_subprocess_exec", refuse)
        await reports_of(pool, a_run("die", "exit"))
        await eventually(is_told)

    [report] = await reports_of(pool, a_run("pid"))
    assert report.outcome == Succeeded()


async def test_a_first_process_that_cannot_be_started_is_told_as_a_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    with pytest.raises(HandlersRefused, match="no executor can be started"):
        await ExecutorPool(PROBES, processes=2, threads=1).__aenter__()


def starts(folder: Path) -> list[float]:
    file = folder / "starts"
    return [float(line) for line in file.read_text().split()] if file.exists() else []


DOOMED = """
import os, threading, time
from treadle import Handlers
handlers = Handlers()

with open("starts", "a") as file:
    file.write(f"{time.monotonic()}\\n")

@handlers.startup
def doom(): threading.Timer(0.05, os._exit, [1]).start()

@handlers.register("work")
def work(payload): return None
"""


FRAGILE = """
import os
from pathlib import Path
from treadle import Handlers
handlers = Handlers()

if Path("broken").exists():
    Path("failed").touch()
    os._exit(1)

@handlers.register("die")
def die(payload): os._exit(1)

@handlers.register("work")
def work(payload): return None
"""


SLOW_THE_SECOND_TIME = """
import os, time
from pathlib import Path
from treadle import Handlers
handlers = Handlers()

if Path("loaded").exists():
    Path("loads-again").touch()
    time.sleep(60)
Path("loaded").touch()

@handlers.register("die")
async def die(payload): os._exit(1)
"""
