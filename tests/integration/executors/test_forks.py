"""Forks of an executor: none of them is taken for it, and none lives on in its place."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from tests.eventually import eventually
from tests.integration.executors.child import Child, a_child, a_run_frame

from treadle_worker.executor.frames import Ended, Started, Succeeded

HANDLERS = "tests.integration.executors.forking_handlers:handlers"


@pytest.fixture
async def child() -> AsyncIterator[Child]:
    async with a_child(HANDLERS) as child:
        yield child


@pytest.mark.parametrize("how_called", ["fork", "fork.sync", "fork.to_thread", "fork.subtask"])
async def test_a_fork_that_leaves_its_handler_ends_and_says_nothing(
    child: Child, how_called: str
) -> None:
    ends = {}
    for how in ("return", "exit", "error"):
        run = a_run_frame(how_called, {"how": how})
        ends[how] = await child.outcome_of(run)
        frames = [type(frame) for frame in child.of(run)]
        assert frames in ([Started, Ended], [Ended])

    # From a task it comes back to the loop, which is none.
    returned = b"1" if how_called == "fork.subtask" else b"0"
    assert ends == {
        "return": Succeeded(returned),
        "exit": Succeeded(b"7"),
        "error": Succeeded(b"1"),
    }
    assert not psutil.Process(child.process.pid).children()
    assert await child.outcome_of(a_run_frame("pid")) == Succeeded(str(child.process.pid).encode())


async def test_a_fork_that_goes_on_awaiting_ends_and_runs_no_neighbour(
    child: Child, tmp_path: Path
) -> None:
    file = tmp_path / "lines"
    neighbours = [a_run_frame("line", str(file)) for _ in range(3)]
    forks = [a_run_frame("fork.awaits") for _ in range(3)]
    mixed = [run for pair in zip(neighbours, forks, strict=True) for run in pair]

    child.send(*mixed)

    ends = [await child.ended(run) for run in forks]
    assert ends == [Succeeded(b"1")] * 3
    assert [await child.ended(run) for run in neighbours] == [Succeeded(b"null")] * 3
    assert file.read_text(encoding="ascii").split() == [str(child.process.pid)] * 600


async def test_a_fork_that_lives_on_does_not_hold_the_socket(child: Child) -> None:
    outcome = await child.outcome_of(a_run_frame("fork.and_leave"))
    assert isinstance(outcome, Succeeded)
    fork = psutil.Process(json.loads(outcome.result))

    child.process.kill()

    await child.lost()
    assert fork.is_running()


async def test_a_fork_obeys_a_signal_that_comes_at_once(child: Child) -> None:
    outcome = await child.outcome_of(a_run_frame("signal", 50))

    assert outcome == Succeeded(b"[-15]")


@pytest.mark.parametrize("type", ["pool", "pool.async"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
async def test_pools_of_processes_work(child: Child, type: str, method: str) -> None:
    outcomes = [await child.outcome_of(a_run_frame(type, method)) for _ in range(2)]

    assert outcomes == [Succeeded(b"[1,2,3]")] * 2


@pytest.mark.parametrize("type", ["programs", "programs.async"])
async def test_programs_can_be_run_one_after_the_other(child: Child, type: str) -> None:
    assert await child.outcome_of(a_run_frame(type, 100)) == Succeeded(b"0")
    assert not psutil.Process(child.process.pid).children()


FORKS_WHILE_LOADED = """
import os
from treadle import Handlers
handlers = Handlers()

if {at_import}:
    os.fork()

@handlers.startup
async def fork():
    if not {at_import}:
        os.fork()

@handlers.register("children")
def children(payload):
    try:
        while True:
            os.wait()
    except ChildProcessError:
        return "none"
"""


@pytest.mark.parametrize("at_import", [True, False])
async def test_a_fork_made_while_the_handlers_are_loaded_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_import: bool
) -> None:
    source = FORKS_WHILE_LOADED.format(at_import=at_import)
    (tmp_path / "forks_early.py").write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    async with a_child("forks_early:handlers") as child:
        assert await child.outcome_of(a_run_frame("children")) == Succeeded(b'"none"')


async def test_a_fork_in_a_thread_of_the_pool_leaves_its_seat_usable(child: Child) -> None:
    for _ in range(5):
        await child.outcome_of(a_run_frame("fork.sync", {"how": "return"}))

    outcome = await child.outcome_of(a_run_frame("pid.sync"))

    assert isinstance(outcome, Succeeded)
    assert json.loads(outcome.result)[0] == child.process.pid
    await eventually(lambda: not psutil.Process(child.process.pid).children())
