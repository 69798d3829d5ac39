import asyncio
import json
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from tests.eventually import eventually
from tests.integration.executors.conftest import PROBES
from tests.integration.executors.runs import a_run, reports_of

from treadle_domain.outcomes import Succeeded
from treadle_worker.adapters.outbound.executor_pool import ExecutorPool
from treadle_worker.application.runs import HandlersRefused

HEAVY = {
    "fastapi",
    "google",
    "grpc",
    "psycopg",
    "pydantic",
    "redis",
    "sqlalchemy",
    "structlog",
    "uvicorn",
}

WORKER = f"""
import asyncio
from treadle_worker.adapters.outbound.executor_pool import ExecutorPool

async def main():
    async with ExecutorPool({PROBES!r}, processes=2, threads=1) as pool:
        print(*pool.pids, flush=True)
        await asyncio.sleep(300)

asyncio.run(main())
"""


async def test_prints_of_user_code_are_harmless(pool: ExecutorPool) -> None:
    [report] = await reports_of(pool, a_run("print"))

    assert report.result == b'"printed"'


async def test_signals_meant_for_the_worker_do_not_end_it(pool: ExecutorPool) -> None:
    [report] = await reports_of(pool, a_run("signal_self"))

    assert report.outcome == Succeeded()


async def test_nothing_heavy_is_imported(pool: ExecutorPool) -> None:
    [report] = await reports_of(pool, a_run("modules"))

    assert not HEAVY & set(json.loads(report.result or b""))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module", "no_such_module"),
        ("raise SystemExit(1)", "SystemExit"),
        ("def broken(:", "SyntaxError"),
        ("", "no attribute handlers"),
        ("handlers = 1", "not a treadle.Handlers"),
        ("from treadle import Handlers\nhandlers = Handlers()", "holds no handlers"),
        (
            "from treadle import Handlers\nhandlers = Handlers()\n"
            "@handlers.register('a')\ndef a(payload: 'Missing'): ...",
            "Missing",
        ),
        (
            "from treadle import Handlers\nhandlers = Handlers()\n"
            "@handlers.register('a')\ndef a(payload): ...\n"
            "@handlers.startup\nasync def connect(): raise OSError('no database')",
            "startup hook connect failed: OSError: no database",
        ),
        ("import os\nos._exit(7)", "status 7"),
        ("import os\nos.kill(os.getpid(), 9)", "SIGKILL"),
    ],
)
async def test_handlers_that_cannot_start_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, reason: str
) -> None:
    (tmp_path / "users_own.py").write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(HandlersRefused) as refused:
        async with ExecutorPool("users_own:handlers", processes=2, threads=1):
            pass

    assert reason in refused.value.reason
    assert not executors_of(os.getpid())


@pytest.mark.parametrize("reference", ["users_own", ":handlers", "users_own:", "no.such:handlers"])
async def test_a_wrong_reference_is_refused(reference: str) -> None:
    pool = ExecutorPool(reference, processes=1, threads=1)

    with pytest.raises(HandlersRefused):
        await pool.__aenter__()


async def test_handlers_that_never_get_ready_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hangs.py").write_text("import time\ntime.sleep(300)", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    limit = timedelta(seconds=0.5)
    pool = ExecutorPool("hangs:handlers", processes=1, threads=1, start_limit=limit)

    with pytest.raises(HandlersRefused, match="not ready within"):
        await pool.__aenter__()

    assert not executors_of(os.getpid())


async def test_hooks_run_around_the_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "with_hooks.py").write_text(HOOKS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    async with ExecutorPool("with_hooks:handlers", processes=1, threads=1) as pool:
        await reports_of(pool, a_run("note"))

    assert (tmp_path / "log").read_text(encoding="utf-8").split() == ["up", "run", "down2", "down1"]


HOOKS = """
from treadle import Handlers
handlers = Handlers()

def note(word):
    with open("log", "a") as log:
        log.write(word + " ")

@handlers.startup
async def up(): note("up")

@handlers.register("note")
def run(payload): note("run")

@handlers.shutdown
def down1(): note("down1")

@handlers.shutdown
async def down2():
    note("down2")
    raise SystemExit(1)
"""


async def test_sigkill_of_the_worker_leaves_no_executor() -> None:
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout is not None
    pids = [int(pid) for pid in (await worker.stdout.readline()).split()]

    worker.kill()
    await worker.wait()

    assert len(pids) == 2
    await eventually(lambda: not any(map(is_alive, pids)))


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def executors_of(pid: int) -> Sequence[psutil.Process]:
    return [
        child
        for child in psutil.Process(pid).children()
        if "treadle_worker.executor" in child.cmdline()
    ]
