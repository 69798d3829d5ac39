"""A process that user code forked is a copy of the executor: it may do what it likes, but never the executor's work.

The socket is taken from it, and it ends where its code comes back to ours. What runs user code in a fork for a living,
such as multiprocessing, ends by itself before that.
"""

import asyncio
import contextlib
import os
import selectors
import socket
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

_Parameters = ParamSpec("_Parameters")
_Returned = TypeVar("_Returned")

_EXECUTOR = os.getpid()


def is_fork() -> bool:
    return os.getpid() != _EXECUTOR


def leave_if_fork(error: BaseException | None = None) -> None:
    """Ends a forked process as Python ends a program that `error` leaves, but leaves the cleaning to its parent."""
    if is_fork():
        status = 1
        try:
            status = _told_status(error)
            sys.stdout.flush()
        finally:
            os._exit(status)


def leave_the_loop_if_fork() -> None:
    leave_if_fork(
        RuntimeError("a forked process cannot go on awaiting: its event loop is its parent's")
    )


def _told_status(error: BaseException | None) -> int:
    if error is None:
        return 0
    if not isinstance(error, SystemExit):
        traceback.print_exception(error)
        return 1
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xFF
    print(error.code, file=sys.stderr)  # noqa: T201 - what Python does
    return 1


def take_from_forks(end: socket.socket) -> None:
    """Forked processes find nothing at its descriptor: frames of theirs would be taken for the executor's."""

    def replace() -> None:
        if (descriptor := end.fileno()) >= 0:
            # Not closed: the number must not be given to another file, which ours would then write to.
            with contextlib.suppress(OSError):
                nothing = os.open(os.devnull, os.O_RDWR)
                os.dup2(nothing, descriptor, inheritable=False)
                os.close(nothing)

    os.register_at_fork(after_in_child=replace)


class Threads(ThreadPoolExecutor):
    """A fork that comes back from what it called ends, instead of waiting for work that never comes."""

    def submit(
        self,
        function: Callable[_Parameters, _Returned],
        /,
        *arguments: _Parameters.args,
        **named: _Parameters.kwargs,
    ) -> Future[_Returned]:
        return super().submit(lambda: _called(function, *arguments, **named))


def _called(
    function: Callable[_Parameters, _Returned],
    *arguments: _Parameters.args,
    **named: _Parameters.kwargs,
) -> _Returned:
    try:
        returned = function(*arguments, **named)
    except BaseException as error:
        leave_if_fork(error)
        raise
    leave_if_fork()
    return returned


class _Selector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        # The fork's is the very same kernel object: it would take events away from the executor.
        leave_the_loop_if_fork()
        return super().select(timeout)


def new_loop() -> asyncio.AbstractEventLoop:
    """It does not go on in a fork: the next turn of the loop ends it, and no other task has a turn before."""
    loop = asyncio.SelectorEventLoop(_Selector())
    # Private, but there is no other way to keep the tasks that are due in this very turn from running twice. Without
    # them the loop raises, or selects.
    due = getattr(loop, "_ready", None)
    if due is not None:
        os.register_at_fork(after_in_child=due.clear)
    loop.set_default_executor(Threads(thread_name_prefix="asyncio"))
    asyncio.set_event_loop(loop)
    return loop
