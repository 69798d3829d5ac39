"""What wants much memory, output or processor is a matter of its own run only."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import psutil
import pytest
from tests.integration.executors.child import Child, a_child, a_run_frame

from treadle_worker.executor.frames import Failed, FailureKind, Ready, Succeeded

HANDLERS = "tests.integration.executors.greedy_handlers:handlers"

OUTPUT_MIB = 16

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="nothing bounds memory there")


@pytest.fixture
async def child() -> AsyncIterator[Child]:
    async with a_child(HANDLERS) as child:
        yield child


@pytest.fixture
async def limited() -> AsyncIterator[Child]:
    async with a_child(HANDLERS, "--memory-mb", "64", threads=1) as child:
        yield child


@ON_LINUX
@pytest.mark.parametrize(
    ("type", "how"),
    [
        ("devour", "at_once"),
        ("devour", "bit_by_bit"),
        ("devour.sync", "bit_by_bit"),
        ("devour.sync", "small_objects"),
        ("devour.to_thread", "at_once"),
    ],
)
async def test_a_run_that_needs_more_than_its_memory_is_told_so(
    limited: Child, type: str, how: str
) -> None:
    before = psutil.Process(limited.process.pid).memory_info().rss

    outcome = await limited.outcome_of(a_run_frame(type, how))

    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.type) == (FailureKind.OOM, "MemoryError")
    assert psutil.Process(limited.process.pid).memory_info().rss < before + 72 * 1_048_576


@pytest.mark.parametrize("type", ["devour", "devour.sync"])
async def test_a_run_gets_the_memory_that_it_was_promised(type: str) -> None:
    """24 MiB and a little: neither the interpreter nor the stack of its thread are the run's own use."""
    async with a_child(HANDLERS, "--memory-mb", "30", threads=1) as child:
        assert await child.outcome_of(a_run_frame(type, "modest")) == Succeeded(b"25165824")


async def test_a_kind_of_memory_error_counts_as_one(limited: Child) -> None:
    outcomes = [
        await limited.outcome_of(a_run_frame("devour", how)) for how in ("subclass", "group")
    ]

    kinds = [outcome.kind for outcome in outcomes if isinstance(outcome, Failed)]
    assert kinds == [FailureKind.OOM] * 2


async def test_without_a_limit_a_memory_error_is_an_error(child: Child) -> None:
    outcome = await child.outcome_of(a_run_frame("devour", "subclass"))

    assert isinstance(outcome, Failed)
    assert outcome.kind is FailureKind.ERROR


@ON_LINUX
async def test_what_was_told_before_the_memory_was_gone_is_kept(limited: Child) -> None:
    run = a_run_frame("tell_at_the_limit")

    outcome = await limited.outcome_of(run)

    assert isinstance(outcome, Failed)
    assert [told.checkpoint for told in limited.all_told(run)] == [b'"before"']


async def test_what_handlers_say_of_their_processes_is_announced(child: Child) -> None:
    ready = await child.greeting()

    assert isinstance(ready, Ready)
    devour, plain = ready.handlers["devour"], ready.handlers["print"]
    assert (devour.isolated, devour.memory_mb, devour.concurrency) == (True, 64, 3)
    assert (plain.isolated, plain.memory_mb, plain.concurrency) == (False, None, None)


async def test_executors_yield_to_their_worker(child: Child) -> None:
    niceness = min(19, os.nice(0) + 5)

    assert await child.outcome_of(a_run_frame("niceness")) == Succeeded(str(niceness).encode())


async def test_a_loop_that_keeps_the_interpreter_has_started_for_its_worker(child: Child) -> None:
    run = a_run_frame("regex")

    child.send(run)

    await child.started(run)
    assert len(child.of(run)) == 1


async def test_much_output_flows_off_and_fills_no_memory() -> None:
    source, sink = os.pipe()
    async with a_child(HANDLERS, stderr=sink) as child:
        os.close(sink)
        process = psutil.Process(child.process.pid)
        before = process.memory_info().rss
        run = a_run_frame("print", OUTPUT_MIB)
        child.send(run)

        size = await asyncio.to_thread(read_of, source, 2 * OUTPUT_MIB * 1_048_576)

        assert await child.ended(run) == Succeeded(b"0")
        assert size == 2 * OUTPUT_MIB * 1_048_576
        assert process.memory_info().rss < before + 8 * 1_048_576
    os.close(source)


async def test_output_that_nobody_reads_stops_its_own_run_only() -> None:
    source, sink = os.pipe()
    async with a_child(HANDLERS, stderr=sink) as child:
        os.close(sink)
        run = a_run_frame("print", OUTPUT_MIB)
        child.send(run)
        await child.started(run)

        others = [await child.outcome_of(a_run_frame("niceness")) for _ in range(20)]

        assert all(isinstance(other, Succeeded) for other in others)
        assert len(child.of(run)) == 1
    os.close(source)


async def test_the_worker_s_log_stays_as_it_was() -> None:
    source, sink = os.pipe()
    async with a_child(HANDLERS, stderr=sink) as child:
        await child.outcome_of(a_run_frame("stdio_nonblocking"))

        assert os.get_blocking(sink)
    os.close(source)
    os.close(sink)


def read_of(source: int, most: int) -> int:
    size = 0
    while size < most:
        size += len(os.read(source, 65_536))
    return size
