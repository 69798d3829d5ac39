"""Process groups that are killed together, and how it is known that they are gone."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_LOOK_AGAIN_SECONDS = 0.01
_PROC = Path("/proc")
_HAS_PROC = sys.platform == "linux" and (_PROC / "self/stat").exists()
# Those in /proc/PID/stat after the name of the program.
_STATE, _GROUP, _STARTED_AT = 0, 2, 19


class ProcessGroups:
    """A group is known by the number of its leader and, where /proc tells it, by when that was started: a number that
    another process got meanwhile is left alone. The number of a group of which any process is left is never reused.
    """

    def __init__(self) -> None:
        self._leaders: dict[int, str | None] = {}

    def __len__(self) -> int:
        return len(self._leaders)

    def add(self, pgid: int) -> None:
        self._leaders[pgid] = _started_at(pgid)

    def forget(self, pgid: int) -> None:
        self._leaders.pop(pgid, None)

    def kill(self) -> None:
        for pgid in self._ours():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pgid, signal.SIGKILL)

    def are_gone(self, within_seconds: float) -> bool:
        """Waits for it: a process in the middle of a system call may take long to die."""
        deadline = time.monotonic() + within_seconds
        while self._any_runs():
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_AGAIN_SECONDS)
        return True

    def _ours(self) -> list[int]:
        return [
            pgid
            for pgid, started_at in self._leaders.items()
            if _started_at(pgid) in (None, started_at)
        ]

    def _any_runs(self) -> bool:
        left = {pgid for pgid in self._ours() if _exists(pgid)}
        # Where nobody reaps them, dead processes stay in their group; they run nothing.
        return bool(left and (not _HAS_PROC or left & set(_running_groups())))


def _exists(pgid: int) -> bool:
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _running_groups() -> Iterator[int]:
    for place in _PROC.iterdir():
        if place.name.isdigit() and (words := _stat(place.name)) and words[_STATE] not in "ZX":
            yield int(words[_GROUP])


def _started_at(pid: int) -> str | None:
    words = _stat(str(pid))
    return words[_STARTED_AT] if words else None


def _stat(pid: str) -> list[str] | None:
    """None for a process that is not there."""
    try:
        return (_PROC / pid / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
