"""What was wrong with an executor process that is gone, and what becomes of its runs."""

import asyncio

import structlog

from treadle_worker.adapters.outbound.executor_process import ExecutorProcess
from treadle_worker.adapters.outbound.run_results import RunResults
from treadle_worker.adapters.outbound.run_tally import Restart
from treadle_worker.adapters.outbound.run_under_way import never_started, words_for
from treadle_worker.application.runs import HandlersRefused
from treadle_worker.executor.frames import Ready, Refused

_log = structlog.get_logger()


def bury(process: ExecutorProcess, results: RunResults, status: int) -> None:
    if process.died_by_itself(status):
        _log.warning(
            "executor died", pid=process.pid, status=words_for(status), runs=len(process.runs)
        )
    now = asyncio.get_running_loop().time()
    for state in process.runs.values():
        fate = process.fate_of(state, status)
        results.not_ended(state.run, fate)
        if not never_started(fate):
            results.tally.run_over(state.run, state.lasted(now))
    process.runs.clear()


def failure_of(
    process: ExecutorProcess, greeting: Ready | Refused | None, status: int
) -> HandlersRefused | str | None:
    """None if its life was of use."""
    if isinstance(greeting, Refused):
        return HandlersRefused(greeting.reason, greeting.traceback)
    if not process.died_by_itself(status):
        return None
    if isinstance(greeting, Ready):
        return None if process.has_ended_a_run else f"it ended with {words_for(status)}"
    handlers = process.program.handlers
    return HandlersRefused(
        f"the executor ended with {words_for(status)} while it loaded {handlers}"
    )


def restart_of(process: ExecutorProcess, greeting: Ready | Refused | None, status: int) -> Restart:
    if not isinstance(greeting, Ready):
        return Restart.REFUSED
    if process.was_overrun:
        return Restart.OVERRUN
    return Restart.DIED if process.died_by_itself(status) else Restart.VOID
