"""The job of the benchmark: it does nothing."""

from typing import Any

from treadle import Handlers, JobContext

handlers = Handlers()


@handlers.register("noop")
async def noop(payload: dict[str, Any], context: JobContext) -> dict[str, bool]:
    return {"ok": True}
