"""The file a server writes its log to, and what of it concerns the person at the terminal."""

import os
from pathlib import Path
from typing import BinaryIO

TAIL_LINES = 12
KEPT_BYTES = 10_000_000


class ServerLog:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._began_at = 0

    def begin(self) -> None:
        """What `tail` tells starts here; one that grew big is put aside first."""
        if self.path.exists() and self.path.stat().st_size > KEPT_BYTES:
            self.path.replace(self.path.with_suffix(".log.1"))
        self._began_at = self.path.stat().st_size if self.path.exists() else 0

    def opened(self) -> BinaryIO:
        return self.path.open("ab")

    def tail(self) -> str:
        with self.path.open("rb") as log:
            log.seek(self._began_at)
            lines = log.read().decode(errors="replace").splitlines()
        return f"{self.path} ends with:\n" + "\n".join(lines[-TAIL_LINES:])

    def follow(self) -> "LogFollower":
        return LogFollower(self.path)


class LogFollower:
    """Hands out the lines that were written since it was asked last."""

    def __init__(self, path: Path) -> None:
        self._log = path.open("rb")
        self._log.seek(0, os.SEEK_END)
        self._unfinished = b""

    def new_lines(self) -> list[str]:
        *lines, self._unfinished = (self._unfinished + self._log.read()).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def close(self) -> None:
        self._log.close()
