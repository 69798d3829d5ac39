"""One service as a process, every line of its output on the console under its name."""

import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Thread

from treadle_local.console import Console
from treadle_local.guard import Guard
from treadle_local.guarded_process import GuardedProcess

LAST_LINES_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`is_ready` is asked again and again while it starts, and answers within about a second."""

    name: str
    command: tuple[str, ...]
    is_ready: Callable[[], bool]


class ServiceProcess:
    def __init__(
        self,
        name: str,
        command: tuple[str, ...],
        *,
        guard: Guard,
        console: Console,
        environment: Mapping[str, str],
    ) -> None:
        self.name = name
        self._console = console
        self._process = GuardedProcess(
            command,
            guard=guard,
            ending=signal.SIGKILL,
            output=subprocess.PIPE,
            environment=environment,
            folder=Path.cwd(),
        )
        self._reader = Thread(target=self._pass_on_output, name=f"output of {name}", daemon=True)
        self._reader.start()

    @property
    def exit_code(self) -> int | None:
        return self._process.exit_code

    def ask_to_stop(self) -> None:
        self._process.ask(signal.SIGTERM)

    def wait(self, grace: timedelta) -> int:
        """Its exit code, after its last lines were shown; it is killed when `grace` is over."""
        code = self._process.wait(grace)
        self._reader.join(LAST_LINES_SECONDS)
        return code

    def kill(self) -> None:
        self._process.kill()

    def _pass_on_output(self) -> None:
        for line in self._process.output:
            self._console.say(line.decode(errors="replace").rstrip("\r\n"), self.name)


def told(exit_code: int) -> str:
    if exit_code < 0:
        return f"was killed by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"
