"""How much a process is given that has not begun all it was given before."""

import asyncio
import os
from collections.abc import AsyncIterator
from itertools import count

import pytest
from tests.unit.worker.fakes import a_run

from treadle_worker.adapters.outbound.run_under_way import RunUnderWay
from treadle_worker.adapters.outbound.unstarted import Unstarted
from treadle_worker.executor.last_started import LastStarted

FEW, MOST = 4, 16


class Scene:
    def __init__(self, last_started: LastStarted) -> None:
        self.last_started = last_started
        self.unstarted = Unstarted(last_started, lambda: None)
        self.sent: list[RunUnderWay] = []
        self._numbers = count(1)

    def send(self, *, seconds_ago: float = 0.0) -> RunUnderWay:
        sent_at = asyncio.get_running_loop().time() - seconds_ago
        state = RunUnderWay(
            run=a_run(),
            number=next(self._numbers),
            is_async=True,
            sent_at=sent_at,
            due=sent_at + 60,
        )
        self.unstarted.add(state)
        self.sent.append(state)
        return state

    def fill(self) -> int:
        """With how many it takes."""
        before = len(self.sent)
        while self.unstarted.has_room:
            self.send()
        return len(self.sent) - before


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    last_started, memory = LastStarted.made()
    os.close(memory)
    scene = Scene(last_started)
    yield scene
    scene.unstarted.stop()


async def test_a_process_that_starts_runs_soon_is_given_more_at_once(scene: Scene) -> None:
    assert scene.fill() == FEW

    for _ in range(MOST):
        scene.unstarted.remove(scene.sent[-1])
        scene.send()
    for state in scene.sent:
        scene.unstarted.remove(state)

    assert scene.fill() == MOST


async def test_what_only_its_memory_says_it_began_earns_it_no_more_than_one(scene: Scene) -> None:
    scene.fill()

    scene.last_started.number = scene.sent[0].number
    scene.unstarted.look()

    assert scene.sent[0].started_at is not None
    assert scene.fill() == 1


async def test_a_process_that_is_late_is_given_nothing(scene: Scene) -> None:
    late = scene.send(seconds_ago=0.2)

    assert not scene.unstarted.has_room
    scene.unstarted.started(late)
    assert scene.fill() == FEW
