"""One process of ours, in a session of its own, so that the terminal's Ctrl-C does not reach it."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO

from treadle_local.accounts import Account
from treadle_local.guard import Guard


class GuardedProcess:
    """`ending` is the signal by which the guard ends it if we die first."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        guard: Guard,
        ending: signal.Signals,
        output: int | IO[bytes],
        environment: Mapping[str, str] | None = None,
        account: Account | None = None,
        folder: Path | None = None,
    ) -> None:
        self._guard = guard
        self._popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=guard.adoption(ending),
        )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def output(self) -> IO[bytes]:
        assert self._popen.stdout is not None
        return self._popen.stdout

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._popen.poll()

    def ask(self, ending: signal.Signals) -> None:
        self._popen.send_signal(ending)

    def wait(self, grace: timedelta) -> int:
        """Returns its exit code; it and what it left in its group is killed when `grace` is over."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(grace.total_seconds())
        return self.kill()

    def kill(self) -> int:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        code = self._popen.wait()
        self._guard.forget(self.pid)
        return code
