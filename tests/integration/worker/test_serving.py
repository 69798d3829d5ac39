"""How the process ends, seen from its main function."""

from contextlib import nullcontext

import pytest
from dependency_injector import providers

from treadle_worker.__main__ import serve
from treadle_worker.container import Container
from treadle_worker.settings import Settings
from treadle_worker.worker import StopRequest


class _Life:
    """Stands in for the worker: ends with an error, or is over as soon as it began."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    async def live(self, _: StopRequest) -> None:
        if self._error is not None:
            raise self._error


def a_container(life: _Life) -> Container:
    container = Container(
        settings=Settings(worker_handlers="app.jobs:handlers", worker_probe_port=0)
    )
    container.executors.override(providers.Object(nullcontext()))
    container.worker.override(providers.Object(life))
    return container


async def test_an_orderly_end_is_exit_code_0() -> None:
    assert await serve(a_container(_Life())) == 0


async def test_an_unexpected_error_is_not_swallowed() -> None:
    """What leaves here leaves `asyncio.run`: a traceback and exit code 1."""
    with pytest.raises(ExceptionGroup) as end:
        await serve(a_container(_Life(ZeroDivisionError())))

    assert end.group_contains(ZeroDivisionError)
