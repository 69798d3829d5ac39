"""The worker's end of its guard: what is told is current, whatever happens to the guard."""

import os
import signal
from collections.abc import AsyncIterator
from uuid import uuid4

import psutil
import pytest
from tests.eventually import eventually
from tests.integration.worker.guarded import groups, running

from treadle_worker.adapters.outbound import guard_process
from treadle_worker.adapters.outbound.guard_process import GuardProcess
from treadle_worker.guard.boot_clock import boot_seconds

SLEEP = ["sleep", "600"]
NOWHERE = "127.0.0.1:1"


@pytest.fixture
async def guard() -> AsyncIterator[GuardProcess]:
    async with GuardProcess(NOWHERE) as guard:
        yield guard


async def test_it_is_there_before_the_block_begins_and_gone_after_it() -> None:
    async with GuardProcess(NOWHERE) as guard:
        pid = guard.pid
        assert pid is not None
        assert psutil.pid_exists(pid)
        guard.session(uuid4())

    assert not psutil.pid_exists(pid)


async def test_another_one_is_told_all_that_is_current(guard: GuardProcess) -> None:
    with groups(SLEEP, SLEEP) as [gone, left]:
        guard.born(gone.pid)
        guard.born(left.pid)
        guard.gone(gone.pid)
        first = await _killed(guard)
        await eventually(lambda: guard.pid not in (None, first))

        guard.until(boot_seconds())

        await eventually(lambda: not running(left.pid))
        assert running(gone.pid)


async def test_what_is_told_while_there_is_none_is_told_to_the_next(guard: GuardProcess) -> None:
    with groups(SLEEP) as [leader]:
        await _killed(guard)
        guard.born(leader.pid)
        guard.until(boot_seconds())

        await eventually(lambda: not running(leader.pid))


async def test_one_that_does_not_read_holds_nothing_up_and_is_replaced(
    guard: GuardProcess,
) -> None:
    first = guard.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)

    for deadline in range(100_000):
        guard.until(boot_seconds() + 600 + deadline)

    await eventually(lambda: guard.pid not in (None, first))
    assert not psutil.pid_exists(first)


async def test_without_any_the_worker_goes_on(
    guard: GuardProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_process, "_PAUSE_SECONDS", 0.0)
    for _ in range(5):
        await eventually(lambda: guard.pid is not None)
        await _killed(guard)

    guard.born(2**22 + 1)
    guard.until(boot_seconds())

    assert guard.pid is None


async def test_a_worker_that_ends_with_an_error_is_cleaned_up_after() -> None:
    with groups(SLEEP) as [leader]:
        with pytest.raises(ZeroDivisionError):
            await _fail_with(leader.pid)

        assert not running(leader.pid)


async def _fail_with(pgid: int) -> None:
    async with GuardProcess(NOWHERE) as guard:
        guard.born(pgid)
        raise ZeroDivisionError


async def _killed(guard: GuardProcess) -> int:
    pid = guard.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: guard.pid != pid)
    return pid
