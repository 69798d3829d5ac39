"""A worker that could not stop in time what it runs does not begin."""

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

from tests.e2e.processes import free_port
from tests.fakes.store_over_memory import StoreOverMemory
from tests.integration.api.serving_store import ServingStore

from treadle_domain.worker_session import SessionEnd


async def test_a_stop_grace_that_the_lease_of_the_store_does_not_allow_is_refused() -> None:
    serving = ServingStore(StoreOverMemory(lease=timedelta(seconds=6)))
    async with serving.serving():
        status, errors = await _worker(serving.target, stop_grace_seconds=2.6)

    assert status == 2
    assert errors.splitlines()[-1] == (
        "treadle-worker: TREADLE_STOP_GRACE_SECONDS: 2.6 s leave less than half of the store's lease"
        " of 6 s for work"
    )
    [stay] = serving.store.sessions.stays.values()
    assert stay.closed is not None
    assert stay.closed[1] is SessionEnd.DRAINED


async def _worker(store_target: str, *, stop_grace_seconds: float) -> tuple[int | None, str]:
    settings = {
        "TREADLE_WORKER_HANDLERS": "tests.e2e.handlers:handlers",
        "TREADLE_WORKER_EXECUTORS": "1",
        "TREADLE_WORKER_PROBE_PORT": str(free_port()),
        "TREADLE_STORE_TARGET": store_target,
        "TREADLE_STOP_GRACE_SECONDS": str(stop_grace_seconds),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "treadle_worker"),
        cwd=Path(__file__).parents[3],
        env=os.environ | settings,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        _, errors = await process.communicate()
    return process.returncode, errors.decode()
