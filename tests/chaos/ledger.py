"""The file in which handlers say that they live: no proxy and no fault ever touches it.

Each line is one append of some bytes, which is never torn.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.chaos.history import Line

from treadle import JobContext

PULSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Ledger:
    """Of one run."""

    file: Path
    context: JobContext

    @classmethod
    def begin(cls, payload: dict[str, Any], context: JobContext) -> Self:
        ledger = cls(Path(payload["file"]), context)
        ledger.write("start")
        return ledger

    def end(self) -> dict[str, int]:
        """The result of the run."""
        self.write("end")
        return {"fence": self.context.fence}

    def write(self, what: str) -> None:
        with self.file.open("a") as lines:
            lines.write(f"{self.context.job_id} {self.context.fence} {what} {time.time():.3f}\n")

    async def nap(self, seconds: float) -> None:
        """Gives the event loop free."""
        until = time.monotonic() + seconds
        while (rest := until - time.monotonic()) > 0:
            await asyncio.sleep(min(PULSE_SECONDS, rest))
            self.write("alive")

    def hold(self, seconds: float, do: Callable[[float], None] = time.sleep) -> None:
        """`do` for about `seconds`, a piece of it at a time: gives neither thread nor event loop free."""
        until = time.monotonic() + seconds
        while (rest := until - time.monotonic()) > 0:
            do(min(PULSE_SECONDS, rest))
            self.write("alive")


def read_lines(file: Path) -> list[Line]:
    if not file.exists():
        return []
    # Whoever reads while another writes may see the beginning of a line.
    whole, _, _ = file.read_text().rpartition("\n")
    words = [line.split() for line in whole.splitlines()]
    return [Line(job_id, int(fence), what, float(at)) for job_id, fence, what, at in words]
