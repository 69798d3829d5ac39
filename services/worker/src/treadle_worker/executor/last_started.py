"""Memory that a worker and an executor share: a word in it costs no system call, and stays whatever the code does."""

import mmap
import os
import tempfile
from typing import Self

_BYTES = 8


class LastStarted:
    """The `number` of the run whose async handler was called last; they are called in the order of their numbers.

    So the worker knows of it also while that handler keeps the loop, and with it every frame, to itself.
    """

    def __init__(self, descriptor: int) -> None:
        """The descriptor is no longer needed then."""
        self._number = memoryview(mmap.mmap(descriptor, _BYTES)).cast("Q")

    @classmethod
    def made(cls) -> tuple[Self, int]:
        """Also the descriptor for the other process, to be closed by the caller."""
        descriptor = _memory()
        os.truncate(descriptor, _BYTES)
        return cls(descriptor), descriptor

    @property
    def number(self) -> int:
        return self._number[0]

    @number.setter
    def number(self, number: int) -> None:
        self._number[0] = number


def _memory() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("treadle")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
