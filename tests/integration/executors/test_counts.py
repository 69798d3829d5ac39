"""What the executors count: real processes, those that die and those that are killed."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from tests.eventually import eventually
from tests.integration.executors.conftest import PROBES
from tests.integration.executors.runs import a_run, next_reports, reports_of
from tests.seen_metrics import Seen

from treadle_domain.outcomes import Released
from treadle_worker.adapters.outbound.executor_pool import ExecutorPool
from treadle_worker.adapters.outbound.prometheus_tally import PrometheusTally

STUBBORN = "tests.integration.executors.stubborn_handlers:handlers"
RESTARTS = "treadle_worker_executor_restarts_total"


class Counted:
    def __init__(self, handlers: str) -> None:
        self._registry = CollectorRegistry()
        self.pool = ExecutorPool(
            handlers,
            processes=1,
            threads=2,
            stop_grace=timedelta(seconds=0.2),
            tally=PrometheusTally(self._registry),
        )

    def __call__(self, name: str, **labels: str) -> float:
        return Seen([*self._registry.collect()])(name, **labels)


@pytest.fixture
async def counted(request: pytest.FixtureRequest) -> AsyncIterator[Counted]:
    counted = Counted(getattr(request, "param", PROBES))
    async with counted.pool:
        yield counted
    assert counted(RESTARTS) <= 1  # to leave is no restart


async def test_a_process_that_died_is_counted_as_replaced(counted: Counted) -> None:
    await reports_of(counted.pool, a_run("die", "exit"))
    await reports_of(counted.pool, a_run("pid"))

    assert counted(RESTARTS, reason="died") == counted(RESTARTS) == 1


async def test_processes_that_were_killed_with_all_runs_are_void(counted: Counted) -> None:
    counted.pool.run(a_run("sleep", 60))
    await reports_of(counted.pool, a_run("pid"))

    counted.pool.kill()

    await next_reports(counted.pool, 1)
    await eventually(lambda: counted(RESTARTS, reason="void") == counted(RESTARTS) == 1)


@pytest.mark.parametrize("counted", [STUBBORN], indirect=True)
async def test_a_run_that_had_to_be_killed_is_counted_with_its_time_and_its_process(
    counted: Counted, tmp_path: str
) -> None:
    await reports_of(counted.pool, a_run("swallow", f"{tmp_path}/began", 0.3))

    of_type = {"queue": "default", "type": "swallow"}
    assert counted("treadle_worker_jobs_started_total", **of_type) == 1
    assert counted("treadle_worker_job_run_seconds_count", **of_type) == 1
    assert 0.4 < counted("treadle_worker_job_run_seconds_sum", **of_type) < 10
    await eventually(lambda: counted(RESTARTS, reason="overrun") == counted(RESTARTS) == 1)


async def test_a_run_whose_code_was_never_called_took_no_time(counted: Counted) -> None:
    counted.pool.run(a_run("sleep", 60))
    counted.pool.kill()

    [report] = await next_reports(counted.pool, 1)

    assert report.outcome == Released(unstarted=True)
    assert counted("treadle_worker_job_run_seconds_count") == 0


async def test_an_end_that_came_by_itself_is_counted_with_its_time(counted: Counted) -> None:
    await reports_of(counted.pool, a_run("sleep", 0.25), a_run("pid"))

    took = "treadle_worker_job_run_seconds"
    # Of 0.25 s: the supervisor may hear of the start a moment late.
    assert 0.2 <= counted(f"{took}_sum", type="sleep") < 5
    assert counted(f"{took}_bucket", type="sleep", le="0.1") == 0
    assert counted(f"{took}_count") == counted("treadle_worker_jobs_started_total") == 2
