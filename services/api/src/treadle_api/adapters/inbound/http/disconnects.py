"""Clients that go away while they wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

from starlette.requests import ClientDisconnect, Request


@asynccontextmanager
async def while_connected(request: Request) -> AsyncIterator[None]:
    """Of a request that was read whole: ends the block with ClientDisconnect as soon as its client is gone."""
    try:
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(_until_gone(request))
            yield
            watch.cancel()
    except ExceptionGroup as failures:
        # Of the block or of the watch: whichever fails first cancels the other.
        raise failures.exceptions[0] from None


async def _until_gone(request: Request) -> NoReturn:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    raise ClientDisconnect
