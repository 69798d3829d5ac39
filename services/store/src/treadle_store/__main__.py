"""`python -m treadle_store` serves until SIGTERM; `python -m treadle_store migrate` brings the schema up to date."""

import asyncio
import signal
import sys

import structlog
import uvloop
from prometheus_client import start_http_server
from pydantic import ValidationError

from treadle_store.adapters.outbound.postgres.migrate import migrate
from treadle_store.container import Container
from treadle_store.settings import Settings
from treadle_wire.logs import configure_logs

_log = structlog.get_logger()


def main() -> None:
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.write(_refusal(error))
        sys.exit(2)
    configure_logs("store", form=settings.log_format, level=settings.log_level)
    match sys.argv[1:]:
        case []:
            uvloop.run(serve(Container(settings=settings), settings))
        case ["migrate"]:
            migrate(settings.database_url.get_secret_value())
        case _:
            sys.exit("usage: treadle-store [migrate]")


async def serve(container: Container, settings: Settings) -> None:
    """Until SIGTERM or SIGINT; a timer that dies of anything but an outage ends the process."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = container.server()
    await server.start()
    if settings.store_metrics_port:
        start_http_server(
            settings.store_metrics_port, settings.store_metrics_host, container.registry()
        )
    _log.info("store: listening", address=settings.store_listen)
    async with container.hand_over(), asyncio.TaskGroup() as group:
        timers = [group.create_task(timer.run()) for timer in container.timers()]
        await stop.wait()
        await server.stop(settings.stop_grace_seconds)
        for timer in timers:
            timer.cancel()
    await container.redis().aclose()
    await container.database().close()
    _log.info("store: stopped")


def _refusal(error: ValidationError) -> str:
    problems = (
        f"TREADLE_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()
    )
    return f"treadle-store: {'; '.join(problems)}\n"


if __name__ == "__main__":
    main()
