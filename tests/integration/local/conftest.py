"""Launchers as a person starts them: processes with data in a folder of the test's own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from treadle_local.data_folder import throwaway_data_folder
from treadle_local.endpoints import free_port

_PROGRAM = Path(__file__).with_name("stand_in_launcher.py")
# Below the grace that a service has to stop: what ends in time was not merely waited for.
DEADLINE_SECONDS = 20.0


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.03)


@dataclass(kw_only=True)
class Launchers:
    folder: Path
    service_port: int = field(default_factory=free_port)
    postgres_port: int = field(default_factory=free_port)
    redis_port: int = field(default_factory=free_port)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """What it says goes to the file that `said` reads."""
        settings = {
            "TREADLE_LOCAL_DATA_DIR": str(self.folder / "data"),
            "TREADLE_LOCAL_POSTGRES_PORT": str(self.postgres_port),
            "TREADLE_LOCAL_REDIS_PORT": str(self.redis_port),
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TREADLE_")}
        with self._output.open("wb") as output:
            launcher = subprocess.Popen(
                [sys.executable, _PROGRAM, str(self.service_port), *words],
                env=kept | settings,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.started.append(launcher)
        return launcher

    def start_until_ready(self, *words: str) -> subprocess.Popen[bytes]:
        launcher = self.start(*words)
        until(lambda: "WELCOME" in self.said or launcher.poll() is not None, "not ready")
        assert "WELCOME" in self.said, self.said
        return launcher

    @property
    def said(self) -> str:
        """By the one that was started last."""
        return self._output.read_text()

    @property
    def database_url(self) -> str:
        password = (self.folder / "data" / "postgres.password").read_text()
        return f"postgresql://treadle:{password}@127.0.0.1:{self.postgres_port}/treadle"

    @property
    def _output(self) -> Path:
        return self.folder / "said"


def descendants(launcher: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(launcher.pid).children(recursive=True)


def child_with(launcher: subprocess.Popen[bytes], words: str) -> psutil.Process:
    return next(p for p in descendants(launcher) if words in " ".join(p.cmdline()))


def has_ended(process: psutil.Process) -> bool:
    """Also if the machine's first process takes its time to collect the exit code."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def interrupted_to_its_end(launcher: subprocess.Popen[bytes]) -> bool:
    """Again and again: one that follows the first at once may be taken for its echo."""
    if launcher.poll() is not None:
        return True
    launcher.send_signal(signal.SIGINT)
    return False


@pytest.fixture
def launchers() -> Iterator[Launchers]:
    with throwaway_data_folder() as folder:
        launchers = Launchers(folder=folder)
        yield launchers
        for launcher in launchers.started:
            launcher.kill()
            launcher.wait()
        # The guard of a killed launcher lets go of the folder when all are gone.
        pid_file = folder / "data" / "launcher.pid"
        if pid_file.exists():
            until(lambda: pid_file.read_text() == "", "the guard did not clean up")
