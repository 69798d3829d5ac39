"""Runs to put into a pool, and the way to what came of them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from treadle_domain.claimed_run import ClaimedRun, RunReport
from treadle_worker.adapters.outbound.executor_pool import ExecutorPool

CREATED_AT = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)


def a_run(type: str, payload: Any = None, timeout_seconds: float = 30) -> ClaimedRun:
    return ClaimedRun(
        job_id=uuid4(),
        fence=1,
        namespace="default",
        queue="default",
        type=type,
        attempt=2,
        max_attempts=3,
        timeout=timedelta(seconds=timeout_seconds),
        created_at=CREATED_AT,
        metadata={"tenant": "a"},
        payload=json.dumps(payload).encode(),
    )


async def reports_of(pool: ExecutorPool, *runs: ClaimedRun) -> list[RunReport]:
    """In the order of the runs."""
    for run in runs:
        pool.run(run)
    found = await next_reports(pool, len(runs))
    by_job = {report.job_id: report for report in found}
    return [by_job[run.job_id] for run in runs]


async def next_reports(pool: ExecutorPool, count: int) -> list[RunReport]:
    found: list[RunReport] = []
    while len(found) < count:
        found += await pool.ended()
    return found
