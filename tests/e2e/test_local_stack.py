"""`make run`, as a newcomer uses it: the real services on their own PostgreSQL and Valkey."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tests.e2e.documented import examples_of, outputs, requires_shown
from tests.e2e.processes import free_port

_ROOT = Path(__file__).parents[2]
_SUBMIT = {"type": "csv.summarize", "payload": {"path": "examples/data/orders.csv"}}


@contextmanager
def make_run(folder: Path, api_port: int, store_port: int | None = None) -> Iterator[httpx.Client]:
    """Runs until the end of the block, which then waits for its orderly end."""
    ports = {
        "TREADLE_API_PORT": api_port,
        "TREADLE_WORKER_PROBE_PORT": free_port(),
        "TREADLE_LOCAL_POSTGRES_PORT": free_port(),
        "TREADLE_LOCAL_REDIS_PORT": free_port(),
    }
    env = {name: value for name, value in os.environ.items() if not name.startswith("TREADLE_")}
    env |= {name: str(port) for name, port in ports.items()}
    env |= {
        "TREADLE_STORE_LISTEN": f"127.0.0.1:{store_port or free_port()}",
        "TREADLE_LOCAL_DATA_DIR": str(folder / "data"),
    }
    with (folder / "run.log").open("ab") as log:
        launcher = subprocess.Popen(
            [sys.executable, "-m", "treadle_local", "run"],
            cwd=_ROOT,
            env=env,
            stdout=log,
            stderr=log,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{api_port}", timeout=10) as client:
            _wait_until_ready(folder / "run.log", launcher)
            yield client
    finally:
        launcher.send_signal(signal.SIGINT)
        assert launcher.wait(60) == 0, (folder / "run.log").read_text()


def _wait_until_ready(log: Path, launcher: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while "Submit a job" not in log.read_text():
        assert launcher.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    log.write_text("")


def test_an_example_runs_and_its_job_is_there_after_a_restart(tmp_path: Path) -> None:
    api_port = free_port()

    with make_run(tmp_path, api_port) as client:
        accepted = client.post("/v1/jobs", json=_SUBMIT)
        address = accepted.headers["location"]
        deadline = time.monotonic() + 60
        while (job := client.get(address).json())["state"] in {"PENDING", "RUNNING"}:
            assert time.monotonic() < deadline, job
            time.sleep(0.1)

    assert (accepted.status_code, accepted.json()["state"]) == (201, "PENDING")
    assert (job["state"], job["attempt"], job["result"]["rows"]) == ("SUCCESS", 1, 100_000)
    with make_run(tmp_path, api_port) as client:
        assert client.get(address).json() == job


def test_the_commands_of_the_page_on_rest_work_as_written(tmp_path: Path) -> None:
    examples = examples_of(_ROOT / "docs" / "rest.md")
    api_port, store_port = free_port(), free_port()
    target = {"TREADLE_STORE_TARGET": f"127.0.0.1:{store_port}"}

    with make_run(tmp_path, api_port, store_port):
        said = outputs(examples, f"localhost:{api_port}", _ROOT, **target)

    assert len(said) == len(examples) > 0
    for example, output in zip(examples, said, strict=True):
        if example.shown:
            requires_shown(output, example.shown)
