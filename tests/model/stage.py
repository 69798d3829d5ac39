"""Where the machine plays: a store, its clock, and a way to look at what it holds."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from tests.model.calls import Store
from tests.model.job_rules import ModelJob
from tests.model.world import Answer, ModelSession, World

T = TypeVar("T")


class Crashed(Exception):
    """The store died in the middle of a call, or its answer did not arrive."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a store holds, in the words of the model."""

    jobs: Mapping[UUID, ModelJob]
    sessions: Mapping[UUID, ModelSession]
    up: timedelta
    ticked_at: datetime
    strays: tuple[str, ...] = ()
    """Rows that should not be: a job in two tables, a hold of a job that does not run."""

    def settle(self, before: World, after: World) -> World:
        """After a call that crashed: whatever it changes must have changed wholly or not at all."""
        assert (self.up, self.ticked_at) in [(w.up, w.ticked_at) for w in (before, after)]
        return replace(
            after,
            up=self.up,
            ticked_at=self.ticked_at,
            jobs=_settled(self.jobs, before.jobs, after.jobs),
            sessions=_settled(self.sessions, before.sessions, after.sessions),
        )


def _settled(
    seen: Mapping[UUID, T], before: Mapping[UUID, T], after: Mapping[UUID, T]
) -> Mapping[UUID, T]:
    for key in {*seen, *before, *after}:
        assert seen.get(key) in (before.get(key), after.get(key)), f"half done: {seen.get(key)}"
    # Rows come in any order, and what is drawn next must not depend on it.
    return {key: seen[key] for key in sorted(seen)}


class Scene(Protocol):
    """A store, from its beginning."""

    @property
    def store(self) -> Store: ...

    def advance(self, by: timedelta) -> None: ...

    def look(self) -> Seen: ...


class Stage:
    """One event loop for all examples. `steps` counts the calls of all of them."""

    def __init__(self, runner: asyncio.Runner, new_scene: Callable[[], Scene]) -> None:
        self._runner = runner
        self._new_scene = new_scene
        self.steps = 0

    def begin(self) -> datetime:
        self.scene = self._new_scene()
        self._left = asyncio.Event()
        self._stay = self._runner.get_loop().create_task(self._hand_over())
        return self.look().ticked_at

    def end(self) -> None:
        self._left.set()
        self._runner.run(self._rest())

    def run(self, call: Callable[[Store], Awaitable[Answer]]) -> Answer:
        self.steps += 1

        async def answer() -> Answer:
            return await call(self.scene.store)

        return self._runner.run(answer())

    def advance(self, by: timedelta) -> None:
        self.scene.advance(by)

    def look(self) -> Seen:
        return self.scene.look()

    def take_told(self) -> list[UUID]:
        """The ends that those who wait were told of since the last time."""
        ends = self.scene.store.job_ends
        told, ends.told = ends.told, []
        return told

    async def _hand_over(self) -> None:
        async with self.scene.store.hand_over:
            await self._left.wait()

    async def _rest(self) -> None:
        await self._stay
