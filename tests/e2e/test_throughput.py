"""How much goes through. It has the machine to itself."""

import json
import time
from pathlib import Path

from bench.load import post_singly
from tests.e2e.processes import Stack


def test_ten_thousand_jobs_over_32_connections_all_run_and_none_twice(
    stack: Stack, tmp_path: Path
) -> None:
    ledger, count = tmp_path / "ledger", 10_000
    body = json.dumps({"type": "append", "payload": {"file": str(ledger)}}).encode()
    port, began = stack.client.base_url.port, time.monotonic()
    assert port is not None

    post_singly(port, count, body)
    while len(ids := _lines(ledger)) < count and time.monotonic() < began + 120:
        time.sleep(0.1)
    took = time.monotonic() - began

    assert len(ids) == len(set(ids)) == count
    assert took <= 45
    memory = {service.name: service.memory_mb for service in stack.all}
    assert max(memory.values()) <= 200, memory


def _lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []
