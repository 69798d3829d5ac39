from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from treadle_worker.adapters.outbound.executor_pool import ExecutorPool

PROBES = "tests.integration.executors.probe_handlers:handlers"


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Executors find modules from the folder that their worker was started in."""
    monkeypatch.chdir(Path(__file__).parents[3])


@pytest.fixture
async def pool() -> AsyncIterator[ExecutorPool]:
    async with ExecutorPool(PROBES, processes=1, threads=2) as pool:
        yield pool
