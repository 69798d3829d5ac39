"""Process 1 of a worker's container: passes signals on to the program of its arguments and reaps what user code leaves.

When the program is killed, the worker's guard is still to end its executors and to close its session, so that its jobs
run elsewhere at once instead of after the lease: the container stays until then, 10 s at most.
"""

import os
import signal
import sys
import time

_GUARD_SECONDS = 10.0
_PASSED_ON = {
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
}


def main() -> int:
    heard = _PASSED_ON | {signal.SIGCHLD}
    # From before the fork on: what arrives early waits for `sigwait`.
    mask_before = signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    program = os.fork()
    if program == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask_before)
        os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the entry point of the image
    while (status := _reap().get(program)) is None:
        number = signal.sigwait(heard)
        if number != signal.SIGCHLD:
            os.kill(program, number)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        _await_the_others(time.monotonic() + _GUARD_SECONDS)
    return code if code >= 0 else 128 - code


def _reap() -> dict[int, int]:
    """The statuses of all children that ended."""
    ended = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = status


def _await_the_others(deadline: float) -> None:
    while (seconds := deadline - time.monotonic()) > 0:
        _reap()
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        signal.sigtimedwait({signal.SIGCHLD}, seconds)


if __name__ == "__main__":
    sys.exit(main())
