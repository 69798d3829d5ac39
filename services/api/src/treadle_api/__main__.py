"""`python -m treadle_api` serves until SIGTERM; `python -m treadle_api keys …` makes, lists and revokes keys."""

import asyncio
import logging
import signal
import socket
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import NoReturn, Protocol

import structlog
import uvicorn
import uvloop
from pydantic import ValidationError

from treadle_api.adapters.inbound.key_commands import read_command, run_command
from treadle_api.application.waiters import Waiters
from treadle_api.container import Container
from treadle_api.settings import Settings
from treadle_wire.garbage import collect_rarely
from treadle_wire.logs import configure_logs
from treadle_wire.stop_signals import STOP_SIGNALS, ignore_stop_signals
from treadle_wire.tracing import close_tracing
from treadle_wire.wrong_settings import refuse

_log = structlog.get_logger()

_LOOK_SECONDS = 1.0
"""How old the date of an answer may be."""


def main() -> None:
    try:
        settings = Settings()
    except ValidationError as error:
        sys.exit(refuse("api", *((str(e["loc"][0]), e["msg"]) for e in error.errors())))
    if sys.argv[1:]:
        sys.exit(uvloop.run(_command(read_command(sys.argv[1:]), Container(settings=settings))))
    configure_logs("api", form=settings.log_format, level=settings.log_level)
    logging.getLogger("uvicorn.error").addFilter(_is_no_cut_off)
    uvloop.run(serve(Container(settings=settings), settings))


async def _command(asked: Namespace, container: Container) -> int:
    async with container.channel():
        return await run_command(asked, container.api_keys())


async def serve(container: Container, settings: Settings) -> None:
    """Until SIGTERM or SIGINT; requests under way are answered first."""
    async with container.channel(), container.redis(), asyncio.TaskGroup() as tasks:
        waiters = container.waiters()
        running = [tasks.create_task(each.run()) for each in _running(container, settings)]
        server = _Server(
            waiters,
            settings.api_lame_duck_seconds,
            uvicorn.Config(
                container.traced_app(),
                host=settings.api_host,
                port=settings.api_port,
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # nobody asks who sent a request, or by which scheme
                timeout_graceful_shutdown=settings.api_stop_grace_seconds,
            ),
        )
        # uvicorn raises the signal again when it has stopped: with its own handler in place that ends nothing.
        for number in STOP_SIGNALS:
            signal.signal(number, server.handle_exit)
        collect_rarely()
        await server.serve()
        for task in running:
            task.cancel()
    close_tracing(container.tracing())
    _log.info("api: stopped")
    ignore_stop_signals()


class Running(Protocol):
    async def run(self) -> NoReturn: ...


def _running(container: Container, settings: Settings) -> Sequence[Running]:
    always: list[Running] = [
        container.submits(),
        container.job_reads(),
        container.waiters(),
        container.rate_limits(),
    ]
    return [*always, container.key_ring()] if settings.api_auth == "keys" else always


class _Server(uvicorn.Server):
    """Tells clients that wait for jobs before it waits for them, and listens on until proxies look elsewhere.

    Needs a running event loop.
    """

    def __init__(self, waiters: Waiters, lame_duck_seconds: float, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._waiters = waiters
        self._lame_duck_seconds = lame_duck_seconds
        self._loop = asyncio.get_running_loop()
        self._asked_to_stop = asyncio.Event()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe(self._asked_to_stop.set)

    async def main_loop(self) -> None:
        """Of itself uvicorn looks ten times a second whether to stop; it does more at the first of ten looks only."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._asked_to_stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._waiters.release()
        await asyncio.sleep(self._lame_duck_seconds)
        await super().shutdown(sockets)


def _is_no_cut_off(record: logging.LogRecord) -> bool:
    """uvicorn tells how many requests it cut off at its end, and then again by a traceback for each."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


if __name__ == "__main__":
    main()
