"""`python -m treadle_worker --handlers package.module:handlers` runs jobs until SIGTERM."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
import uvloop
from pydantic import ValidationError

from treadle_wire.garbage import collect_rarely
from treadle_wire.logs import configure_logs
from treadle_wire.stop_signals import hear_stop_signals, ignore_stop_signals
from treadle_wire.tracing import close_tracing
from treadle_wire.wrong_settings import refuse
from treadle_worker.adapters.inbound.probe import ProbeRefused
from treadle_worker.application.errors import LeaseTooShort
from treadle_worker.application.runs import HandlersRefused
from treadle_worker.container import Container
from treadle_worker.settings import Settings
from treadle_worker.worker import StopRequest

_log = structlog.get_logger()


def main() -> None:
    flags = vars(_parser().parse_args())
    given = {f"worker_{name}": value for name, value in flags.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        sys.exit(refuse("worker", *((str(e["loc"][0]), e["msg"]) for e in error.errors())))
    configure_logs("worker", form=settings.log_format, level=settings.log_level)
    sys.exit(uvloop.run(serve(Container(settings=settings))))


async def serve(container: Container) -> int:
    """Until SIGTERM or SIGINT, the second of which cuts it short. Returns the exit code."""
    stop, code = StopRequest(), 0
    hear_stop_signals(stop.ask)
    try:
        with container.probe().bound():
            await _serve(container, stop)
    except* HandlersRefused as refusals:
        refusal = _first(refusals)
        _log.error("worker: the handlers cannot be used", reason=str(refusal))
        sys.stderr.write(getattr(refusal, "traceback", ""))
        code = 2
    except* LeaseTooShort as refusals:
        code = refuse("worker", ("stop_grace_seconds", str(_first(refusals))))
    except* ProbeRefused as refusals:
        code = refuse("worker", ("worker_probe_port", str(_first(refusals))))
    else:
        _log.info("worker: stopped")
    ignore_stop_signals()
    return code


async def _serve(container: Container, stop: StopRequest) -> None:
    # Processes are started before this one has channels and threads that a start could disturb.
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(container.guard())
        async with _cut_short_by(stop):
            await stack.enter_async_context(container.executors())
        if not stop.soon.is_set():
            async with container.channel(), container.redis(), container.probe().serving():
                worker = container.worker()
                collect_rarely()
                await worker.live(stop)
                close_tracing(container.tracing())


@asynccontextmanager
async def _cut_short_by(stop: StopRequest) -> AsyncIterator[None]:
    """Handlers may take long to load: a stop does not wait for them."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as group:

            async def watch() -> None:
                await stop.soon.wait()
                limit.reschedule(loop.time())

            watching = group.create_task(watch())
            yield
            watching.cancel()


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _parser() -> argparse.ArgumentParser:
    """Every flag is an environment setting too: TREADLE_WORKER_…"""
    parser = argparse.ArgumentParser(prog="treadle-worker", description=__doc__)
    parser.add_argument("--handlers", help="package.module:attribute")
    parser.add_argument("--queues", help="names separated by commas (default)")
    parser.add_argument("--namespaces", help="names separated by commas (default)")
    parser.add_argument("--concurrency", help="jobs at once (20)")
    parser.add_argument("--executors", help="processes that run them (one per core)")
    parser.add_argument("--name", help="a label for people (the host's name)")
    return parser


if __name__ == "__main__":
    main()
