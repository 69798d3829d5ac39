"""How a run ends that its worker asked to end; the executor alone, its worker is played by the test."""

import json
from collections.abc import AsyncIterator

import pytest
from tests.eventually import eventually
from tests.integration.executors.child import Child, a_child, a_run_frame

from treadle.interruption import Interruption
from treadle_worker.executor.frames import (
    Ask,
    Drain,
    Ended,
    Failed,
    GivenBack,
    Heard,
    Outcome,
    Snoozed,
    Started,
    Stop,
    Succeeded,
)

HANDLERS = "tests.integration.executors.asked_handlers:handlers"

BOTH = pytest.mark.parametrize("type", ["asked", "asked.sync"])


@pytest.fixture
async def child() -> AsyncIterator[Child]:
    async with a_child(HANDLERS, threads=1) as child:
        yield child


def word(outcome: Outcome) -> str:
    return outcome.kind.value if isinstance(outcome, Failed) else type(outcome).__name__


async def asked(child: Child, type: str, deed: str, why: Interruption) -> Outcome:
    run = a_run_frame(type, deed)
    child.send(run)
    await child.started(run)
    child.ask(run, why)
    return await child.ended(run)


@BOTH
async def test_what_finishes_counts_and_all_else_is_given_back(child: Child, type: str) -> None:
    expected = {
        "return": "Succeeded",
        "unserialisable": "permanent",
        "snooze": "Snoozed",
        "permanent": "permanent",
        "interrupted": "GivenBack",
        "group": "GivenBack",
        "mixed group": "GivenBack",
        "error": "GivenBack",
        "exit": "GivenBack",
        "cancelled": "GivenBack",
    }

    ends = {
        (deed, why): word(await asked(child, type, deed, why))
        for deed in expected
        for why in (Interruption.CANCEL, Interruption.DRAIN, Interruption.LOST)
    }

    assert ends == {(deed, why): expected[deed] for deed, why in ends}


@BOTH
async def test_a_timeout_is_one_whatever_the_handler_makes_of_it(child: Child, type: str) -> None:
    deeds = ["return", "unserialisable", "snooze", "permanent", "interrupted", "error", "cancelled"]

    ends = [word(await asked(child, type, deed, Interruption.TIMEOUT)) for deed in deeds]

    assert ends == ["timeout"] * len(deeds)


async def test_a_timeout_says_how_long_and_where_the_time_went(child: Child) -> None:
    outcome = await asked(child, "asked", "error", Interruption.TIMEOUT)

    assert isinstance(outcome, Failed)
    assert "30 seconds" in outcome.message
    assert outcome.traceback.endswith("ValueError: boom\n")


async def test_interrupted_unasked_is_an_error_like_any_other(child: Child) -> None:
    ends = [
        word(await child.outcome_of(a_run_frame("at_once", deed)))
        for deed in ("interrupted", "group")
    ]

    assert ends == ["error", "error"]


async def test_a_drain_is_seen_by_present_and_future_runs_and_cancels_none(child: Child) -> None:
    present, future = a_run_frame("watch", "interrupted"), a_run_frame("watch", "return")
    child.send(present)
    await child.started(present)

    child.send(Drain(), future)

    assert await child.ended(present) == GivenBack()
    assert await child.ended(future) == Succeeded(b'"done"')


async def test_after_a_drain_an_error_is_still_an_error(child: Child) -> None:
    child.send(Drain())

    ends = [
        word(await child.outcome_of(a_run_frame("at_once", deed)))
        for deed in ("error", "mixed group", "group")
    ]

    assert ends == ["error", "error", "GivenBack"]


async def test_the_first_ask_gives_the_word_and_overrides_the_drain(child: Child) -> None:
    run = a_run_frame("words")
    child.send(run)
    await child.started(run)
    child.send(Drain())
    await child.told(run)

    child.ask(run, Interruption.CANCEL)
    child.ask(run, Interruption.LOST)

    outcome = await child.ended(run)
    assert isinstance(outcome, Succeeded)
    assert json.loads(outcome.result) == ["drain", "cancel"]


async def test_a_run_is_cancelled_once_however_often_it_is_asked(child: Child) -> None:
    run = a_run_frame("stubborn", 0.3)
    child.send(run)
    await child.started(run)

    for _ in range(3):
        child.ask(run, Interruption.LOST)
        await child.outcome_of(a_run_frame("at_once", "return"))

    assert await child.ended(run) == Succeeded(b"1")


async def test_every_ask_is_heard_also_of_runs_unknown(child: Child) -> None:
    unknown, over = a_run_frame("asked", "return"), a_run_frame("at_once", "return")
    await child.outcome_of(over)

    for run in (unknown, over):
        child.ask(run, Interruption.CANCEL)
        await child.heard(run)

    assert child.of(unknown) == [Heard(unknown.job_id, 1)]


@pytest.mark.parametrize("type", ["asked", "asked.sync"])
async def test_a_run_asked_before_it_started_never_starts(child: Child, type: str) -> None:
    run = a_run_frame(type, "return")

    child.send(run, Ask(run.job_id, run.fence, Interruption.CANCEL))

    assert await child.ended(run) == GivenBack(unstarted=True)
    assert not any(isinstance(frame, Started) for frame in child.of(run))


async def test_a_run_that_waits_for_a_thread_has_not_started(child: Child) -> None:
    running, waiting = a_run_frame("asked.sync", "return"), a_run_frame("asked.sync", "error")
    child.send(running)
    await child.started(running)

    child.send(waiting)
    child.ask(waiting, Interruption.TIMEOUT)

    assert await child.ended(waiting) == GivenBack(unstarted=True)
    child.ask(running, Interruption.DRAIN)
    assert await child.ended(running) == Succeeded(b'"done"')
    assert not any(isinstance(frame, Started) for frame in child.of(waiting))


async def test_a_thread_is_free_for_the_next_run_as_soon_as_one_ended(child: Child) -> None:
    runs = [a_run_frame("asked.sync", "return") for _ in range(3)]
    child.send(*runs)

    for run in runs:
        await child.started(run)
        child.ask(run, Interruption.DRAIN)
        await child.ended(run)

    starts_and_ends = [type(frame) for frame in child.frames if isinstance(frame, Started | Ended)]
    assert starts_and_ends == [Started, Ended] * 3


async def test_a_handler_that_returned_before_it_was_asked_is_what_it_returned(
    child: Child,
) -> None:
    run = a_run_frame("returning", 0.3)
    child.send(run)
    await child.started(run)
    await child.outcome_of(a_run_frame("block", 0.05))

    child.ask(run, Interruption.TIMEOUT)

    assert await child.ended(run) == Succeeded(b'"written"')
    assert isinstance(child.of(run)[1], Heard)


async def test_a_worker_can_know_which_handler_keeps_the_loop_to_itself(child: Child) -> None:
    before, blocking, behind = [a_run_frame("block", seconds) for seconds in (0, 60, 0)]

    child.send(before, blocking, behind)

    await eventually(lambda: child.last_started.number == blocking.number)
    assert child.of(behind) == []


async def test_an_end_is_told_before_a_neighbour_keeps_the_loop_to_itself(child: Child) -> None:
    quick, blocking = a_run_frame("at_once", "return"), a_run_frame("block", 60)

    child.send(quick, blocking)

    assert await child.ended(quick) == Succeeded(b'"done"')
    assert child.last_started.number == blocking.number


async def test_stop_asks_all_and_ends_the_process(child: Child) -> None:
    runs = [
        a_run_frame("asked", "error"),
        a_run_frame("asked", "snooze"),
        a_run_frame("asked.sync", "return"),
    ]
    waiting = a_run_frame("asked.sync", "return")
    child.send(*runs, waiting)
    for run in runs:
        await child.started(run)

    child.send(Stop())

    assert await child.gone() == 0
    assert [await child.ended(run) for run in (*runs, waiting)] == [
        GivenBack(),
        Snoozed(7.0),
        Succeeded(b'"done"'),
        GivenBack(unstarted=True),
    ]


async def test_a_run_that_comes_twice_runs_once(child: Child) -> None:
    run = a_run_frame("asked", "return")

    child.send(run, run)
    await child.started(run)
    child.ask(run, Interruption.DRAIN)
    await child.ended(run)
    await child.outcome_of(a_run_frame("at_once", "return"))

    assert [type(frame) for frame in child.of(run)] == [Started, Heard, Ended]
