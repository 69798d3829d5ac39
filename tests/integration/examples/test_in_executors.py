import json
from pathlib import Path

import pytest
from examples.make_orders import make_orders_if_missing
from tests.integration.executors.runs import a_run, reports_of

from treadle_worker.adapters.outbound.executor_pool import ExecutorPool


async def test_the_examples_run_where_users_run_them(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.chdir(Path(__file__).parents[3])
    summarize = a_run("csv.summarize", {"path": "examples/data/orders.csv"}, timeout_seconds=60)
    request = a_run("http.request", {"url": f"{url}/status/200"})
    thumbnail = a_run("image.thumbnail", {"width": 400, "height": 300, "side": 64})

    async with ExecutorPool("examples.handlers:handlers", processes=2, threads=1) as pool:
        summary, answer, made = await reports_of(pool, summarize, request, thumbnail)

    assert json.loads(summary.result or b"")["rows"] == 100_000
    assert json.loads(answer.result or b"")["status"] == 200
    assert json.loads(made.result or b"")["height"] == 48


def test_orders_are_the_same_each_time_and_leave_no_parts(tmp_path: Path) -> None:
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"

    make_orders_if_missing(first, rows=100)
    make_orders_if_missing(second, rows=100)

    assert first.read_bytes() == second.read_bytes()
    assert sorted(tmp_path.iterdir()) == [first, second]
