"""What an executor process runs."""

import sys
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """`own`: for one run only."""

    handlers: str
    threads: int
    stop_grace: timedelta
    own: bool = False
    memory_mb: int | None = None
    """What the run may use beyond what the process has when it is ready."""

    def command(self, descriptor: int, last_started: int) -> list[str]:
        command = [sys.executable, "-m", "treadle_worker.executor", "--handlers", self.handlers]
        command += ["--threads", str(self.threads), "--fd", str(descriptor)]
        command += ["--last-started-fd", str(last_started)]
        if self.memory_mb is not None:
            command += ["--memory-mb", str(self.memory_mb)]
        return command
