"""The jobs of the benchmark: they do nothing, or nap."""

import asyncio
from typing import Any

from bench.records import Kind, record
from treadle import Handlers, JobContext

NAP_SECONDS = 0.5

handlers = Handlers()


@handlers.register("noop")
async def noop(payload: dict[str, Any], context: JobContext) -> dict[str, bool]:
    record(Kind.RAN, payload)
    return {"ok": True}


@handlers.register("nap")
async def nap(payload: dict[str, Any], context: JobContext) -> dict[str, bool]:
    record(Kind.BEGAN, payload)
    await asyncio.sleep(NAP_SECONDS)
    record(Kind.ENDED, payload)
    return {"ok": True}
