"""`python -m treadle_store` serves until SIGTERM; `python -m treadle_store migrate` brings the schema up to date."""

import asyncio
import sys

import structlog
import uvloop
from prometheus_client import CollectorRegistry, start_http_server
from pydantic import ValidationError

from treadle_store.container import Container
from treadle_store.settings import Settings
from treadle_wire.garbage import collect_rarely
from treadle_wire.logs import configure_logs
from treadle_wire.stop_signals import hear_stop_signals, ignore_stop_signals
from treadle_wire.tracing import close_tracing
from treadle_wire.wrong_settings import refuse

_log = structlog.get_logger()


def main() -> None:
    try:
        settings = Settings()
    except ValidationError as error:
        sys.exit(refuse("store", *((str(e["loc"][0]), e["msg"]) for e in error.errors())))
    configure_logs("store", form=settings.log_format, level=settings.log_level)
    match sys.argv[1:]:
        case []:
            container = Container(settings=settings)
            if settings.store_metrics_port:
                _publish(container.registry(), settings)
            uvloop.run(serve(container, settings))
        case ["migrate"]:
            # Who serves does not need Alembic, which takes a quarter of a second to import.
            from treadle_store.adapters.outbound.postgres.migrate import (  # noqa: PLC0415
                migrate,
            )

            migrate(settings.database_url.get_secret_value())
        case _:
            sys.exit("usage: treadle-store [migrate]")


async def serve(container: Container, settings: Settings) -> None:
    """Until SIGTERM or SIGINT; a timer that dies of anything but an outage ends the process."""
    stop = asyncio.Event()
    container.gauges()
    hear_stop_signals(stop.set)
    server = container.server()
    try:
        await server.start()
    except RuntimeError as error:  # gRPC has told more of it in lines of its own
        sys.exit(refuse("store", ("store_listen", f"{settings.store_listen}: {error}")))
    _log.info("store: listening", address=settings.store_listen)
    collect_rarely()
    async with container.hand_over(), asyncio.TaskGroup() as group:
        tasks = [group.create_task(timer.run()) for timer in container.timers()]
        tasks.append(group.create_task(container.job_ends().run()))
        await stop.wait()
        await server.stop(settings.stop_grace_seconds)
        for task in tasks:
            task.cancel()
    await container.redis().aclose()
    await container.database().close()
    close_tracing(container.tracing())
    _log.info("store: stopped")
    ignore_stop_signals()


def _publish(registry: CollectorRegistry, settings: Settings) -> None:
    """Before anything else starts: a port that cannot be had ends the process."""
    host, port = settings.store_metrics_host, settings.store_metrics_port
    try:
        start_http_server(port, host, registry)
    except OSError as error:
        problem = f"{host}:{port}: {error.strerror or error}"
        sys.exit(refuse("store", ("store_metrics_port", problem)))


if __name__ == "__main__":
    main()
