"""The registry that a handlers module fills and an executor reads."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from treadle.durations import MAX_TIMEOUT, as_duration
from treadle.handler import Handler, HandlerFunction, is_async, name_of, takes_context
from treadle.retry import Retry

Hook = Callable[[], Any]

_Function = TypeVar("_Function", bound=HandlerFunction)
_Hook = TypeVar("_Hook", bound=Hook)

_TYPE = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_MAX_ATTEMPTS = 1_000
_MAX_CONCURRENCY = 1_000
_MAX_MEMORY_MB = 1_048_576


class Handlers:
    """Job types and the functions that run them; registering a type twice is a ValueError.

    ```python
    handlers = Handlers()

    @handlers.register("image.thumbnail", timeout=30, max_attempts=5)
    async def thumbnail(payload: Thumbnail, context: JobContext) -> dict[str, int]: ...
    ```
    """

    def __init__(self) -> None:
        self._by_type: dict[str, Handler] = {}
        self._startup_hooks: list[Hook] = []
        self._shutdown_hooks: list[Hook] = []

    @property
    def by_type(self) -> Mapping[str, Handler]:
        return MappingProxyType(self._by_type)

    @property
    def startup_hooks(self) -> Sequence[Hook]:
        return tuple(self._startup_hooks)

    @property
    def shutdown_hooks(self) -> Sequence[Hook]:
        """The last one first: what was opened last is closed first."""
        return tuple(reversed(self._shutdown_hooks))

    def register(
        self,
        type: str,
        *,
        timeout: float | timedelta | None = None,
        max_attempts: int | None = None,
        retry: Retry | None = None,
        isolated: bool = False,
        memory_mb: int | None = None,
        concurrency: int | None = None,
    ) -> Callable[[_Function], _Function]:
        """`async def` runs on the executor's event loop, `def` in a thread. The function itself stays as it is.

        It takes `(payload)` or `(payload, context)`. `timeout` is in seconds or a timedelta, at most 7 days;
        `max_attempts` is 1 to 1,000. What the request of a job says goes before what is said here.

        `isolated` gives every run a process of its own; `memory_mb` bounds what that process may use beyond what it
        used when it was ready to run (in MiB, threads count with their whole stack, enforced on Linux only): a run that
        fails for it fails with the kind `oom`. At most `concurrency` (1 to 1,000) runs of the type go on at once in a
        worker.
        """
        _check_type(type)
        _check_count("max_attempts", max_attempts, _MAX_ATTEMPTS)
        _check_count("concurrency", concurrency, _MAX_CONCURRENCY)
        _check_count("memory_mb", memory_mb, _MAX_MEMORY_MB)
        if memory_mb is not None and not isolated:
            raise ValueError("memory_mb must be given with isolated=True: a limit is a process's")
        limit = None if timeout is None else as_duration("timeout", timeout, MAX_TIMEOUT)

        def add(function: _Function) -> _Function:
            handler = Handler(
                type=type,
                function=function,
                is_async=is_async(function),
                takes_context=takes_context(function),
                timeout=limit,
                max_attempts=max_attempts,
                retry=retry,
                isolated=isolated,
                memory_mb=memory_mb,
                concurrency=concurrency,
            )
            self._add(handler)
            return function

        return add

    def include(self, other: "Handlers") -> None:
        """Takes over what `other` holds now: its handlers and its hooks."""
        for handler in other.by_type.values():
            self._add(handler)
        self._startup_hooks.extend(other._startup_hooks)
        self._shutdown_hooks.extend(other._shutdown_hooks)

    def startup(self, hook: _Hook) -> _Hook:
        """Runs `hook` (`def` or `async def`) once per executor process, before its first job, on the event loop."""
        self._startup_hooks.append(hook)
        return hook

    def shutdown(self, hook: _Hook) -> _Hook:
        """Runs `hook` once when the executor process is asked to stop; a killed process runs none."""
        self._shutdown_hooks.append(hook)
        return hook

    def _add(self, handler: Handler) -> None:
        present = self._by_type.get(handler.type)
        if present is not None:
            raise ValueError(
                f"job type {handler.type!r} is registered twice: {present.name} and {handler.name}"
            )
        self._by_type[handler.type] = handler


def _check_count(name: str, count: object, most: int) -> None:
    if count is None:
        return
    if not isinstance(count, int) or not 1 <= count <= most:
        raise ValueError(f"{name} must be between 1 and {most}, not {count!r}")


def _check_type(type: object) -> None:
    if callable(type):
        raise TypeError(f'{name_of(type)} needs a job type: @handlers.register("some.type")')
    if not isinstance(type, str) or not _TYPE.fullmatch(type):
        raise ValueError(
            f"job type {type!r} must be 1 to 128 characters out of A-Z a-z 0-9 . _ : -"
        )
