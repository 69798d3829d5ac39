"""Process groups that a guard is told of, and what they look like from outside."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

# Holds the GIL for ever, in a group in which a child of it sleeps.
_IN_C = (
    "import subprocess; subprocess.Popen(['sleep', '600']); print(flush=True); sum(range(10**12))"
)


@contextmanager
def groups(*commands: list[str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Their leaders; they are not reaped before the end, as by a parent that is frozen."""
    leaders = [
        subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
        for command in commands
    ]
    try:
        yield leaders
    finally:
        for leader in leaders:
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(leader.pid).children():
                    child.kill()
            leader.kill()
            leader.communicate()


@contextmanager
def loop_in_c() -> Iterator[subprocess.Popen[bytes]]:
    with groups([sys.executable, "-c", _IN_C]) as [leader]:
        assert leader.stdout is not None
        leader.stdout.readline()
        yield leader


def running(pgid: int) -> list[int]:
    """The processes of the group that are no zombies."""
    return [
        process.pid
        for process in psutil.process_iter()
        if _group_of(process) == pgid and _status(process) != psutil.STATUS_ZOMBIE
    ]


def _group_of(process: psutil.Process) -> int | None:
    with suppress(ProcessLookupError):
        return os.getpgid(process.pid)
    return None


def _status(process: psutil.Process) -> str:
    try:
        status: str = process.status()
    except psutil.NoSuchProcess:
        return psutil.STATUS_ZOMBIE
    return status
