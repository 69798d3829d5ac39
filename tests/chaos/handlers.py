"""What the workers of the chaos tests run."""

import asyncio
import subprocess
import time
from pathlib import Path
from typing import Any

from treadle import Handlers, JobContext

handlers = Handlers()


@handlers.register("work")
async def work(payload: dict[str, Any], context: JobContext) -> dict[str, int]:
    """Writes its start and its end to a file: short appends are not torn."""
    ledger = Path(payload["file"])
    _write(ledger, context, "start")
    await asyncio.sleep(payload["seconds"])
    _write(ledger, context, "end")
    return {"fence": context.fence}


@handlers.register("spin")
def spin(payload: dict[str, Any], context: JobContext) -> dict[str, int]:
    """Its first run holds the GIL in C for ever, and has started a program; the next one ends at once."""
    if context.fence == 1:
        subprocess.Popen(["sleep", "600"])
        _write(Path(payload["file"]), context, "start")
        sum(range(10**12))
    _write(Path(payload["file"]), context, "start")
    _write(Path(payload["file"]), context, "end")
    return {"fence": context.fence}


def _write(ledger: Path, context: JobContext, what: str) -> None:
    with ledger.open("a") as lines:
        lines.write(f"{context.job_id} {context.fence} {what} {time.time():.3f}\n")
