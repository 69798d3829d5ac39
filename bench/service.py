"""One service of Treadle as a process, ended when the benchmark ends."""

import signal
import socket
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import httpx

from treadle_local.guard import Guard
from treadle_local.guarded_process import GuardedProcess

_READY_SECONDS = 30.0
_STOP_GRACE = timedelta(seconds=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Service:
    """`probe_port`: where /health/ready answers 200 when it is ready; 0: nobody asks."""

    def __init__(
        self,
        name: str,
        command: list[str],
        *,
        guard: Guard,
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
        probe_port: int = 0,
    ) -> None:
        self.name = name
        self.probe_port = probe_port
        self._log = log
        with log.open("ab") as output:
            self._process = GuardedProcess(
                command,
                guard=guard,
                ending=signal.SIGKILL,
                output=output,
                environment=environment,
                folder=folder,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while self.probe_port and not self._is_ready():
            if self._process.exit_code is not None or time.monotonic() > deadline:
                said = (f"{log.name}: {log.read_text()}" for log in self._log.parent.iterdir())
                raise RuntimeError("\n".join((f"{self.name} is not ready", *said)))
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process.exit_code is None:
            self._process.ask(signal.SIGTERM)
        self._process.wait(_STOP_GRACE)

    def kill(self) -> None:
        self._process.kill()

    def _is_ready(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self.probe_port}/health/ready"
            return httpx.get(url, timeout=1.0).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False
