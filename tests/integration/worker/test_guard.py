"""The guard as a process, told by the test as a worker tells it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest
from tests.builders import a_session
from tests.eventually import eventually
from tests.integration.api.serving_store import ServingStore
from tests.integration.worker.guarded import groups, loop_in_c, running

from treadle_domain.worker_session import SessionEnd, WorkerSession
from treadle_worker.guard.boot_clock import boot_seconds

SLEEP = ["sleep", "600"]


@dataclass
class Guarding:
    """A guard, and the test as its worker."""

    process: subprocess.Popen[bytes]
    end: socket.socket

    def tell(self, *lines: str) -> None:
        self.end.sendall("".join(f"{line}\n" for line in lines).encode())

    def die(self) -> None:
        """As the worker."""
        self.end.close()

    def has_ended(self) -> bool:
        return self.process.poll() is not None


@contextmanager
def guarding() -> Iterator[Guarding]:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "treadle_worker.guard", "--fd", str(theirs.fileno())]
    with ours:
        with theirs:
            process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), start_new_session=True)
        try:
            yield Guarding(process, ours)
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def guard() -> Iterator[Guarding]:
    with guarding() as guard:
        yield guard


@dataclass
class Opened:
    """A session that is open in a store which serves."""

    serving: ServingStore
    session: WorkerSession

    @property
    def order(self) -> str:
        return f"session {self.session.id} {self.serving.target}"

    @property
    def end(self) -> SessionEnd | None:
        closed = self.serving.store.sessions.stays[self.session.id].closed
        return None if closed is None else closed[1]


@pytest.fixture
async def opened() -> AsyncIterator[Opened]:
    serving, session = ServingStore(), a_session("echo")
    async with serving.serving():
        await serving.store.sessions.open(session, serving.store.lease)
        yield Opened(serving, session)


async def test_of_a_worker_that_dies_nothing_runs_on_and_then_its_session_is_closed(
    guard: Guarding, opened: Opened
) -> None:
    async def note_what_runs(_: object) -> None:
        left_at_the_close.append(running(leader.pid))

    left_at_the_close: list[list[int]] = []
    opened.serving.faults.before = note_what_runs
    with loop_in_c() as leader:
        guard.tell(opened.order, f"+{leader.pid}")
        assert len(running(leader.pid)) == 2

        guard.die()

        await eventually(lambda: not running(leader.pid), within_seconds=2.0)
        await eventually(guard.has_ended)
        assert guard.process.returncode == 0
        assert opened.end is SessionEnd.KILLED
        assert left_at_the_close == [[]]


async def test_a_store_that_is_away_for_a_moment_is_asked_again(guard: Guarding) -> None:
    serving, session = ServingStore(), a_session("echo")
    async with serving.serving():
        await serving.store.sessions.open(session, serving.store.lease)
    guard.tell(f"session {session.id} {serving.target}")

    guard.die()

    async with serving.serving():
        await eventually(guard.has_ended, within_seconds=12.0)
    assert serving.faults.calls == ["CloseSession"]


async def test_after_a_bye_it_closes_nothing(guard: Guarding, opened: Opened) -> None:
    guard.tell(opened.order, "bye")

    await eventually(guard.has_ended)

    assert (guard.process.returncode, opened.serving.faults.calls) == (0, [])


async def test_a_worker_that_dies_before_its_session_is_open_leaves_nothing(
    guard: Guarding,
) -> None:
    with groups(SLEEP) as [leader]:
        guard.tell(f"+{leader.pid}")

        guard.die()

        await eventually(guard.has_ended)
        assert not running(leader.pid)


async def test_at_the_deadline_all_are_killed_and_the_session_is_left_to_the_worker(
    guard: Guarding, opened: Opened
) -> None:
    with loop_in_c() as leader:
        guard.tell(opened.order, f"+{leader.pid}", f"until {boot_seconds() + 0.2}")

        await eventually(lambda: not running(leader.pid), within_seconds=1.5)

        assert not guard.has_ended()
        assert not opened.serving.faults.calls


async def test_after_a_deadline_the_next_one_counts(guard: Guarding) -> None:
    with groups(SLEEP, SLEEP) as [early, late]:
        guard.tell(f"+{early.pid}", f"until {boot_seconds()}")
        await eventually(lambda: not running(early.pid))

        guard.tell(f"+{late.pid}", f"until {boot_seconds()}")

        await eventually(lambda: not running(late.pid))


async def test_a_deadline_that_moves_in_time_kills_nothing(guard: Guarding) -> None:
    with groups(SLEEP, SLEEP) as [leader, other]:
        guard.tell(f"+{leader.pid}", f"until {boot_seconds() + 600}", "until inf")
        guard.tell(f"until {boot_seconds() + 600}", f"-{leader.pid}", f"+{other.pid}")

        guard.tell("until 1")

        await eventually(lambda: not running(other.pid))
        assert running(leader.pid)


async def test_many_groups_are_killed_those_that_are_gone_cost_nothing(
    guard: Guarding,
) -> None:
    with groups(*[SLEEP] * 100) as leaders, groups(["true"]) as [gone]:
        gone.wait()
        guard.tell(f"+{gone.pid}", *(f"+{leader.pid}" for leader in leaders))

        guard.die()

        await eventually(guard.has_ended)
        assert guard.process.returncode == 0
        assert {leader.wait(0) for leader in leaders} == {-signal.SIGKILL}


async def test_what_is_no_order_is_passed_over(guard: Guarding) -> None:
    nonsense = ["", "+", "+x", "-", "+-1", "+0", "+1", "+1 2", "until", "until x", "until nan"]
    nonsense += ["session", "session x y", f"session {uuid4()}", "goodbye", "\0\udcff".strip()]
    with groups(SLEEP) as [leader]:
        guard.end.sendall("\n".join([*nonsense, ""]).encode(errors="surrogateescape"))
        guard.end.sendall(b"x" * 200_000 + b"\n")
        guard.tell(f"+{leader.pid}", f"until {boot_seconds()}")

        await eventually(lambda: not running(leader.pid))

        assert not guard.has_ended()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_it_outlives_the_signals_that_are_meant_for_the_worker(
    guard: Guarding, number: signal.Signals
) -> None:
    with groups(SLEEP, SLEEP) as [first, second]:
        guard.tell(f"+{first.pid}", "until 1")
        await eventually(lambda: not running(first.pid))

        os.kill(guard.process.pid, number)

        guard.tell(f"+{second.pid}", "until 2")
        await eventually(lambda: not running(second.pid))


def test_it_is_small_until_it_must_close_a_session() -> None:
    program = "import sys; import treadle_worker.guard.__main__; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert not {"asyncio", "grpc", "structlog", "pydantic", "msgspec"} & {*loaded.stdout.split()}
