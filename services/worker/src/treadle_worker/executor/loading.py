"""From `package.module:attribute` to handlers that are ready to be called."""

import importlib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from treadle import Handlers, Retry
from treadle.handler import Handler
from treadle.handlers import Hook
from treadle.payload import PayloadReader
from treadle_worker.executor.failures import summary_of, traceback_of
from treadle_worker.executor.forks import leave_if_fork
from treadle_worker.executor.frames import HandlerOptions, Ready, Refused, RetryOptions


class LoadRefused(Exception):
    """`traceback` is empty where user code raised nothing."""

    def __init__(self, reason: str, traceback: str = "") -> None:
        super().__init__(reason)
        self.frame = Refused(reason, traceback)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    handler: Handler
    read_payload: PayloadReader


def load(reference: str) -> Handlers:
    """LoadRefused for everything that may be wrong with the reference or with the module."""
    module_name, colon, path = reference.partition(":")
    if not (module_name and colon and path):
        raise LoadRefused(f"handlers must be given as package.module:attribute, not {reference!r}")
    found: object = _imported(module_name)
    for name in path.split("."):
        if not hasattr(found, name):
            raise LoadRefused(f"module {module_name} has no attribute {path}")
        found = getattr(found, name)
    if not isinstance(found, Handlers):
        raise LoadRefused(f"{reference} is a {type(found).__name__}, not a treadle.Handlers")
    if not found.by_type:
        raise LoadRefused(f"{reference} holds no handlers")
    return found


def _imported(module_name: str) -> object:
    try:
        module = importlib.import_module(module_name)
    except BaseException as error:  # noqa: BLE001 - importing is user code
        leave_if_fork(error)
        reason = f"module {module_name} cannot be imported: {summary_of(error)}"
        raise LoadRefused(reason, traceback_of(error)) from None
    leave_if_fork()
    return module


def prepared(handlers: Handlers) -> Mapping[str, Loaded]:
    """LoadRefused for a payload annotation that can never be read."""
    try:
        return {
            type: Loaded(handler=handler, read_payload=handler.payload_reader())
            for type, handler in handlers.by_type.items()
        }
    except TypeError as error:
        raise LoadRefused(str(error), traceback_of(error)) from None


def announced(handlers: Handlers) -> Ready:
    return Ready({type: _options(handler) for type, handler in handlers.by_type.items()})


def _options(handler: Handler) -> HandlerOptions:
    return HandlerOptions(
        max_attempts=handler.max_attempts,
        timeout_seconds=None if handler.timeout is None else handler.timeout.total_seconds(),
        retry=None if handler.retry is None else _retry(handler.retry),
        isolated=handler.isolated,
        memory_mb=handler.memory_mb,
        concurrency=handler.concurrency,
        is_async=handler.is_async,
    )


def _retry(retry: Retry) -> RetryOptions:
    return RetryOptions(
        initial_seconds=_seconds(retry.initial),
        maximum_seconds=_seconds(retry.maximum),
        multiplier=retry.multiplier,
        jitter=retry.jitter,
    )


def _seconds(span: float | timedelta) -> float:
    return span.total_seconds() if isinstance(span, timedelta) else span


async def start_up(hooks: Iterable[Hook]) -> None:
    """LoadRefused for the first hook that raises; those behind it do not run."""
    for hook in hooks:
        try:
            await _call(hook)
        except BaseException as error:  # noqa: BLE001 - hooks are user code
            reason = f"startup hook {_name(hook)} failed: {summary_of(error)}"
            raise LoadRefused(reason, traceback_of(error)) from None


async def shut_down(hooks: Iterable[Hook]) -> list[str]:
    """The traceback of each hook that raised; the others run all the same."""
    problems = []
    for hook in hooks:
        try:
            await _call(hook)
        except BaseException as error:  # noqa: BLE001 - hooks are user code
            problems.append(f"shutdown hook {_name(hook)} failed\n{traceback_of(error)}")
    return problems


async def _call(hook: Hook) -> None:
    try:
        answer = hook()
        if inspect.isawaitable(answer):
            await answer
    except BaseException as error:
        leave_if_fork(error)
        raise
    leave_if_fork()


def _name(hook: Hook) -> str:
    return getattr(hook, "__qualname__", repr(hook))
