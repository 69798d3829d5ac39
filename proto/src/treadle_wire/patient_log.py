"""Log lines that hold nobody up: a pipe that is full, because nobody reads it, must not delay a heartbeat."""

import atexit
import os
import select
import threading
from collections import deque

_MOST_LINES = 10_000
_LAST_LINES_SECONDS = 1.0


class PatientLog:
    """A stream for `logging.StreamHandler` that a thread writes to the file `descriptor`, past the locks of Python's
    own files, which a write that never returns would hold for ever. Lines beyond `most_lines` that wait are dropped,
    the newest first, and counted in a line of their own."""

    def __init__(self, descriptor: int, most_lines: int = _MOST_LINES) -> None:
        self._descriptor = descriptor
        self._most_lines = most_lines
        self._lines: deque[bytes] = deque()
        self._dropped = 0
        self._changed = threading.Condition()
        self._leaving = False
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def write(self, line: str) -> None:
        with self._changed:
            if len(self._lines) < self._most_lines:
                self._lines.append(line.encode(errors="backslashreplace"))
            else:
                self._dropped += 1
            self._changed.notify()

    def flush(self) -> None:
        """Whoever logs does not wait."""

    def close(self) -> None:
        """The last lines have a second to get out."""
        with self._changed:
            self._leaving = True
            self._changed.notify()
        self._thread.join(_LAST_LINES_SECONDS)

    def _write_all(self) -> None:
        while rest := self._next():
            while rest:
                try:
                    rest = rest[os.write(self._descriptor, rest) :]
                except BlockingIOError:  # another program that shares the file made it so
                    self._until_read()
                except OSError:  # closed: there is nobody to tell it to
                    return

    def _until_read(self) -> None:
        room = select.poll()
        room.register(self._descriptor, select.POLLOUT)
        room.poll()

    def _next(self) -> bytes:
        """Some lines, as many as a pipe takes in one piece: others write to it too. Nothing at the end."""
        with self._changed:
            while not self._lines and not self._leaving:
                self._changed.wait()
            lines = self._lines.popleft() if self._lines else b""
            while self._lines and len(lines) + len(self._lines[0]) <= select.PIPE_BUF:
                lines += self._lines.popleft()
            if self._dropped and not self._lines:
                lines += f"{self._dropped} log lines were dropped: nobody read\n".encode()
                self._dropped = 0
        return lines
