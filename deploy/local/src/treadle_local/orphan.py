"""What a server left behind when both its launcher and its guard were killed."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

FAST_STOP_SECONDS = 10.0


def end_orphan(pid_file: Path, *, marker: str) -> None:
    """Stops the server that the file names, known by `marker` in its command line; removes the file.

    A pid that another program has by now (after a reboot, in a new container) is left alone.
    """
    pid = _pid_in(pid_file)
    if pid is not None:
        _end(pid, marker)
    pid_file.unlink(missing_ok=True)


def _pid_in(pid_file: Path) -> int | None:
    with suppress(FileNotFoundError, ValueError, IndexError):
        return int(pid_file.read_text().splitlines()[0])
    return None


def _command_line(pid: int) -> str:
    if sys.platform == "linux":
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        return ""
    listed = subprocess.run(["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True)
    return listed.stdout.decode()


def _end(pid: int, marker: str) -> None:
    with suppress(ProcessLookupError):
        for ending in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            deadline = time.monotonic() + FAST_STOP_SECONDS
            if marker in _command_line(pid):
                os.kill(pid, ending)
            while marker in _command_line(pid) and time.monotonic() < deadline:
                time.sleep(0.05)
