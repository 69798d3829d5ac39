"""The bound on what one run may use."""

import contextlib
import re
import sys
from pathlib import Path

_USED = re.compile(r"^VmData:\s+(\d+) kB$", re.MULTILINE)


class MemoryLimit:
    """Enforced on Linux: elsewhere nothing bounds what a process writes to."""

    def __init__(self, megabytes: int) -> None:
        self._bytes = megabytes * 1_048_576

    def enforce(self) -> None:
        """From now on the process gets this much more; beyond it code meets MemoryError, or what C makes of it."""
        if sys.platform != "linux":
            return
        import resource  # noqa: PLC0415 - absent on some systems

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        limit = _used() + self._bytes
        if most != resource.RLIM_INFINITY:
            limit = min(limit, most)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, most))

    def lift(self) -> None:
        """So that what went wrong can be told."""
        if sys.platform != "linux":
            return
        import resource  # noqa: PLC0415 - absent on some systems

        with contextlib.suppress(OSError, ValueError):
            _, most = resource.getrlimit(resource.RLIMIT_DATA)
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _used() -> int:
    found = _USED.search(Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) * 1_024
