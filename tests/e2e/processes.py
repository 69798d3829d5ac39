"""The services as the processes that they are in production, on free ports of this machine."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

_ROOT = Path(__file__).parents[2]
_TOLD = 10_000
"""Characters of the log of a service that does not end."""
_READY_SECONDS = 30.0
STORE_TOKEN = "what the services show each other"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class ServiceProcess:
    """`probe_url`: HTTP, or tcp://HOST:PORT where something listens when it is ready. `log`: what it wrote, kept in a
    file. `python`: the interpreter that has the service's code."""

    name: str
    environment: Mapping[str, str]
    folder: Path
    probe_url: str | None = None
    metrics_url: str = ""
    python: str = sys.executable
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [self.python, "-m", f"treadle_{self.name}"],
                cwd=_ROOT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def log_file(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def memory_mb(self) -> float:
        """Of the largest of its processes."""
        me = psutil.Process(self.pid)
        tree = [me, *me.children(recursive=True)]
        return max(process.memory_info().rss for process in tree) / 2**20

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not self._is_ready():
            assert self._process is not None
            assert self._process.poll() is None, f"{self.name} ended:\n{self.log_file.read_text()}"
            assert time.monotonic() < deadline, f"{self.name}: {self.log_file.read_text()}"
            time.sleep(0.05)

    def terminate(self, within_seconds: float = 30.0) -> int:
        """SIGTERM; returns the exit code."""
        return self.end(signal.SIGTERM, within_seconds)

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def end(self, number: signal.Signals, within_seconds: float = 30.0) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            return self._process.wait(within_seconds)
        except subprocess.TimeoutExpired as silence:
            silence.add_note(f"{self.name} goes on:\n{self.log_file.read_text()[-_TOLD:]}")
            raise

    def kill_if_alive(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.end(signal.SIGKILL)

    def _is_ready(self) -> bool:
        if self.probe_url is None:
            return True
        address = urlsplit(self.probe_url)
        if address.scheme == "tcp":
            with socket.socket() as probe:
                probe.settimeout(1.0)
                return probe.connect_ex((address.hostname, address.port)) == 0
        try:
            return httpx.get(self.probe_url, timeout=1.0).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


@dataclass
class Stack:
    """Store, API and worker of one test; `client` speaks to the API."""

    store: ServiceProcess
    api: ServiceProcess
    worker: ServiceProcess
    client: httpx.Client

    @property
    def all(self) -> list[ServiceProcess]:
        return [self.worker, self.api, self.store]

    def start(self) -> None:
        for service in reversed(self.all):
            service.start()
        for service in reversed(self.all):
            service.wait_until_ready()

    def stop(self) -> list[int]:
        """Exit codes of worker, API and store."""
        return [service.terminate() for service in self.all]


@contextmanager
def another_worker(stack: Stack) -> Iterator[ServiceProcess]:
    """Beside the one of the stack, for some time."""
    port = free_port()
    environment = {**stack.worker.environment, "TREADLE_WORKER_PROBE_PORT": str(port)}
    url = f"http://127.0.0.1:{port}/health/ready"
    worker = ServiceProcess("worker", environment, stack.worker.folder, url)
    try:
        worker.start()
        worker.wait_until_ready()
        yield worker
        worker.terminate()
    finally:
        worker.kill_if_alive()


@contextmanager
def another_api(stack: Stack, **env: str) -> Iterator[str]:
    """Beside the one of the stack, for some time; its URL."""
    port = free_port()
    environment = {**stack.api.environment, "TREADLE_API_PORT": str(port), **env}
    url = f"http://127.0.0.1:{port}"
    api = ServiceProcess("api", environment, stack.api.folder, f"{url}/health/ready")
    try:
        api.start()
        api.wait_until_ready()
        yield url
        api.terminate()
    finally:
        api.kill_if_alive()


def keys_command(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "treadle_api", "keys", *arguments],
        cwd=_ROOT,
        env={**os.environ, **stack.api.environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def make_stack(
    *, folder: Path, database_url: str, redis_url: str, prefix: str, **env: str
) -> Stack:
    store, api, probe, metrics = (free_port() for _ in range(4))
    environment = {
        "TREADLE_DATABASE_URL": database_url,
        "TREADLE_REDIS_URL": redis_url,
        "TREADLE_REDIS_KEY_PREFIX": prefix,
        "TREADLE_STORE_LISTEN": f"127.0.0.1:{store}",
        "TREADLE_STORE_TARGET": f"127.0.0.1:{store}",
        "TREADLE_STORE_TOKEN": STORE_TOKEN,
        "TREADLE_STORE_METRICS_PORT": str(metrics),
        "TREADLE_API_PORT": str(api),
        "TREADLE_WORKER_PROBE_PORT": str(probe),
        "TREADLE_WORKER_HANDLERS": "tests.e2e.handlers:handlers",
        **env,
    }
    api_url, probe_url = f"http://127.0.0.1:{api}", f"http://127.0.0.1:{probe}"
    metrics_url = f"http://127.0.0.1:{metrics}/metrics"
    return Stack(
        store=ServiceProcess("store", environment, folder, metrics_url=metrics_url),
        api=ServiceProcess(
            "api", environment, folder, f"{api_url}/health/ready", f"{api_url}/metrics"
        ),
        worker=ServiceProcess(
            "worker", environment, folder, f"{probe_url}/health/ready", f"{probe_url}/metrics"
        ),
        client=httpx.Client(base_url=api_url, timeout=10.0),
    )
