"""What handlers write down of each execution: no queue under test counts for itself.

A record is appended to a file of its process in the memory of this machine, 32 bytes: kind, number of the job, when it
was meant to be sent, now. Times are CLOCK_MONOTONIC in nanoseconds, which all processes share. The format is that of
the benchmark of other systems.
"""

import os
import struct
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

FOLDER_VARIABLE = "BENCH_RECORDS"
_MEMORY = Path("/dev/shm")
_FORMAT = struct.Struct("<QQQQ")
_file: int | None = None


class Kind(IntEnum):
    RAN = 1
    BEGAN = 10
    ENDED = 11


class Record(NamedTuple):
    kind: int
    number: int
    sent_ns: int
    now_ns: int


def record(kind: Kind, payload: dict[str, Any]) -> None:
    global _file
    now = time.monotonic_ns()
    if _file is None:
        path = Path(os.environ[FOLDER_VARIABLE], f"{os.getpid()}.records")
        _file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(_file, _FORMAT.pack(kind, payload["i"], payload["t"], now))


class Records:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def count(self) -> int:
        with os.scandir(self.folder) as files:
            return sum(file.stat().st_size for file in files) // _FORMAT.size

    def read(self) -> Iterator[Record]:
        for file in self.folder.iterdir():
            data = file.read_bytes()
            whole = len(data) // _FORMAT.size * _FORMAT.size
            yield from map(Record._make, _FORMAT.iter_unpack(data[:whole]))


@contextmanager
def records() -> Iterator[Records]:
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="treadle-bench-", dir=memory) as folder:
        yield Records(Path(folder))
