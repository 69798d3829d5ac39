import asyncio
import json
from datetime import timedelta

import pytest
from tests.integration.executors.runs import CREATED_AT, a_run, reports_of

from treadle_domain.job_error import (
    MAX_MESSAGE_CHARS,
    MAX_TRACEBACK_CHARS,
    ErrorKind,
    JobError,
)
from treadle_domain.outcomes import Failed, Outcome, Snoozed, Succeeded
from treadle_worker.adapters.outbound.executor_pool import ExecutorPool

BOTH = pytest.mark.parametrize("type", ["raise", "raise.sync"])


async def test_an_async_handler_gets_payload_and_context(pool: ExecutorPool) -> None:
    run = a_run("echo", {"a": [1, "ä"]})

    [report] = await reports_of(pool, run)

    expected = {"payload": {"a": [1, "ä"]}, "attempt": 2, "at": CREATED_AT.isoformat()}
    assert report.outcome == Succeeded()
    assert json.loads(report.result or b"") == expected


async def test_a_sync_handler_runs_in_a_thread(pool: ExecutorPool) -> None:
    run = a_run("echo.sync", 1)

    [report] = await reports_of(pool, run)

    assert json.loads(report.result or b"") == {"payload": 1, "thread": True}


@BOTH
@pytest.mark.parametrize(
    ("raised", "kind", "name"),
    [
        ("value_error", ErrorKind.ERROR, "ValueError"),
        ("system_exit", ErrorKind.ERROR, "SystemExit"),
        ("keyboard_interrupt", ErrorKind.ERROR, "KeyboardInterrupt"),
        ("generator_exit", ErrorKind.ERROR, "GeneratorExit"),
        ("group", ErrorKind.ERROR, "BaseExceptionGroup"),
        ("cancelled", ErrorKind.ERROR, "CancelledError"),
        ("timeout_error", ErrorKind.ERROR, "TimeoutError"),
        ("unspeakable", ErrorKind.ERROR, "Unspeakable"),
        ("surrogate", ErrorKind.ERROR, "ValueError"),
        ("huge_message", ErrorKind.ERROR, "ValueError"),
        ("huge_group", ErrorKind.ERROR, "ExceptionGroup"),
        ("deep_chain", ErrorKind.ERROR, "ValueError"),
        ("recursion", ErrorKind.ERROR, "RecursionError"),
        ("permanent", ErrorKind.PERMANENT, "Permanent"),
        ("permanent_in_group", ErrorKind.PERMANENT, "ExceptionGroup"),
        ("unserialisable", ErrorKind.PERMANENT, "ResultNotSerializable"),
        ("nan", ErrorKind.PERMANENT, "ResultNotSerializable"),
        ("too_large", ErrorKind.PERMANENT, "ResultTooLarge"),
    ],
)
async def test_whatever_a_handler_raises_is_told_and_the_process_survives(
    pool: ExecutorPool, type: str, raised: str, kind: ErrorKind, name: str
) -> None:
    before = list(pool.pids)

    [report, after] = await reports_of(pool, a_run(type, raised), a_run("pid"))

    error = error_of(report.outcome)
    assert (error.kind, error.type) == (kind, name)
    assert len(error.message) <= MAX_MESSAGE_CHARS
    assert 0 < len(error.traceback) <= MAX_TRACEBACK_CHARS
    assert json.loads(after.result or b"") in before


def error_of(outcome: Outcome) -> JobError:
    assert isinstance(outcome, Failed), outcome
    return outcome.error


@BOTH
@pytest.mark.parametrize(
    ("raised", "name"),
    [
        ("faulty_getattr", "FaultyGetattr"),
        ("of_no_name", "Untellable"),
        ("hollow_snooze", "Untellable"),
    ],
)
async def test_an_exception_that_resists_being_looked_at_ends_its_run(
    pool: ExecutorPool, type: str, raised: str, name: str
) -> None:
    before = list(pool.pids)

    async with asyncio.timeout(10):
        [report, after] = await reports_of(pool, a_run(type, raised), a_run("pid"))

    error = error_of(report.outcome)
    assert (error.kind, error.type) == (ErrorKind.ERROR, name)
    assert json.loads(after.result or b"") in before


async def test_stop_iteration_of_a_sync_handler_is_an_error(pool: ExecutorPool) -> None:
    run = a_run("raise.sync", "stop_iteration")

    [report] = await reports_of(pool, run)

    assert error_of(report.outcome).type == "StopIteration"


async def test_an_exit_in_a_task_of_the_handler_spares_the_process(pool: ExecutorPool) -> None:
    other = a_run("sleep", 0.2)

    [report, slept] = await reports_of(pool, a_run("exit_in_subtask"), other)

    assert error_of(report.outcome).type == "SystemExit"
    assert slept.outcome == Succeeded()


@BOTH
async def test_a_snooze_carries_its_delay(pool: ExecutorPool, type: str) -> None:
    run = a_run(type, "snooze")

    [report] = await reports_of(pool, run)

    assert report.outcome == Snoozed(delay=timedelta(seconds=90))


@pytest.mark.parametrize("payload", [{"number": "one"}, {}, [], None])
async def test_a_payload_that_does_not_fit_is_permanent(
    pool: ExecutorPool, payload: object
) -> None:
    run = a_run("order", payload)

    [report] = await reports_of(pool, run)

    error = error_of(report.outcome)
    assert (error.kind, error.type) == (ErrorKind.PERMANENT, "PayloadInvalid")


@pytest.mark.parametrize("type", ["sleep", "sleep.sync", "refuse_to_end"])
async def test_a_run_that_overran_is_a_timeout(pool: ExecutorPool, type: str) -> None:
    run = a_run(type, 0.5, timeout_seconds=0.1)

    [report] = await reports_of(pool, run)

    assert error_of(report.outcome).kind is ErrorKind.TIMEOUT


async def test_the_end_of_a_long_traceback_is_kept(pool: ExecutorPool) -> None:
    run = a_run("raise", "deep_chain")

    [report] = await reports_of(pool, run)

    assert error_of(report.outcome).traceback.endswith("ValueError: 99999\n")


async def test_a_type_without_a_handler_is_an_error(pool: ExecutorPool) -> None:
    run = a_run("no.such")

    [report] = await reports_of(pool, run)

    assert "no.such" in error_of(report.outcome).message
