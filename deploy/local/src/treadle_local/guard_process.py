"""Ends the processes of a launcher that died.

Runs in a session of its own, on the standard library alone. Its standard input is a pipe that only
the launcher holds open: `+PID SIGNAL` adds a process, `-PID` removes one, the end of the file means
that the launcher is gone, and what is left is stopped by its signal.
"""

import os
import signal
import sys
import time
from contextlib import suppress

GRACE_SECONDS = 5.0


def main() -> None:
    # Only the end of the pipe ends the guard: it must outlive whatever ends its launcher.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    left = _read_until_the_launcher_is_gone()
    _say_that_we_clean_up()
    for pid, ending in left.items():
        _send(pid, ending)
    deadline = time.monotonic() + GRACE_SECONDS
    while any(_is_alive(pid) for pid in left) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in left:
        _send(pid, signal.SIGKILL)


def _read_until_the_launcher_is_gone() -> dict[int, int]:
    left: dict[int, int] = {}
    for line in sys.stdin:
        if line.startswith("+"):
            pid, ending = line[1:].split()
            left[int(pid)] = int(ending)
        else:
            left.pop(int(line[1:]), None)
    return left


def _say_that_we_clean_up() -> None:
    """Empties the lock file, whose lock we hold with the launcher: no pid in it means wait for us."""
    if len(sys.argv) > 1:
        os.ftruncate(int(sys.argv[1]), 0)


def _send(pid: int, ending: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if ending == signal.SIGKILL:
            os.killpg(pid, ending)
        else:
            os.kill(pid, ending)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
