"""What a run tells of itself: often enough, not too often, and nothing after its end."""

import json
from collections.abc import AsyncIterator

import pytest
from tests.integration.executors.child import Child, a_child, a_run_frame

from treadle.interruption import Interruption
from treadle_worker.executor.frames import Ended, Run, Succeeded

HANDLERS = "tests.integration.executors.telling_handlers:handlers"


@pytest.fixture
async def child() -> AsyncIterator[Child]:
    async with a_child(HANDLERS) as child:
        yield child


def last_told(child: Child, run: Run) -> tuple[float | None, str, object]:
    fraction, note, checkpoint = None, "", b"null"
    for told in child.all_told(run):
        if told.fraction is not None:
            fraction, note = told.fraction, told.note
        if told.checkpoint is not None:
            checkpoint = told.checkpoint
    return fraction, note, json.loads(checkpoint)


@pytest.mark.parametrize("count", [1, 3_000])
async def test_the_last_of_each_leaves_before_the_end(child: Child, count: int) -> None:
    types = ["tell", "tell.sync", "tell.in_a_thread", "tell_and_fail"]
    runs = [a_run_frame(type, count) for type in types]

    child.send(*runs)
    for run in runs:
        await child.ended(run)

    expected = (1.0, f"{count} of {count}", {"done": count})
    assert [last_told(child, run) for run in runs] == [expected] * len(runs)
    assert all(isinstance(child.of(run)[-1], Ended) for run in runs)


@pytest.mark.parametrize("why", [Interruption.TIMEOUT, Interruption.DRAIN])
async def test_a_run_that_is_asked_tells_its_last_as_well(child: Child, why: Interruption) -> None:
    run = a_run_frame("tell_when_asked", 3)
    child.send(run)
    await child.started(run)

    child.ask(run, why)
    await child.ended(run)

    assert last_told(child, run) == (1.0, "3 of 3", {"done": 3})


async def test_what_is_told_all_the_time_is_sent_now_and_then(child: Child) -> None:
    run = a_run_frame("tell_for", 0.6)

    await child.outcome_of(run)

    told = child.all_told(run)
    assert sum(one.fraction is not None for one in told) <= 3
    assert 1 < sum(one.checkpoint is not None for one in told) <= 14


async def test_a_checkpoint_is_out_before_the_handler_goes_on(child: Child) -> None:
    blocked, dead = a_run_frame("tell_and_block", 60), a_run_frame("tell_and_die")

    child.send(blocked)

    assert (await child.told(blocked)).checkpoint == b'"before it blocked"'
    async with a_child(HANDLERS) as other:
        other.send(dead)
        assert (await other.told(dead)).checkpoint == b'"before it died"'


async def test_nothing_is_told_after_the_end(child: Child) -> None:
    run = a_run_frame("tell_afterwards")

    await child.outcome_of(run)
    await child.outcome_of(a_run_frame("tell_for", 0.2))

    assert isinstance(child.of(run)[-1], Ended)


async def test_the_next_run_gets_what_was_kept(child: Child) -> None:
    outcomes = [
        await child.outcome_of(a_run_frame("go_on", checkpoint=checkpoint))
        for checkpoint in (b'{"done":7}', None)
    ]

    assert outcomes == [Succeeded(b'{"done":7}'), Succeeded(b"null")]


async def test_a_run_that_tells_nothing_sends_nothing_of_it(child: Child) -> None:
    run = a_run_frame("nothing")

    await child.outcome_of(run)

    assert [type(frame) for frame in child.of(run)] == [Ended]
