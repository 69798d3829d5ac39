"""A Valkey or Redis of ours: nothing on disk, one port of 127.0.0.1."""

import signal
import time
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from treadle_local.binaries import Program
from treadle_local.errors import LaunchError
from treadle_local.guard import Guard
from treadle_local.guarded_process import GuardedProcess
from treadle_local.orphan import end_orphan
from treadle_local.server_log import ServerLog

START_SECONDS = 20.0
STOP_GRACE = timedelta(seconds=10)


class ValkeyServer:
    """Every start is an empty one; `folder` holds its log."""

    def __init__(self, *, folder: Path, program: Program, guard: Guard, port: int) -> None:
        self.log = ServerLog(folder / "valkey.log")
        self.port = port
        self._folder = folder
        self._pid_file = folder / "valkey.pid"
        self._program = program
        self._guard = guard
        self._process: GuardedProcess | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._running.exit_code

    def start(self) -> None:
        """Returns when it answers."""
        self.log.begin()
        self.end_orphan()
        self._launch()
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.exit_code is not None:
                raise LaunchError(f"Valkey did not start; {self.log.tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise LaunchError(f"Valkey gave no answer; {self.log.tail()}")
            time.sleep(0.02)

    def end_orphan(self) -> None:
        """The server of an earlier run from this folder."""
        end_orphan(self._pid_file, marker=self._title)

    def stop(self) -> None:
        if self._process is not None:
            self._process.ask(signal.SIGTERM)
            self._process.wait(STOP_GRACE)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def _title(self) -> str:
        """As Valkey and Redis show themselves in the list of processes."""
        return f"-server 127.0.0.1:{self.port}"

    @property
    def _running(self) -> GuardedProcess:
        if self._process is None:
            raise LaunchError("this Valkey was never started")
        return self._process

    def _launch(self) -> None:
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self._folder),
            "pidfile": str(self._pid_file),
            # What it holds is rebuilt from PostgreSQL; it must refuse rather than forget.
            "save": "",
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        with self.log.opened() as output:
            self._process = GuardedProcess(
                [str(self._program.path), *words],
                guard=self._guard,
                ending=signal.SIGTERM,
                output=output,
            )

    def _answers(self) -> bool:
        """It, and not another server that took the port first."""
        client = redis.Redis.from_url(self.url, socket_timeout=1, retry=Retry(NoBackoff(), 0))
        try:
            return bool(client.info("server")["process_id"] == self.pid)
        except redis.RedisError:
            return False
        finally:
            client.close()
