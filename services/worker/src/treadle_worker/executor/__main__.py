"""`python -m treadle_worker.executor --handlers package.module:attribute --fd N --threads T`, started by a worker.

With `--memory-mb M` for one run only, which gets that much memory.
"""

import argparse
import asyncio
import os
import socket
import sys
import traceback
from collections.abc import Coroutine
from pathlib import Path

from treadle_worker.executor.forks import (
    leave_if_fork,
    leave_the_loop_if_fork,
    new_loop,
    take_from_forks,
)
from treadle_worker.executor.frames import packed
from treadle_worker.executor.last_started import LastStarted
from treadle_worker.executor.lifeline import (
    die_with_the_worker,
    keep_stdout_harmless,
    outlive_signals,
    yield_to_the_worker,
)
from treadle_worker.executor.loading import LoadRefused, load, prepared
from treadle_worker.executor.memory import MemoryLimit
from treadle_worker.executor.serving import live


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m treadle_worker.executor", allow_abbrev=False)
    parser.add_argument("--handlers", required=True)
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--last-started-fd", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--memory-mb", type=int)
    arguments = parser.parse_args()

    outlive_signals()
    end = socket.socket(fileno=arguments.fd)
    end.set_inheritable(False)
    die_with_the_worker(end)
    take_from_forks(end)
    keep_stdout_harmless()
    yield_to_the_worker()
    limit = None if arguments.memory_mb is None else MemoryLimit(arguments.memory_mb)
    last_started = LastStarted(arguments.last_started_fd)
    os.close(arguments.last_started_fd)
    _execute(end, arguments.handlers, arguments.threads, last_started, limit)


def _execute(
    end: socket.socket,
    reference: str,
    threads: int,
    last_started: LastStarted,
    memory_limit: MemoryLimit | None,
) -> None:
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        # Outside the loop: a module may run one of its own while it is imported.
        handlers = load(reference)
        loaded = prepared(handlers)
    except LoadRefused as refused:
        end.sendall(packed(refused.frame))
    else:
        _drive(live(end, handlers, loaded, threads, last_started, memory_limit))


def _drive(life: Coroutine[None, None, None]) -> None:
    """A SystemExit or KeyboardInterrupt in a task of user code leaves the loop: it is entered again."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        loop = runner.get_loop()
        task = loop.create_task(life)
        while not task.done():
            try:
                loop.run_until_complete(task)
            except (SystemExit, KeyboardInterrupt) as error:
                leave_if_fork(error)
            except BaseException as problem:  # noqa: BLE001 - the process ends
                leave_the_loop_if_fork()
                # User code stopped or broke the loop. To clean up would be to cancel its neighbours, and charge them.
                traceback.print_exception(problem)
                os._exit(1)


if __name__ == "__main__":
    main()
