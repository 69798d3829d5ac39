"""Our end of the pipe to the guard process."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_PROGRAM = Path(__file__).with_name("guard_process.py")
_CLEAN_UP_SECONDS = 15


class Guard:
    """Whatever adopts itself here is ended soon after this process dies, by SIGKILL included.

    `lock` is the descriptor of a held lock file: the guard holds it too, until all are gone.
    """

    def __init__(self, *, lock: int | None = None) -> None:
        program = os.open(_PROGRAM, os.O_RDONLY)
        kept_open = [program] if lock is None else [program, lock]
        # By descriptor and not by name: `pkill -9 -f treadle_local` must not hit the guard as well.
        command = [sys.executable, "-I", "-S", f"/dev/fd/{program}", *map(str, kept_open[1:])]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            bufsize=0,
            cwd="/",
            start_new_session=True,
            pass_fds=kept_open,
        )
        os.close(program)
        assert self._process.stdin is not None
        self._pipe = self._process.stdin

    def adoption(self, ending: signal.Signals) -> Callable[[], None]:
        """For a new process to call before its exec, so that no moment is left when it is unknown."""
        pipe = self._pipe.fileno()

        def adopt_this_process() -> None:
            os.write(pipe, f"+{os.getpid()} {int(ending)}\n".encode())

        return adopt_this_process

    def forget(self, pid: int) -> None:
        with suppress(BrokenPipeError):
            self._pipe.write(f"-{pid}\n".encode())

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def close(self) -> None:
        """Ends what is still adopted."""
        self._pipe.close()
        self._process.wait(_CLEAN_UP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
