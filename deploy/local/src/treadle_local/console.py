"""What the person at the terminal sees: every line with the name of who said it."""

import sys
from collections.abc import Iterable
from contextlib import suppress
from threading import Lock

LAUNCHER = "treadle"
_COLOURS = (36, 32, 33, 35, 34, 96, 92)
_BOLD = 1


class Console:
    """Lines of several threads do not mix."""

    def __init__(self, names: Iterable[str]) -> None:
        names = (LAUNCHER, *names)
        self._width = max(map(len, names))
        self._colour = dict(zip(names, (_BOLD, *_COLOURS), strict=False))
        self._coloured = sys.stdout.isatty()
        self._lock = Lock()

    def say(self, line: str, name: str = LAUNCHER) -> None:
        self._write(f"{self._prefix(name)} {line}\n")

    def show(self, text: str) -> None:
        """Without prefix: to be copied."""
        self._write(f"{text}\n")

    def _prefix(self, name: str) -> str:
        prefix = f"{name:<{self._width}} |"
        if not self._coloured:
            return prefix
        return f"\x1b[{self._colour.get(name, 0)}m{prefix}\x1b[0m"

    def _write(self, text: str) -> None:
        # A reader that went away must not stop the services that it read from.
        with self._lock, suppress(OSError):
            sys.stdout.write(text)
            sys.stdout.flush()
